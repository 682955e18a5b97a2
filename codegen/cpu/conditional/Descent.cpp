// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tokens walk down a tree of neurons, all of a block level by level. In: rows of f32, neurons. Out: for each token its
// numbers a_l and its last neuron, tokens in the order of these. From techniques 6.3; the order is our own.
//
// What bounds it. A product of a token and a neuron is K multiplications; the row of the token comes from the second-
// level cache (32 bytes a cycle on Zen 4, half of what the multiplications could take), the row of the neuron from the
// first, if the tokens of a neuron follow one another. So:
//   1. Lists. Tokens stand in the order of their neurons; those at one neuron are a run. After a step a run is split,
//      stably, by the way that its tokens take (four ways, counted in the four halves of one integer).
//   2. Two levels a step: a run's tokens, eight at a time, are multiplied with the neuron and both its children. One of
//      three products is for nothing, but each row of a token is read once for two levels, and 24 sums hide the latency
//      of their additions. (256-bit registers: two tokens, six sums of two registers.) One or two tokens that are left
//      of a run are walked one level at a time, without what is for nothing.
//   3. Two phases: tiles of tokens whose rows fit in the second-level cache walk the first levels; then the block is
//      put into the order of their neurons, and tiles of that order walk the others. So rows come from memory twice,
//      and weights once a block, whatever the number of levels.
//
// The way is that of the sum in f64. Of a sum in f32, |error| <= (K / 16 + 8) 2^-24 |x| |w| (16 lanes of K / 16 steps,
// four additions, a scale, the bias; Cauchy-Schwarz), and where u stands for w, |x| |w - u| more: where |a| is smaller,
// or no finite number, Recheck.cpp adds again. What is behind |x| is packed with the neuron, what is before it is the
// reach of the token. A row of zeros has reach 0 and is exact.
//
// Each a_l is the same chains of additions along k, whatever the tokens beside it: which thread, tile or block does not
// change a bit. Tested by test/unit/codegen/NeuronTreeKernelTest.cpp.
#include "codegen/cpu/conditional/DescentTree.h"

using namespace mlir;

namespace lmopt::cpu {

using Values = Emitter::Values;

Value loadNumbers(Emitter &e, RowNumber format, Value address) {
  if (format == RowNumber::F32)
    return e.load(e.floats(), address, 64);
  auto type = [&](Type element) { return VectorType::get({kLanes}, element); };
  if (format == RowNumber::Bf16) {
    Value bits = arith::ExtUIOp::create(e.b, e.loc, e.ints(), e.load(type(e.b.getI16Type()), address, 32));
    return e.bitcast(e.shl(bits, e.intsOf(16)), e.floats());
  }
  return e.toFloat(arith::ExtSIOp::create(e.b, e.loc, e.ints(), e.load(type(e.b.getI8Type()), address, 16)));
}

namespace {

// The reach of the errors of a row: what is behind the norm of a neuron in the inequality above.
void emitReach(Emitter &e, const DescentSpec &spec, Value row, Value to) {
  int64_t vectors = spec.rows.keyVectors();
  auto load = [&](Value i) { return e.load(e.floats(), e.at(row, e.mul(i, 64)), 64); };
  Value sum = sumInChains(e, vectors, [&](Value i) {
    Value x = load(i);
    return std::make_pair(x, x);
  });
  e.ifElse(
      arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UNE, sum, e.f32(0)),
      [&] {
        // Rounded up by far more than the sum of squares and the root are off; squares below 2^-126 are in the least.
        float units = static_cast<float>(spec.rows.sumError() * 1.001);
        Value root = e.intrinsic("llvm.sqrt", e.b.getF32Type(), {sum});
        e.store(e.add(e.mul(root, e.f32(units)), e.f32(0x1p-60f)), to);
      },
      [&] { // squares may all have been too small
        Value bits = e.loop(e.index(0), e.index(vectors), 1, {e.intsOf(0)}, [&](Value i, const Values &carried) {
          return Values{arith::OrIOp::create(e.b, e.loc, carried[0], e.bitcast(e.magnitude(load(i)), e.ints()))};
        })[0];
        Value any = vector::ReductionOp::create(e.b, e.loc, vector::CombiningKind::OR, bits);
        e.store(e.select(e.equal(any, e.i32(0)), e.f32(0), e.f32(0x1p-60f)), to);
      });
}

// (scratch, from, to, count): the list put into the order of its neurons, which are all of the level behind the first
// ones.
void emitOrder(Emitter &e, const DescentSpec &spec, ValueRange a) {
  int64_t bins = int64_t{1} << spec.firstLevels();
  Value counts = e.at(a[0], spec.countsOffset());
  auto tokens = [&](Value list) { return e.at(list, spec.tokensOffset(0)); };
  auto neurons = [&](Value list) { return e.at(list, spec.neuronsOffset(0)); };
  auto bin = [&](Value i) { return e.add(loadNumber(e, neurons(a[1]), i), 1 - bins); };
  e.loop(0, bins, 1, [&](Value b) { storeNumber(e, e.index(0), counts, b); });
  e.loop(e.index(0), a[3], 1, [&](Value i) { countUp(e, counts, bin(i)); });
  countsToBegins(e, counts, bins);
  e.loop(e.index(0), a[3], 1, [&](Value i) {
    Value place = countUp(e, counts, bin(i));
    storeNumber(e, loadNumber(e, tokens(a[1]), i), tokens(a[2]), place);
    storeNumber(e, loadNumber(e, neurons(a[1]), i), neurons(a[2]), place);
  });
}

} // namespace

