// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lists of tokens, neurons and experts; see Lists.h.
#include "codegen/cpu/conditional/Lists.h"

using namespace mlir;

namespace lmopt::cpu {

Value loadNumber(Emitter &e, Value list, Value i) {
  Value found = e.load(e.b.getI32Type(), e.at(list, e.mul(i, 4)));
  return arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), found);
}

void storeNumber(Emitter &e, Value number, Value list, Value i) {
  e.store(arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(), number), e.at(list, e.mul(i, 4)));
}

Value countUp(Emitter &e, Value list, Value i) {
  Value count = loadNumber(e, list, i);
  storeNumber(e, e.add(count, 1), list, i);
  return count;
}

void countsToBegins(Emitter &e, Value counts, int64_t bins) {
  e.loop(e.index(0), e.index(bins), 1, {e.index(0)}, [&](Value bin, const Emitter::Values &begin) {
    Value count = loadNumber(e, counts, bin);
    storeNumber(e, begin[0], counts, bin);
    return Emitter::Values{e.add(begin[0], count)};
  });
}

Value sumInChains(Emitter &e, int64_t vectors, const std::function<std::pair<Value, Value>(Value)> &factors) {
  constexpr int64_t kChains = 4;
  int64_t whole = vectors / kChains * kChains;
  auto add = [&](Value i, int64_t chains, Emitter::Values sums) {
    for (int64_t c = 0; c < chains; ++c) {
      auto [a, b] = factors(e.add(i, c));
      sums[c] = e.fma(a, b, sums[c]);
    }
    return sums;
  };
  Emitter::Values sums = e.loop(e.index(0), e.index(whole), kChains, Emitter::Values(kChains, e.floatsOf(0)),
                                [&](Value i, const Emitter::Values &carried) { return add(i, kChains, carried); });
  sums = add(e.index(whole), vectors - whole, sums);
  return e.reduceAdd(e.add(e.add(sums[0], sums[1]), e.add(sums[2], sums[3])));
}

// from -> next(from) -> ... while `condition` holds.
Value repeat(Emitter &e, Value from, const std::function<Value(Value)> &condition,
             const std::function<Value(Value)> &next) {
  Type type = from.getType();
  auto loop = scf::WhileOp::create(e.b, e.loc, TypeRange(type), ValueRange(from));
  OpBuilder::InsertionGuard guard(e.b);
  Block *before = e.b.createBlock(&loop.getBefore(), {}, type, e.loc);
  e.b.setInsertionPointToStart(before);
  scf::ConditionOp::create(e.b, e.loc, condition(before->getArgument(0)), before->getArguments());
  Block *after = e.b.createBlock(&loop.getAfter(), {}, type, e.loc);
  e.b.setInsertionPointToStart(after);
  scf::YieldOp::create(e.b, e.loc, ValueRange(next(after->getArgument(0))));
  return loop.getResult(0);
}

// Sixteen numbers make a mask, whose lowest bit is taken until there is none: of many zeros most masks have none at
// once.
void forEachNonzero(Emitter &e, Value row, int64_t width, const std::function<void(Value)> &body) {
  Type i64 = e.b.getI64Type();
  e.loop(0, roundUp(width, kLanes), kLanes, [&](Value i) {
    Value numbers = e.loadFloats(e.at(row, e.mul(i, 4)));
    Value set = arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UNE, numbers, e.floatsOf(0));
    if (width % kLanes) // what stands behind the last is no number of the row
      set = arith::AndIOp::create(e.b, e.loc, set, e.maskBelow(e.sub(e.index(width), i)));
    Value bits = LLVM::BitcastOp::create(e.b, e.loc, e.b.getI16Type(), set);
    Value never = arith::ConstantOp::create(e.b, e.loc, e.b.getBoolAttr(false));
    repeat(
        e, arith::ExtUIOp::create(e.b, e.loc, i64, bits),
        [&](Value left) {
          return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, left, e.index(0)).getResult();
        },
        [&](Value left) {
          body(e.add(i, e.intrinsic("llvm.cttz", i64, {left, never})));
          return e.bitAnd(left, e.add(left, -1));
        });
  });
}

} // namespace lmopt::cpu
