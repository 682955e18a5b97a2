// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See EmbeddingRows.h.
#include "codegen/cpu/embedding/EmbeddingRows.h"

#include "codegen/cpu/linear/LinearParts.h"
#include "codegen/cpu/rows/GroupedRows.h"

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct EmbeddingEmitter {
  Emitter &e;
  const RowOp &op;
  Value weights, id, offset;

  LinearSpec table(WeightFormat format) const {
    LinearSpec table;
    table.outputs = op.tableRows;
    table.inputs = op.width;
    table.format = format;
    table.bits = op.bits;
    table.group = op.block;
    table.hasMin = op.hasMin;
    return table;
  }
  // Where the row begins in the panels of a linear: its lane of each step.
  PanelLines lines(WeightFormat format) {
    PanelLines lines = panelLines(e, table(format), weights, e.div(id, e.index(kLanes)));
    return {e.at(lines.base, e.mul(e.rem(id, e.index(kLanes)), 4)), lines.stride};
  }

  Value row() { return e.loadFloats(e.at(e.at(weights, e.mul(id, floatRowBytes(op.width))), offset)); }

  // Lane n % 16 of steps [16]: one float in each cache line, 16 lines for a vector.
  Value panels() {
    PanelLines from = lines(WeightFormat::F32);
    Values lanes;
    for (int64_t i = 0; i < kLanes; ++i) {
      // offset counts 4 bytes for an element of the row; the same element is 64 bytes further in the panel. The last
      // vector of a ragged row must not read beyond the panel's depth: its lanes read element 0 and are zeroed.
      Value element = e.add(e.div(offset, e.index(4)), i);
      Value inside = e.less(element, e.index(op.width));
      Value lane = op.width % kLanes ? e.select(inside, element, e.index(0)) : element;
      lanes.push_back(e.load(e.b.getF32Type(), from.at(e, lane)));
    }
    Value floats = vector::FromElementsOp::create(e.b, e.loc, e.floats(), lanes);
    return zeroBeyondWidth(e, op.width, floats, offset);
  }

  // Lane n % 16 of steps [16][2]: two numbers in each cache line. The panel may end inside the last vector of the row:
  // what lies beyond it is read from the first pair and zeroed.
  Value halves() {
    PanelLines from = lines(WeightFormat::Bf16);
    Value depth = e.index(roundUp(op.width, 2) / 2);
    Values pairs;
    for (int64_t i = 0; i < kLanes / 2; ++i) { // 16 floats of the row, 64 bytes, come from 8 lines of the panel
      Value pair = e.add(e.div(offset, e.index(8)), i);
      Value line = op.width % kLanes ? e.select(e.less(pair, depth), pair, e.index(0)) : pair;
      pairs.push_back(e.load(e.b.getI32Type(), from.at(e, line)));
    }
    Value packed = vector::FromElementsOp::create(e.b, e.loc, e.ints(kLanes / 2), pairs);
    Value floats = arith::ExtFOp::create(e.b, e.loc, e.floats(), e.bitcast(packed, e.halves(kLanes)));
    return zeroBeyondWidth(e, op.width, floats, offset);
  }

  // Lane n % 16 of steps [16][4]: four codes in each cache line. Codes beyond the width are zero.
  Value codes() {
    PanelLines from = lines(WeightFormat::S8Rows);
    Value scale = e.load(e.b.getF32Type(), e.at(weights, e.add(e.mul(id, 4), op.scaleOffset)));
    Values groups;
    for (int64_t i = 0; i < 4; ++i) // 16 codes are four steps, 64 bytes of the row
      groups.push_back(e.load(e.b.getI32Type(), from.at(e, e.add(e.div(offset, e.index(16)), i))));
    Value packed = vector::FromElementsOp::create(e.b, e.loc, e.ints(4), groups);
    Value codes = arith::ExtSIOp::create(e.b, e.loc, e.ints(), e.bitcast(packed, e.bytes(16)));
    return e.mul(e.toFloat(codes), e.broadcast(scale));
  }
};
} // namespace

Value lanesInsideRow(Emitter &e, int64_t width, Value offset) {
  return e.maskBelow(e.sub(e.index(width), e.div(offset, e.index(4))));
}

Value zeroBeyondWidth(Emitter &e, int64_t width, Value v, Value offset) {
  return width % kLanes ? e.select(lanesInsideRow(e, width, offset), v, e.floatsOf(0)) : v;
}

Value emitEmbedding(Emitter &e, const RowOp &op, Value weights, Value id, Value offset) {
  EmbeddingEmitter table{e, op, weights, id, offset};
  switch (op.kind) {
  case RowOpKind::EmbeddingPanels:
    return table.panels();
  case RowOpKind::EmbeddingHalves:
    return table.halves();
  case RowOpKind::EmbeddingCodes:
    return table.codes();
  case RowOpKind::EmbeddingGroups:
    return emitEmbeddingGroups(e, table.table(WeightFormat::Grouped), weights, id, offset);
  default:
    return table.row();
  }
}

} // namespace lmopt::cpu
