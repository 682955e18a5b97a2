// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gates for CPUs. In: rows x and hyperplanes, or rows of scores. Out: a row with a number for each expert, 0 where it
// is not chosen.
//
// Keys: floats as integers in the same order (the bits of a negative number but its sign turned over). Below all stand
// what is no number, then what has been taken and lanes beyond the last. The greatest is taken `count` times, the first
// of equal ones: count N / 16 steps of a few instructions, little beside an expert of which each chosen one is
// computed. Tested by test/unit/codegen/ExpertsKernelTest.cpp, test/codegen/run-compiled/conditional.mlir.
#include "codegen/cpu/conditional/Gates.h"

#include "codegen/cpu/conditional/Descent.h"

#include <limits>

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;
constexpr int32_t kTaken = std::numeric_limits<int32_t>::min(), kNoNumber = kTaken + 1;

// Choosing among `width` floats, whose keys stand at `keys`.
struct Choice {
  Emitter &e;
  Value keys;
  int64_t width;

  Value at(Value base, Value i) { return e.at(base, e.mul(i, 4)); }
  Value i64(Value i) { return arith::ExtSIOp::create(e.b, e.loc, e.b.getI64Type(), i); }

  void fill(const std::function<Value(Value)> &numbers) {
    e.loop(0, roundUp(width, kLanes), kLanes, [&](Value i) {
      Value x = e.add(numbers(i), e.floatsOf(0)), bits = e.bitcast(x, e.ints()); // -0 to 0: they are equal
      Value turned = e.bitAnd(e.shrSigned(bits, e.intsOf(31)), e.intsOf(std::numeric_limits<int32_t>::max()));
      Value key = arith::XOrIOp::create(e.b, e.loc, bits, turned);
      Value isNumber = arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::ORD, x, x);
      key = e.select(isNumber, key, e.intsOf(kNoNumber));
      Value there = e.maskBelow(e.sub(e.index(width), i));
      e.store(e.select(there, key, e.intsOf(kTaken)), at(keys, i), 64);
    });
  }
  // The number of the greatest key, which is then taken.
  Value take() {
    auto load = [&](Value i) { return e.load(e.ints(), at(keys, i), 64); };
    Value all = e.index(roundUp(width, kLanes));
    Value greatest = e.loop(e.index(0), all, kLanes, {e.intsOf(kTaken)},
                            [&](Value i, const Values &carried) { return Values{e.max(carried[0], load(i))}; })[0];
    Value key = e.broadcast(e.reduceMax(greatest)), beyond = e.intsOf(std::numeric_limits<int32_t>::max());
    Value first = e.loop(e.index(0), all, kLanes, {beyond}, [&](Value i, const Values &carried) {
      Value base = arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(), i);
      Value number = e.add(e.laneIds(), e.broadcast(base));
      return Values{e.min(carried[0], e.select(e.equal(load(i), key), number, beyond))};
    })[0];
    Value found = i64(e.reduceMin(first));
    e.store(e.i32(kTaken), at(keys, found));
    return found;
  }
};

void fillRow(Emitter &e, Value row, int64_t width, float number) {
  e.loop(0, width / kLanes * kLanes, kLanes, [&](Value i) { e.store(e.floatsOf(number), e.at(row, e.mul(i, 4))); });
  for (int64_t i = width / kLanes * kLanes; i < width; ++i)
    e.store(e.f32(number), e.at(row, 4 * i));
}

// What the walk has left: the last neuron of each token, and its side.
void storeLeaves(Emitter &e, const TreeGatesSpec &spec, Value out, Value scratch, Value list, Value begin, Value end) {
  const DescentSpec &descent = spec.descent;
  e.loop(begin, end, 1, [&](Value i) {
    Value token = loadNumber(e, e.at(list, descent.tokensOffset(0)), i);
    Value last = loadNumber(e, e.at(list, descent.neuronsOffset(0)), i);
    Value way = e.shrLogical(loadNumber(e, e.at(scratch, descent.waysOffset()), i), e.index(4));
    Value leaf = e.add(e.add(e.add(e.mul(last, 2), 1), e.bitAnd(way, e.index(1))), -descent.nodes());
    Value row = e.at(out, e.mul(token, spec.outStride));
    fillRow(e, row, spec.leaves(), 0);
    e.store(e.f32(1), e.at(row, e.mul(leaf, 4)));
  });
}

