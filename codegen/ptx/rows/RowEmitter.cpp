// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each step makes of a row in registers: pointwise functions and norms; sums of a whole row. See RowEmitter.h.
#include "codegen/ptx/rows/RowEmitter.h"

#include "codegen/Functions.h"
#include "codegen/RowSums.h"

using namespace mlir;

namespace lmopt::nvptx {

RowEmitter::Values RowEmitter::emit(const RowStep &step) {
  auto activated = [&](Value a) { return functions::activation(e, step.activation, step.for8Bits, a); };
  auto sumOf = [&](Value a, Value c) { return e.add(a, c); };
  switch (step.kind) {
  case RowStepKind::Load:
    return load(e.atElement(pointer(step, 0), row, spec.floatBytes()));
  case RowStepKind::LoadListed:
  case RowStepKind::Gather:
    return loadNumbered(step);
  case RowStepKind::GatherFragments:
    return loadFragments(step);
  case RowStepKind::JoinParts:
    return joinParts(step);
  case RowStepKind::Add:
    return zip(operand(step, 0), operand(step, 1), sumOf);
  case RowStepKind::AddPositions:
    return zip(operand(step, 0), loadPosition(step), sumOf);
  case RowStepKind::BiasAdd:
    return zip(operand(step, 0), load(pointer(step, 0)), sumOf);
  case RowStepKind::Gated:
    return zip(operand(step, 0), operand(step, 1), [&](Value a, Value c) { return e.mul(activated(a), c); });
  case RowStepKind::Activate:
    return each(operand(step, 0), activated);
  case RowStepKind::SoftCap:
    return each(operand(step, 0), [&](Value a) { return functions::softCap(e, step.cap, a); });
  case RowStepKind::RmsNorm:
    return rmsNorm(step);
  case RowStepKind::HeadRmsNorm:
    return headRmsNorm(step);
  case RowStepKind::LayerNorm:
    return layerNorm(step);
  case RowStepKind::L2Normalize:
    return l2Normalize(step);
  case RowStepKind::FakeQuantize:
    return each(operand(step, 0),
                [&](Value a) { return e.mul(e.toFloat(trainedCode(a, step.range)), e.floatOf(step.range.step)); });
  case RowStepKind::Rotate:
    return rotate(step);
  case RowStepKind::StoreFloats:
  case RowStepKind::StorePacked:
  case RowStepKind::StoreHalves:
  case RowStepKind::StoreCodes:
  case RowStepKind::StoreStaticCodes:
  case RowStepKind::StoreGroups:
    store(step);
    return {};
  }
  return {};
}

void RowEmitter::below(int64_t turn, int64_t width, const std::function<void()> &body) {
  isWhole(turn, width) ? body() : e.ifThen(e.less(firstOf(turn), e.number(width)), body);
}

RowEmitter::Values RowEmitter::each(const Values &numbers, llvm::function_ref<Value(Value)> function) {
  return Values(llvm::map_range(numbers, function));
}

RowEmitter::Values RowEmitter::zip(const Values &left, const Values &right,
                                   llvm::function_ref<Value(Value, Value)> function) {
  Values result;
  for (auto [a, c] : llvm::zip_equal(left, right))
    result.push_back(function(a, c));
  return result;
}

RowEmitter::Values RowEmitter::masked(const Values &numbers) {
  Values result;
  for (auto [i, number] : llvm::enumerate(numbers)) {
    auto turn = static_cast<int64_t>(i) / kRun;
    Value place = e.add(firstOf(turn), static_cast<int64_t>(i) % kRun);
    result.push_back(isWhole(turn, spec.width) ? number
                                               : e.select(e.less(place, e.number(spec.width)), number, e.floatOf(0)));
  }
  return result;
}

//===--- Numbers of a whole row ---===//

Value RowEmitter::reduce(Value own, llvm::function_ref<Value(Value, Value)> combine) {
  own = e.acrossLanes(own, {16, 8, 4, 2, 1}, combine);
  e.barrier(); // who is behind may still read what was there before
  return e.acrossWarps(own, shared, kWarps, combine);
}

// Threads have neighbouring numbers, chains have every so many: they meet in shared memory.
void RowEmitter::shareRow(const Values &numbers) {
  e.barrier(); // as above
  for (int64_t turn = 0; turn < turns(); ++turn)
    below(turn, rowSumPadded(spec.width),
          [&] { e.storeFour(runOf(numbers, turn), e.at(e.at(shared, kSumBytes), e.mul(firstOf(turn), 4))); });
  e.barrier();
}

Value RowEmitter::sum(const Values &numbers, bool ofSquares) {
  shareRow(numbers);
  int64_t chains = rowSumChains(spec.width);
  Value first = e.at(e.at(shared, kSumBytes), e.mul(thread, 4));
  e.ifThen(e.less(thread, e.number(chains)),
           [&] { e.store(chain(first, spec.width, ofSquares), e.at(shared, e.mul(thread, 4))); });
  e.barrier();
  Value own = e.at(shared, e.mul(e.bitAnd(e.lane(), chains - 1), 4)), whole = e.load(e.f32(), own);
  if (chains > kWarpLanes)
    whole = e.add(whole, e.load(e.f32(), e.at(own, 4 * kWarpLanes)));
  return sumOfChains(whole, chains);
}

// A lane has one of up to 32 chains; where there are fewer, several lanes have the same.
Value RowEmitter::sumOfChains(Value own, int64_t chains) {
  auto added = [&](Value a, Value c) { return e.add(a, c); };
  if (chains >= kWarpLanes)
    own = e.acrossLanes(own, {16}, added);
  return e.acrossLanes(own, {8, 4, 2, 1}, added);
}

Value RowEmitter::chain(Value first, int64_t width, bool ofSquares) {
  int64_t chains = rowSumChains(width);
  return e.loop(e.number(0), e.number(4 * rowSumPadded(width)), 4 * chains, {e.floatOf(0)},
                [&](Value offset, const Values &sum) {
                  Value x = e.load(e.f32(), e.at(first, offset));
                  return Values{ofSquares ? e.fma(x, x, sum[0]) : e.add(x, sum[0])};
                })[0];
}

Value RowEmitter::mean(const Values &numbers, bool ofSquares) {
  return e.mul(sum(numbers, ofSquares), e.floatOf(1.0F / static_cast<float>(spec.width)));
}

//===--- Norms ---===//

RowEmitter::Values RowEmitter::scaled(const RowStep &step, const Values &x, Value factor) {
  Values result = each(x, [&](Value a) { return e.mul(a, factor); });
  if (!step.pointers.empty())
    result = zip(result, load(pointer(step, 0)), [&](Value a, Value weight) { return e.mul(a, weight); });
  if (step.pointers.size() > 1)
    result = zip(result, load(pointer(step, 1)), [&](Value a, Value c) { return e.add(a, c); });
  return result;
}

RowEmitter::Values RowEmitter::rmsNorm(const RowStep &step) {
  const Values &x = operand(step, 0);
  Value squares = mean(x, /*ofSquares=*/true);
  return scaled(step, x, reciprocalSqrt(e.add(squares, e.floatOf(step.epsilon))));
}

// A warp adds up a head: a lane has a chain, or two of them, the second half a warp's lanes further.
Value RowEmitter::factorOfHead(const RowStep &step, Value head) {
  int64_t chains = rowSumChains(step.size);
  Value numbers = e.at(e.at(shared, kSumBytes), e.mul(head, 4 * step.size));
  Value first = e.at(numbers, e.mul(e.bitAnd(e.lane(), chains - 1), 4));
  Value squares = chain(first, step.size, /*ofSquares=*/true);
  if (chains > kWarpLanes)
    squares = e.add(squares, chain(e.at(first, 4 * kWarpLanes), step.size, /*ofSquares=*/true));
  Value average = e.mul(sumOfChains(squares, chains), e.floatOf(1.0F / static_cast<float>(step.size)));
  return reciprocalSqrt(e.add(average, e.floatOf(step.epsilon)));
}

RowEmitter::Values RowEmitter::headRmsNorm(const RowStep &step) {
  shareRow(operand(step, 0));
  Value factors = e.at(shared, kSumBytes + 4 * rowSumPadded(spec.width));
  e.loop(e.warp(), e.number(spec.width / step.size), kWarps, [&](Value head) {
    Value factor = factorOfHead(step, head);
    e.ifThen(e.equal(e.lane(), e.number(0)), [&] { e.store(factor, e.at(factors, e.mul(head, 4))); });
  });
  e.barrier();
  auto product = [&](Value a, Value c) { return e.mul(a, c); };
  auto ofHead = [&](Value place) { // a run of four lies in one head
    return Values(kRun, e.load(e.f32(), e.at(factors, e.mul(e.div(place, step.size), 4))));
  };
  Values result = zip(operand(step, 0), loadRuns(ofHead), product);
  if (step.pointers.empty())
    return result;
  auto weights = [&](Value place) {
    return e.loadFour(e.f32(), e.at(pointer(step, 0), e.mul(e.rem(place, step.size), 4)));
  };
  return zip(result, loadRuns(weights), product);
}

// The variance is the mean of squared differences from the mean, as the oracle has it.
RowEmitter::Values RowEmitter::layerNorm(const RowStep &step) {
  Value average = mean(operand(step, 0), /*ofSquares=*/false);
  Values x = masked(each(operand(step, 0), [&](Value a) { return e.sub(a, average); }));
  Value squares = mean(x, /*ofSquares=*/true);
  return scaled(step, x, reciprocalSqrt(e.add(squares, e.floatOf(step.epsilon))));
}

RowEmitter::Values RowEmitter::l2Normalize(const RowStep &step) {
  const Values &x = operand(step, 0);
  Value length = e.sqrt(sum(x, /*ofSquares=*/true));
  return scaled(step, x, e.div(e.floatOf(1), e.max(length, e.floatOf(1e-12F))));
}

} // namespace lmopt::nvptx
