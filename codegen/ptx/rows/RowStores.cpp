// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows from registers to memory: floats, the caller's rows of floats, halves. See RowEmitter.h. Tested by
// test/unit/codegen/ptx/RowsTest.cpp.
#include "codegen/ptx/rows/RowEmitter.h"

using namespace mlir;

namespace lmopt::nvptx {

void RowEmitter::store(const RowStep &step) {
  switch (step.kind) {
  case RowStepKind::StorePacked:
    return whereStored(step, [&] { storePacked(step); });
  case RowStepKind::StoreHalves:
    return whereStored(step, [&] { storeHalves(step); });
  case RowStepKind::StoreCodes:
    return storeCodes(step);
  case RowStepKind::StoreStaticCodes:
    return storeStaticCodes(step);
  case RowStepKind::StoreGroups:
    return storeGroups(step);
  default:
    return whereStored(step, [&] { storeFloats(step); });
  }
}

void RowEmitter::storeFloats(const RowStep &step) {
  Value to = target(step, 0, spec.floatBytes());
  for (int64_t turn = 0; turn < turns(); ++turn)
    below(turn, padded(), [&] { e.storeFour(runOf(operand(step, 0), turn), e.at(to, e.mul(firstOf(turn), 4))); });
}

// One by one: a row begins where the one before ends, and nothing but that is known of the caller's memory.
void RowEmitter::storePacked(const RowStep &step) {
  Value to = e.atElement(pointer(step, 0), row, 4 * spec.width);
  for (int64_t turn = 0; turn < turns(); ++turn)
    for (int64_t i = 0; i < kRun; ++i) {
      Value number = operand(step, 0)[static_cast<size_t>(turn * kRun + i)], place = e.add(firstOf(turn), i);
      auto put = [&] { e.store(number, e.at(to, e.mul(place, 4))); };
      isWhole(turn, spec.width) ? put() : e.ifThen(e.less(place, e.number(spec.width)), put);
    }
}

void RowEmitter::storeHalves(const RowStep &step) {
  Value to = target(step, 0, spec.halfBytes());
  for (int64_t turn = 0; turn < turns(); ++turn)
    below(turn, spec.halfBytes() / 2, [&] {
      Values run = runOf(operand(step, 0), turn);
      for (int64_t pair = 0; pair < 2; ++pair) {
        Value low = e.shr(e.roundedToBf16(run[static_cast<size_t>(2 * pair)]), 16);
        Value high =
            e.bitAnd(e.roundedToBf16(run[static_cast<size_t>(2 * pair + 1)]), static_cast<int32_t>(0xffff0000U));
        e.store(arith::OrIOp::create(e.b, e.loc, low, high), e.at(e.at(to, e.mul(firstOf(turn), 2)), 4 * pair));
      }
    });
}

} // namespace lmopt::nvptx
