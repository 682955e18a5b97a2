// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See CacheView.h.
#include "codegen/cpu/attention/CacheView.h"

#include "lmopt/abi.h"

#include <cstddef>
#include <cstring>

using namespace mlir;

namespace lmopt::cpu {

int64_t lanesFor(int64_t n) {
  int64_t lanes = kLanes;
  while (n % lanes)
    lanes /= 2;
  return lanes;
}

Turn loadTurn(Emitter &e, const RopeTable &table, Value base, const RowInfo &info) {
  Turn turn;
  if (!table.halfDims)
    return turn;
  turn.lanes = lanesFor(table.halfDims);
  if (table.tables() > 1)
    base = e.at(base, e.mul(info.rope, table.oneTableBytes()));
  Value low = e.mul(e.rem(info.position, e.index(RopeTable::kLow)), table.rowBytes());
  Value high = e.mul(e.div(info.position, e.index(RopeTable::kLow)), table.rowBytes());
  int64_t lowBytes = RopeTable::kLow * table.rowBytes(), highBytes = table.highRows() * table.rowBytes();
  auto row = [&](Value offset, int64_t part, int64_t d) {
    return e.load(e.floats(turn.lanes), e.at(base, e.add(offset, part + 4 * d)));
  };
  for (int64_t d = 0; d < table.halfDims; d += turn.lanes) {
    Value cl = row(low, 0, d), sl = row(low, lowBytes, d);
    Value ch = row(high, 2 * lowBytes, d), sh = row(high, 2 * lowBytes + highBytes, d);
    turn.cos.push_back(e.sub(e.mul(ch, cl), e.mul(sh, sl)));
    turn.sin.push_back(e.add(e.mul(sh, cl), e.mul(ch, sl)));
  }
  return turn;
}

void turnHead(Emitter &e, const AttentionSpec &spec, const Turn &turn, Value from,
              const std::function<void(int64_t, Value)> &put) {
  int64_t half = spec.ropeDims / 2;
  for (int64_t d = 0, i = 0; d < half; d += turn.lanes, ++i) {
    Value a = e.load(e.floats(turn.lanes), e.at(from, 4 * d));
    Value c = e.load(e.floats(turn.lanes), e.at(from, 4 * (d + half)));
    put(d, e.sub(e.mul(a, turn.cos[i]), e.mul(c, turn.sin[i])));
    put(d + half, e.add(e.mul(c, turn.cos[i]), e.mul(a, turn.sin[i])));
  }
  int64_t rest = spec.headDim - spec.ropeDims;
  int64_t lanes = rest ? lanesFor(rest) : kLanes;
  for (int64_t d = spec.ropeDims; d < spec.headDim; d += lanes)
    put(d, e.load(e.floats(lanes), e.at(from, 4 * d)));
}

PanelLines KeyPanels::lines(Emitter &e, const AttentionSpec &spec, Value panel) const {
  Value end = e.mul(e.add(e.sub(panel, e.rem(panel, e.index(kGroup))), kGroup), kLanes);
  Value inGroup = e.less(e.sub(end, e.index(1)), capacity);
  return panelLines(e, {kGroup, kLanes * spec.keyBytes(), 64}, base, panel, inGroup);
}

KeyPanels CacheView::keys(Value kvHead) {
  return {e.at(base, e.mul(e.mul(kvHead, capacity), spec.keyBytes())), capacity};
}
Value CacheView::values(Value kvHead) {
  Value all = e.at(base, e.mul(capacity, spec.kvHeads * spec.keyBytes()));
  return e.at(all, e.mul(e.mul(kvHead, capacity), spec.valueBytes()));
}

RowInfo loadRowInfo(Emitter &e, Value table, Value row) {
  Value info = e.at(table, e.mul(row, kRowInfoBytes));
  return {loadPointer(e, info, 0), loadInteger(e, info, 8), loadInteger(e, info, 16), loadInteger(e, info, 24)};
}
CacheView layerView(Emitter &e, const AttentionSpec &spec, const RowInfo &info, Value layerOffset) {
  if (!spec.ringPositions)
    return {e, spec, e.at(info.cache, e.mul(layerOffset, info.capacity)), info.capacity};
  Value rings = e.at(info.cache, e.mul(info.capacity, spec.bytesBeforeRings));
  Value capacity = e.min(info.capacity, e.index(spec.ringPositions));
  return {e, spec, e.at(rings, e.mul(layerOffset, capacity)), capacity};
}

CacheView segmentView(Emitter &e, const AttentionSpec &spec, Value segment, Value layerOffset) {
  if (!spec.inState()) {
    RowInfo info{loadPointer(e, segment, offsetof(lmopt_segment_t, cache)),
                 loadInteger(e, segment, offsetof(lmopt_segment_t, capacity)),
                 {},
                 {}};
    return layerView(e, spec, info, layerOffset);
  }
  Value state = loadPointer(e, segment, offsetof(lmopt_segment_t, state));
  return {e, spec, e.at(state, layerOffset), e.index(spec.stateCapacity())};
}

Value seenRows(Emitter &e, const AttentionSpec &spec, Value rows) {
  Value most = e.index(spec.projectedRows);
  return spec.projectionLearned ? most : e.min(rows, most);
}

const char *formatName(CacheFormat format) {
  static const char *const names[] = {"f32", "bf16", "i8"};
  return names[static_cast<int>(format)];
}

std::string attentionName(const char *what, const AttentionSpec &spec, const RopeTable &table, bool splitHeads) {
  std::string groups;
  for (int64_t size : spec.groups)
    groups += (groups.empty() ? "g" : "_") + std::to_string(size);
  auto bits = [](float number) {
    uint32_t word;
    memcpy(&word, &number, sizeof(word));
    return std::to_string(word);
  };
  std::string ring;
  if (spec.ringPositions)
    ring = "_ring" + std::to_string(spec.ringPositions) + "after" + std::to_string(spec.bytesBeforeRings);
  return std::string(what) + "_" + formatName(spec.format) + "_h" + std::to_string(spec.heads) + "kv" +
         std::to_string(spec.kvHeads) + groups + "d" + std::to_string(spec.headDim) +
         (spec.otherValueDim ? "v" + std::to_string(spec.otherValueDim) : "") + (spec.causal ? "_causal" : "_full") +
         (spec.window ? std::to_string(spec.window) : "") + ring + (spec.softCap ? "_c" + bits(spec.softCap) : "") +
         biasName(spec.bias, spec.largestDistance) +
         (spec.projectedRows ? (spec.projectionLearned ? "_learned" : "_means") + std::to_string(spec.projectedRows)
                             : "") +
         (table.halfDims ? "_rope" + std::to_string(spec.ropeDims) + "p" + std::to_string(table.positions) : "") +
         (table.tables() > 1 ? "x2" : "") + "_s" + bits(spec.scale) + (splitHeads ? "_heads" : "_rows");
}

} // namespace lmopt::cpu
