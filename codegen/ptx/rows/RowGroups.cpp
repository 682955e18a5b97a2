// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows to s8 codes in groups (GroupedRow), bit for bit as codegen/cpu/quantize/GroupedRows.cpp has them. Lanes that
// share a group find its largest magnitude and the sum of its codes by shuffles. See RowEmitter.h. Tested by
// test/unit/codegen/ptx/RowGroupsTest.cpp.
#include "codegen/ptx/rows/RowEmitter.h"

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
  for (int64_t turn = 0; turn < turns(); ++turn)
    storeTurn(step, turn);
}

// Below 2^-90 a group counts as zero, as on CPUs.
void RowEmitter::storeTurn(const RowStep &step, int64_t turn) {
  GroupedRow layout = {spec.width, step.size};
  Values run = runOf(operand(step, 0), turn);
  Value largest = magnitude(run[0]);
  for (Value x : llvm::drop_begin(run))
    largest = e.max(largest, magnitude(x));
  largest = e.acrossLanes(largest, lanesOfGroup(step.size), [&](Value a, Value c) { return e.max(a, c); });
  Value zero = e.less(largest, e.floatOf(0x1p-90F)), none = e.floatOf(0);
  Value scale = e.select(zero, none, e.div(largest, e.floatOf(127)));
  Value inverse = e.select(zero, none, e.div(e.floatOf(127), e.select(zero, e.floatOf(1), largest)));
  Values codes = each(run, [&](Value x) { return e.roundToInt(e.mul(x, inverse)); }); // within -127 .. 127
  Value total = e.add(e.add(codes[0], codes[1]), e.add(codes[2], codes[3]));
  total = e.acrossLanes(total, lanesOfGroup(step.size), [&](Value a, Value c) { return e.add(a, c); });
  // Weights of few bits go with up to 128 codes at once: in shared memory a row is so long.
  below(turn, step.isOperand ? roundUp(spec.width, 128) : spec.codeBytes(),
        [&] { e.store(packed(codes), e.at(target(step, 0, layout.codeBytes()), firstOf(turn))); });
  Value isThere = e.less(firstOf(turn), e.number(spec.width));
  Value isFirst = e.equal(e.bitAnd(firstOf(turn), step.size - 1), e.number(0));
  e.ifThen(e.bitAnd(isThere, isFirst), [&] {
    Value to = target(step, 1, layout.groupsBytes());
    to = e.at(to, e.mul(e.div(firstOf(turn), step.size), GroupedRow::kGroupBytes));
    e.store(scale, to);
    e.store(e.mul(scale, e.toFloat(total)), e.at(to, 4));
  });
}

} // namespace lmopt::nvptx
