// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotation of rows: x * H for each block, H the normalized Hadamard matrix in natural order, as log2(block) stages of
// butterflies and 1 / sqrt(block), in the order of codegen/cpu/quantize/Rotation.cpp: the same bits. Numbers meet
// within a thread's run, then those of lanes by shuffles, then those of warps in shared memory. See RowEmitter.h.
// Tested by test/unit/codegen/ptx/RowGroupsTest.cpp.
#include "codegen/ptx/rows/RowEmitter.h"

#include <cmath>

using namespace mlir;

namespace lmopt::nvptx {

RowEmitter::Values RowEmitter::rotate(const RowStep &step) {
  Values numbers = operand(step, 0);
  for (int64_t distance = 1; distance < step.size; distance *= 2) {
    if (distance < kRun)
      turnWithinRuns(numbers, distance);
    else if (distance < kRun * kWarpLanes)
      turnBetweenLanes(numbers, distance / kRun);
    else
      turnBetweenThreads(numbers, distance / kRun);
  }
  Value norm = e.floatOf(1.0F / std::sqrt(static_cast<float>(step.size)));
  return each(numbers, [&](Value x) { return e.mul(x, norm); });
}

void RowEmitter::turnWithinRuns(Values &numbers, int64_t distance) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    size_t partner = i ^ static_cast<size_t>(distance);
    if (i > partner)
      continue;
    Value a = numbers[i], c = numbers[partner];
    numbers[i] = e.add(a, c), numbers[partner] = e.sub(a, c);
  }
}

// One fused operation: its product is exact.
void RowEmitter::turnBetweenLanes(Values &numbers, int64_t distance) {
  Value sign = signOf(distance);
  for (Value &number : numbers)
    number = e.acrossLanes(number, {distance}, [&](Value own, Value other) { return e.fma(own, sign, other); });
}

void RowEmitter::turnBetweenThreads(Values &numbers, int64_t distance) {
  Value sign = signOf(distance);
  Value partner = arith::XOrIOp::create(e.b, e.loc, thread, e.number(distance));
  auto place = [&](Value of) { return e.at(shared, e.mul(of, 4 * kRun)); };
  for (int64_t turn = 0; turn < turns(); ++turn) {
    e.barrier(); // who is behind may still read what was there before
    e.storeFour(runOf(numbers, turn), place(thread));
    e.barrier();
    for (auto [i, other] : llvm::enumerate(e.loadFour(e.f32(), place(partner)))) {
      Value &own = numbers[static_cast<size_t>(turn * kRun) + i];
      own = e.fma(own, sign, other);
    }
  }
}

} // namespace lmopt::nvptx