// Rows of a block.
void emitLeaves(Emitter &e, const TreeGatesSpec &spec, const Descent &descent, const TreeValues &tree, Value out,
                Value count) {
  auto listAt = [&](int64_t list) { return e.at(tree.scratch, spec.descent.tokensOffset(list)); };
  e.ifElse(
      e.less(count, e.index(DescentSpec::kFew)),
      [&] {
        descent.emitWalk(e, tree, count, true);
        storeLeaves(e, spec, out, tree.scratch, listAt(0), e.index(0), count);
      },
      [&] {
        descent.emitFirst(e, tree, count, true);
        e.loop(e.index(0), count, spec.descent.tileTokens(), [&](Value begin) {
          Value end = e.min(e.add(begin, spec.descent.tileTokens()), count);
          descent.emitRest(e, tree, begin, end, count);
          storeLeaves(e, spec, out, tree.scratch, listAt(descent.endList()), begin, end);
        });
      });
}

// Costs of nodes and leaves, numbered as in the tree: parents hand theirs down.
void emitCosts(Emitter &e, const SeveralGatesSpec &spec, Value scores, Value costs) {
  Value side = e.f32(0);
  e.store(side, costs);
  e.loop(0, spec.nodes.outputs, 1, [&](Value n) {
    Value a = e.load(e.b.getF32Type(), e.at(scores, e.mul(n, 4))),
          cost = e.load(e.b.getF32Type(), e.at(costs, e.mul(n, 4)));
    auto compare = [&](arith::CmpFPredicate p) {
      return arith::CmpFOp::create(e.b, e.loc, p, a, e.f32(0)).getResult();
    };
    Value right = compare(spec.tieRight ? arith::CmpFPredicate::OGE : arith::CmpFPredicate::OGT);
    Value magnitude = e.select(compare(arith::CmpFPredicate::OGT), a, e.sub(e.f32(0), a));
    magnitude = e.select(compare(arith::CmpFPredicate::ORD), magnitude, e.f32(0));
    Value other = e.add(cost, magnitude), left = e.at(costs, e.add(e.mul(n, 8), 4));
    e.store(e.select(right, other, cost), left);
    e.store(e.select(right, cost, other), e.at(left, 4));
  });
}
} // namespace

std::string treeGatesKernel(KernelLibrary &kernels, const TreeGatesSpec &spec) {
  Descent descent(kernels, spec.descent);
  std::string name = "tree_gates_l" + std::to_string(spec.descent.levels) + "_k" +
                     std::to_string(spec.descent.rows.inputs) + (spec.descent.tieRight ? "_tieright" : "") + "_to" +
                     std::to_string(spec.outStride);
  return kernels.define(name, 4, 2, [&](Emitter &e, ValueRange a) {
    const NeuronRows &rows = spec.descent.rows;
    e.loop(a[4], a[5], spec.descent.blockTokens(), [&](Value block) {
      Value count = e.min(e.index(spec.descent.blockTokens()), e.sub(a[5], block));
      TreeValues tree{e.at(a[0], e.mul(block, floatRowBytes(rows.inputs))), a[1], e.at(a[1], rows.numbersOffset()),
                      e.at(a[1], rows.exactOffset()), a[3]};
      emitLeaves(e, spec, descent, tree, e.at(a[2], e.mul(block, spec.outStride)), count);
    });
  });
}