std::string textOf(const DescentSpec &spec) {
  const NeuronRows &rows = spec.rows;
  return std::string(numberWord(rows.keyFormat)) + "_" + numberWord(rows.valueFormat) + (rows.exact ? "_exact" : "") +
         "_l" + std::to_string(spec.levels) + "_k" + std::to_string(rows.inputs) + "_n" + std::to_string(rows.outputs) +
         (spec.tieRight ? "_tieright" : "") + (spec.trees > 1 ? "_trees" + std::to_string(spec.trees) : "");
}

Descent::Descent(KernelLibrary &kernels, const DescentSpec &spec) : spec(spec) {
  if (spec.levels > 2)
    pairs = stepKernel(kernels, spec, 2, false);
  if (spec.levels % 2 == 0)
    lastPair = stepKernel(kernels, spec, 2, true);
  else
    lastSingle = stepKernel(kernels, spec, 1, true);
  walk = walkKernel(kernels, spec);
  if (spec.firstLevels() < spec.levels)
    order =
        kernels.define("descend_order_" + textOf(spec), 3, 1, [&](Emitter &e, ValueRange a) { emitOrder(e, spec, a); });
  reaches = kernels.define("descend_reach_" + textOf(spec), 2, 2, [&](Emitter &e, ValueRange a) {
    e.loop(a[2], a[3], 1, [&](Value token) {
      Value row = e.at(a[0], e.mul(token, floatRowBytes(spec.rows.inputs)));
      emitReach(e, spec, row, e.at(a[1], e.add(e.mul(token, 4), spec.reachOffset())));
    });
  });
}

// Steps move tokens from list to list, all but the last of the levels, and so does putting them in order.
int64_t Descent::listAfter(int64_t levels, bool ordered) const {
  int64_t steps = (levels + 1) / 2;
  return (steps - (levels == spec.levels ? 1 : 0) + (ordered ? 1 : 0)) % 2;
}

void Descent::emitSteps(Emitter &e, const TreeValues &tree, Value begin, Value end, Value count, int64_t from,
                        int64_t to, bool ordered) const {
  int64_t list = listAfter(from, ordered), start = list;
  auto listAt = [&](int64_t number) { return e.at(tree.scratch, spec.tokensOffset(number)); };
  auto [rows, tokens] = stepAhead(e);
  for (int64_t level = from; level < to; level += 2) {
    bool last = level + 2 >= spec.levels;
    const std::string &name = !last ? pairs : level + 1 < spec.levels ? lastPair : lastSingle;
    Values arguments = tree.all();
    Value ahead = e.min(e.add(end, (level - from) / 2 * spec.tileTokens() * rows / tokens), count);
    arguments.append({listAt(list), listAt(1 - list), listAt(start), begin, end, e.index(level), ahead, count});
    func::CallOp::create(e.b, e.loc, name, TypeRange(), arguments);
    list = last ? list : 1 - list;
  }
}

void Descent::emitWalk(Emitter &e, const TreeValues &tree, Value count, bool firstTree) const {
  if (firstTree)
    func::CallOp::create(e.b, e.loc, reaches, TypeRange(), ValueRange{tree.in, tree.scratch, e.index(0), count});
  Values arguments = tree.all();
  arguments.push_back(count);
  func::CallOp::create(e.b, e.loc, walk, TypeRange(), arguments);
}

void Descent::emitFirst(Emitter &e, const TreeValues &tree, Value count, bool firstTree) const {
  Value tokens = e.at(tree.scratch, spec.tokensOffset(0)), neurons = e.at(tree.scratch, spec.neuronsOffset(0));
  e.loop(e.index(0), count, 1, [&](Value i) {
    storeNumber(e, i, tokens, i);
    storeNumber(e, e.index(0), neurons, i);
  });
  int64_t first = spec.firstLevels();
  e.loop(e.index(0), count, spec.tileTokens(), [&](Value begin) {
    Value end = e.min(e.add(begin, spec.tileTokens()), count);
    if (firstTree)
      func::CallOp::create(e.b, e.loc, reaches, TypeRange(), ValueRange{tree.in, tree.scratch, begin, end});
    emitSteps(e, tree, begin, end, count, 0, first, /*ordered=*/false);
  });
  if (first == spec.levels)
    return;
  int64_t list = listAfter(first, /*ordered=*/false);
  auto listAt = [&](int64_t number) { return e.at(tree.scratch, spec.tokensOffset(number)); };
  func::CallOp::create(e.b, e.loc, order, TypeRange(), ValueRange{tree.scratch, listAt(list), listAt(1 - list), count});
}

void Descent::emitRest(Emitter &e, const TreeValues &tree, Value begin, Value end, Value count) const {
  if (spec.firstLevels() < spec.levels)
    emitSteps(e, tree, begin, end, count, spec.firstLevels(), spec.levels, /*ordered=*/true);
}

} // namespace lmopt::cpu
