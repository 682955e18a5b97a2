// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all matrix products over rows share; see LinearParts.h.
#include "codegen/cpu/linear/LinearParts.h"

using namespace mlir;

namespace lmopt::cpu {

using Values = Emitter::Values;

void storePanel(Emitter &e, const LinearSpec &spec, Value out, Value result, Value row, Value panel) {
  Value address = e.at(out, e.add(e.mul(row, spec.outStride), e.mul(panel, 64)));
  if (spec.outStride >= spec.panels() * 64)
    return e.store(result, address);
  Value left = e.sub(e.index(spec.outputs), e.mul(panel, kLanes));
  e.ifElse(
      e.less(left, e.index(kLanes)), [&] { e.storeMasked(result, address, e.maskBelow(left)); },
      [&] { e.store(result, address); });
}

void overPanels(Emitter &e, Value begin, Value end, int64_t width, const std::function<void(Value, int64_t)> &body) {
  if (width == 1)
    return e.loop(begin, end, 1, [&](Value panel) { body(panel, 1); });
  Value first = e.min(e.mul(e.div(e.add(begin, width - 1), e.index(width)), width), end);
  Value whole = e.sub(end, e.rem(e.sub(end, first), e.index(width)));
  e.loop(begin, first, 1, [&](Value panel) { body(panel, 1); });
  e.loop(first, whole, width, [&](Value panel) { body(panel, width); });
  e.loop(whole, end, 1, [&](Value panel) { body(panel, 1); });
}

PanelLines panelLines(Emitter &e, const PanelSizes &sizes, Value base, Value panel, Value alternates) {
  Value among = e.rem(panel, e.index(sizes.together)), first = e.sub(panel, among);
  Value offset = e.add(e.mul(first, sizes.panelBytes), e.mul(among, sizes.unitBytes));
  Value stride = e.index(sizes.together * sizes.unitBytes);
  if (alternates) {
    offset = e.select(alternates, offset, e.mul(panel, sizes.panelBytes));
    stride = e.select(alternates, stride, e.index(sizes.unitBytes));
  }
  return {e.at(base, offset), stride};
}

PanelLines panelLines(Emitter &e, const LinearSpec &spec, Value weights, Value panel) {
  bool all = spec.panels() == spec.alternatingPanels();
  Value alternates = all ? Value() : e.less(panel, e.index(spec.alternatingPanels()));
  return panelLines(e, {spec.panelsTogether(), spec.panelBytes(), spec.unitBytes()}, weights, panel, alternates);
}

Values LinearEnds::perOutputs(VectorType type, int64_t offset, Value panel, int64_t panels) {
  Values all;
  for (int64_t p = 0; p < panels; ++p)
    all.push_back(e.load(type, e.at(weights, e.add(e.mul(e.add(panel, p), 64), offset)), 64));
  return all;
}

Values LinearEnds::rowsFrom(Value first, int64_t count) {
  Values rows;
  for (int64_t r = 0; r < count; ++r)
    rows.push_back(e.add(first, r));
  return rows;
}

Values LinearEnds::starts(const Values &rows, Value panel, int64_t panels) {
  if (!spec.integer())
    return Values(rows.size() * panels, e.floatsOf(0));
  Values sums, negated;
  for (Value codes : perOutputs(e.ints(), spec.sumOffset(), panel, panels))
    negated.push_back(e.sub(e.intsOf(0), codes));
  for (Value row : rows) {
    Value zeroPoint = e.broadcast(e.load(e.b.getI32Type(), e.at(rowAddress(row), 4)));
    for (int64_t p = 0; p < panels; ++p)
      sums.push_back(e.mul(zeroPoint, negated[p]));
  }
  return sums;
}

LinearEnds::Finish LinearEnds::finishOf(Value panel, int64_t panels) {
  Finish finish;
  if (spec.integer())
    finish.scales = perOutputs(e.floats(), spec.scaleOffset(), panel, panels);
  if (spec.bias)
    finish.biases = perOutputs(e.floats(), spec.biasOffset(), panel, panels);
  return finish;
}

void LinearEnds::finishRow(const Finish &finish, const Values &sums, Value row, Value panel) {
  Value scale = spec.integer() ? e.broadcast(e.load(e.b.getF32Type(), rowAddress(row))) : Value();
  for (size_t p = 0; p < sums.size(); ++p) {
    Value y = spec.integer() ? e.mul(e.toFloat(sums[p]), e.mul(scale, finish.scales[p])) : sums[p];
    storePanel(e, spec, out, spec.bias ? e.add(y, finish.biases[p]) : y, row, e.add(panel, p));
  }
}

void LinearEnds::finishTile(const Values &sums, Value row, Value rowEnd, int64_t rows, Value panel, int64_t panels) {
  Finish finish = finishOf(panel, panels);
  for (int64_t r = 0; r < rows; ++r) {
    Value current = e.add(row, r);
    e.ifThen(e.less(current, rowEnd),
             [&] { finishRow(finish, Values(ArrayRef(sums).slice(r * panels, panels)), current, panel); });
  }
}

} // namespace lmopt::cpu
