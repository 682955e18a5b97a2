// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows to s8 codes in groups (GroupedRow), bit for bit as codegen/cpu/quantize/GroupedRows.cpp has them. Lanes that
// share a group find its largest magnitude and the sum of its codes by shuffles. See RowEmitter.h. Tested by
// test/unit/codegen/ptx/RowGroupsTest.cpp.
#include "codegen/ptx/rows/RowEmitter.h"

#include <cmath>

using namespace mlir;

namespace lmopt::nvptx {

/// Distances of the lanes that share a group.
static SmallVector<int64_t> lanesOfGroup(int64_t group) {
  SmallVector<int64_t> masks;
  for (int64_t mask = 1; mask < group / RowEmitter::kRun; mask *= 2)
    masks.push_back(mask);
  return masks;
}

void RowEmitter::storeGroups(const RowStep &step) {
  Value factor = factorOfGroups(step);
  for (int64_t turn = 0; turn < turns(); ++turn)
    storeTurn(step, turn, factor);
}

// What numbers become codes of the row's scale by. Below 2^-90 a row counts as zero, as on CPUs.
Value RowEmitter::factorOfGroups(const RowStep &step) {
  Value largest = e.floatOf(0);
  for (Value x : operand(step, 0))
    largest = e.max(magnitude(x), largest);
  largest = reduce(largest, [&](Value a, Value c) { return e.max(a, c); });
  Value zero = e.less(largest, e.floatOf(0x1p-90F)), none = e.floatOf(0);
  Value scale = e.select(zero, none, e.div(largest, e.floatOf(127)));
  e.ifThen(e.equal(thread, e.number(0)), [&] {
    Value unit = e.mul(scale, e.floatOf(std::ldexp(1.0F, -GroupedRow::kRange)));
    e.store(unit, target(step, 1, 4));
  });
  return e.select(zero, none, e.div(e.floatOf(127), e.select(zero, e.floatOf(1), largest)));
}

void RowEmitter::storeTurn(const RowStep &step, int64_t turn, Value factor) {
  GroupedRow layout = {spec.width, step.size};
  constexpr int64_t kLeast = (127 - GroupedRow::kRange) << 23, kOne = 127 << 23;
  Values run = runOf(operand(step, 0), turn);
  Value largest = magnitude(run[0]);
  for (Value x : llvm::drop_begin(run))
    largest = e.max(largest, magnitude(x));
  largest = e.acrossLanes(largest, lanesOfGroup(step.size), [&](Value a, Value c) { return e.max(a, c); });
  // In units of the row's scale, 0 .. 127; then over 127, the exponent of the power of two that is not smaller.
  Value share = e.mul(e.mul(largest, factor), e.floatOf(1.0F / 127));
  Value exponent = e.bitAnd(e.add(e.bitcast(share, e.i32()), 0x7fffff), 0x7f800000);
  exponent = e.min(e.max(exponent, e.number(kLeast)), e.number(kOne));
  Value inverse = e.mul(e.bitcast(e.sub(e.number(2 * kOne), exponent), e.f32()), factor); // 2^j times that of the row
  Values codes = each(run, [&](Value x) { return e.roundToInt(e.mul(x, inverse)); });     // within -127 .. 127
  Value total = e.add(e.add(codes[0], codes[1]), e.add(codes[2], codes[3]));
  total = e.acrossLanes(total, lanesOfGroup(step.size), [&](Value a, Value c) { return e.add(a, c); });
  // Weights of few bits go with up to 128 codes at once: in shared memory a row is so long.
  below(turn, step.isOperand ? roundUp(spec.width, 128) : spec.codeBytes(),
        [&] { e.store(packed(codes), e.at(target(step, 0, layout.codeBytes()), firstOf(turn))); });
  Value isThere = e.less(firstOf(turn), e.number(spec.width));
  Value isFirst = e.equal(e.bitAnd(firstOf(turn), step.size - 1), e.number(0));
  e.ifThen(e.bitAnd(isThere, isFirst), [&] {
    Value to = target(step, 2, layout.groupsBytes());
    to = e.at(to, e.mul(e.div(firstOf(turn), step.size), GroupedRow::kGroupBytes));
    Value raised = e.sub(exponent, e.number(kLeast)), power = e.bitcast(e.add(raised, e.number(kOne)), e.f32());
    e.store(raised, to);
    e.store(e.mul(power, e.toFloat(total)), e.at(to, 4));
  });
}

} // namespace lmopt::nvptx