std::string severalGatesKernel(KernelLibrary &kernels, const SeveralGatesSpec &spec) {
  std::string product = linearKernel(kernels, spec.nodes);
  std::string name = "several_gates" + std::to_string(spec.count) + (spec.tieRight ? "_tieright" : "") + "_to" +
                     std::to_string(spec.outStride) + "_" + product;
  return kernels.define(name, 4, 2, [&](Emitter &e, ValueRange a) {
    Value costs = e.at(a[3], spec.costOffset());
    Choice choice{e, e.at(a[3], spec.keyOffset()), spec.leaves()};
    e.loop(a[4], a[5], 1, [&](Value row) {
      Value out = e.at(a[2], e.mul(row, spec.outStride));
      if (spec.count == spec.leaves())
        return fillRow(e, out, spec.leaves(), 1);
      Value in = e.at(a[0], e.mul(row, spec.nodes.inStride()));
      func::CallOp::create(
          e.b, e.loc, product, TypeRange(),
          ValueRange{in, a[1], a[3], e.index(0), e.index(1), e.index(0), e.index(spec.nodes.panels())});
      emitCosts(e, spec, a[3], costs);
      choice.fill([&](Value i) { // the least cost is the greatest key
        Value leaf = e.at(costs, e.mul(e.add(i, spec.nodes.outputs), 4));
        return e.sub(e.floatsOf(0), e.loadFloats(leaf));
      });
      fillRow(e, out, spec.leaves(), 0);
      e.loop(0, spec.count, 1, [&](Value) { e.store(e.f32(1), choice.at(out, choice.take())); });
    });
  });
}

namespace {

struct TopGates {
  Emitter &e;
  const TopGatesSpec &spec;
  Value scores, out, scratch;
  Choice choice{e, scratch, spec.experts};

  Value chosen(Value i) { return e.at(e.at(scratch, spec.chosenOffset()), e.mul(i, 4)); }
  Value score(Value i) { return e.at(e.at(scratch, spec.scoreOffset()), e.mul(i, 4)); }
  Value number(Value address) { return e.load(e.b.getF32Type(), address); }

  // sum over [0, width) of exp(x[i] - greatest); where `keep`, the terms take the places of x.
  Value sumOfPowers(Value x, int64_t width, Value greatest, bool keep) {
    Value sums =
        e.loop(e.index(0), e.index(roundUp(width, kLanes)), kLanes, {e.floatsOf(0)}, [&](Value i, const Values &sum) {
          Value address = e.at(x, e.mul(i, 4)), power = e.exp(e.sub(e.loadFloats(address), e.broadcast(greatest)));
          if (keep)
            e.store(power, address);
          return Values{e.add(sum[0], e.select(e.maskBelow(e.sub(e.index(width), i)), power, e.floatsOf(0)))};
        })[0];
    return e.reduceAdd(sums);
  }

  void emit() {
    choice.fill([&](Value i) { return e.loadFloats(choice.at(scores, i)); });
    e.loop(0, spec.count, 1, [&](Value i) {
      Value expert = choice.take();
      storeNumber(e, expert, e.at(scratch, spec.chosenOffset()), i);
      e.store(number(choice.at(scores, expert)), score(i));
    });
    fillRow(e, out, spec.experts, 0);
    auto give = [&](const std::function<Value(Value)> &gate) {
      e.loop(0, spec.count, 1,
             [&](Value i) { e.store(gate(i), choice.at(out, loadNumber(e, e.at(scratch, spec.chosenOffset()), i))); });
    };
    if (spec.softmax == TopGatesSpec::Softmax::None)
      return give([&](Value) { return e.f32(1); });
    Value greatest = number(score(e.index(0))), all;
    if (spec.softmax == TopGatesSpec::Softmax::All)
      all = sumOfPowers(scores, spec.experts, greatest, false);
    Value ofChosen = sumOfPowers(e.at(scratch, spec.scoreOffset()), spec.count, greatest, true);
    Value sum = all ? all : ofChosen;
    give([&](Value i) { return e.div(number(score(i)), sum); });
  }
};
} // namespace

std::string topGatesKernel(KernelLibrary &kernels, const TopGatesSpec &spec) {
  static const char *const words[] = {"chosen", "all", "none"};
  std::string name = "top_gates" + std::to_string(spec.count) + "_n" + std::to_string(spec.experts) + "_" +
                     words[static_cast<int>(spec.softmax)] + "_to" + std::to_string(spec.outStride);
  return kernels.define(name, 3, 2, [&](Emitter &e, ValueRange a) {
    e.loop(a[3], a[4], 1, [&](Value row) {
      TopGates{e, spec, e.at(a[0], e.mul(row, floatRowBytes(spec.experts))), e.at(a[1], e.mul(row, spec.outStride)),
               a[2]}
          .emit();
    });
  });
}

} // namespace lmopt::cpu
