// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Descent.h.
#include "codegen/ptx/conditional/Descent.h"

#include <limits>

using namespace mlir;

namespace lmopt::nvptx {

using Values = Emitter::Values;

// All bits but signs of the row, together.
Value Descent::anyBits() {
  auto either = [&](Value a, Value c) -> Value { return arith::OrIOp::create(e.b, e.loc, a, c); };
  Value own = e.loop(e.lane(), e.number(rows.inputs), kWarpLanes, {e.number(0)}, [&](Value k, const Values &so) {
    return Values{either(so[0], e.bitAnd(e.load(e.i32(), e.at(x, e.mul(k, 4))), 0x7fffffff))};
  })[0];
  return e.acrossLanes(own, {16, 8, 4, 2, 1}, either);
}

// Rounded up by far more than the sum of squares and the root are off; squares below 2^-126 are in the least reach.
Value Descent::reach() {
  auto units = static_cast<float>(products.sumError() * 1.001);
  Value length = e.sqrt(products.sums(x, {x})[0]);
  Value least = e.select(e.equal(anyBits(), e.number(0)), e.floatOf(0), e.floatOf(0x1p-60F));
  return e.add(e.mul(length, e.floatOf(units)), least);
}

Value Descent::isUncertain(Value number, Value error) {
  Value magnitude = e.bitcast(e.bitAnd(e.bitcast(number, e.i32()), 0x7fffffff), e.f32());
  auto compare = [&](arith::CmpFPredicate predicate, Value bound) -> Value {
    return arith::CmpFOp::create(e.b, e.loc, predicate, magnitude, bound);
  };
  Value isNear = compare(arith::CmpFPredicate::ULT, error);
  Value isHuge = compare(arith::CmpFPredicate::UGE, e.floatOf(std::numeric_limits<float>::infinity()));
  return arith::OrIOp::create(e.b, e.loc, isNear, isHuge);
}

Value Descent::goesRight(Value number) {
  auto predicate = tieRight ? arith::CmpFPredicate::OGE : arith::CmpFPredicate::OGT;
  return arith::CmpFOp::create(e.b, e.loc, predicate, number, e.floatOf(0));
}

// Products of f32 are exact in f64, so it is all the same that they are fused with their additions.
Value Descent::addExactly(Value row, Value k, Value sum) {
  auto number = [&](Value from) { return e.toDouble(e.load(e.f32(), e.at(from, e.mul(k, 4)))); };
  return e.fma(number(x), number(row), sum);
}

Value Descent::exactNumber(Value neuron) {
  Value row = rowOf(neuron), chain = e.bitAnd(e.lane(), 3);
  Value zero = arith::ConstantOp::create(e.b, e.loc, e.b.getF64FloatAttr(0));
  constexpr int64_t kAhead = 4;
  int64_t whole = rows.inputs / (4 * kAhead) * (4 * kAhead), every = rows.inputs / 4 * 4;
  auto addFour = [&](Value k, Value sum) { return addExactly(row, e.add(k, chain), sum); };
  Value sum = e.loop(e.number(0), e.number(whole), 4 * kAhead, {zero}, [&](Value k, const Values &so) {
    Value next = so[0];
    for (int64_t i = 0; i < kAhead; ++i)
      next = addFour(e.add(k, 4 * i), next);
    return Values{next};
  })[0];
  for (int64_t k = whole; k < every; k += 4)
    sum = addFour(e.number(k), sum);
  if (every < rows.inputs) { // without a branch, as lanes must stay together
    Value isThere = e.less(chain, e.number(rows.inputs - every)), last = e.add(chain, every);
    sum = e.select(isThere, addExactly(row, e.select(isThere, last, e.number(0)), sum), sum);
  }
  sum = e.acrossLanes(sum, {1, 2}, [&](Value a, Value c) { return e.add(a, c); });
  return e.toSingle(e.add(sum, e.toDouble(beside(neuron, NeuronRows::kBias))));
}

Value Descent::number(Value neuron, Value reach) {
  Value close = e.add(products.sums(x, {rowOf(neuron)})[0], beside(neuron, NeuronRows::kBias));
  Value error = e.mul(reach, beside(neuron, NeuronRows::kNorm));
  return e.ifThen(isUncertain(close, error), {close}, [&] { return Values{exactNumber(neuron)}; })[0];
}

Values Descent::walk(Value root, int64_t levels) {
  Value reached = reach();
  Values start = {root, e.floatOf(0), e.number(0)};
  return e.loop(e.number(0), e.number(levels), 1, start, [&](Value level, const Values &so) {
    Value neuron = e.add(root, so[2]), a = number(neuron, reached), isMine = e.equal(e.lane(), level);
    Value side = e.select(goesRight(a), e.number(2), e.number(1));
    return Values{e.select(isMine, neuron, so[0]), e.select(isMine, a, so[1]), e.add(e.mul(so[2], 2), side)};
  });
}

} // namespace lmopt::nvptx
