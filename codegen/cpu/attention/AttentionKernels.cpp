// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiled attention over the key/value cache with an online softmax (never a rows x positions matrix in memory). In: rows
// of queries; the cache, filled by StoreKernels.cpp; the step's segments. Out: rows of attention.
// The tile itself is in AttentionTile.h.
// Tested by test/unit/codegen/AttentionKernelTest.cpp.
#include "codegen/cpu/Segments.h"
#include "codegen/cpu/attention/AttentionTile.h"

#include "lmopt/abi.h"

#include <algorithm>
#include <cstddef>
#include <set>

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

struct AttendEmitter {
  Emitter &e;
  const AttentionSpec &spec;
  const RopeTable &table;
  Value queries, out, rope, rowInfo, scratchBase, step, layerOffset, thread, threads;
  Value bias; ///< null: none

  int64_t rowBytes() const { return floatRowBytes(spec.heads * spec.headDim); }
  int64_t outBytes() const { return floatRowBytes(spec.heads * spec.valueHeadDim()); }

  void loadQuery(Scratch &scratch, int64_t r, Value row, Value head, const RowInfo &info) {
    if (spec.integer())
      return loadQueryCodes(scratch, r, row, head, info);
    Value from = e.at(queries, e.add(e.mul(row, rowBytes()), e.mul(head, 4 * spec.headDim)));
    Turn turn = loadTurn(e, table, rope, info);
    turnHead(e, spec, turn, from, [&](int64_t d, Value v) {
      int64_t lanes = cast<VectorType>(v.getType()).getDimSize(0);
      Value scaled = e.mul(v, e.floatsOf(spec.scale, lanes));
      if (isWidened(spec, e.shape))
        return e.store(e.roundToBf16(scaled), e.at(scratch.query(r), 4 * d));
      e.store(spec.bf16() ? e.toBf16(scaled) : scaled, e.at(scratch.query(r), spec.elementBytes() * d));
    });
  }

  // i8: sixteen bits of the largest number of the query, as two signed bytes: x = 256 high + low, |x| <= 127 * 256.
  void loadQueryCodes(Scratch &scratch, int64_t r, Value row, Value head, const RowInfo &info) {
    Value from = e.at(queries, e.add(e.mul(row, rowBytes()), e.mul(head, 4 * spec.headDim)));
    Values parts;
    SmallVector<int64_t> begins;
    Value largest = e.f32(0);
    turnHead(e, spec, loadTurn(e, table, rope, info), from, [&](int64_t d, Value v) {
      int64_t lanes = cast<VectorType>(v.getType()).getDimSize(0);
      parts.push_back(e.mul(v, e.floatsOf(spec.scale, lanes)));
      begins.push_back(d);
      largest = e.max(e.reduceMax(e.max(parts.back(), e.sub(e.floatsOf(0, lanes), parts.back()))), largest);
    });
    Value inverse = e.select(e.less(e.f32(0), largest), e.div(e.f32(127 * 256), largest), e.f32(0));
    Value high = scratch.query(r), low = e.at(high, spec.keyDim()), sum = e.i32(0);
    for (int64_t d = spec.keyDim() - 4; d < spec.keyDim() && spec.headDim % 4; d += 4) { // beyond the head: zeros
      e.store(e.i32(0), e.at(high, d));
      e.store(e.i32(0), e.at(low, d));
    }
    for (size_t i = 0; i < parts.size(); ++i) {
      int64_t lanes = cast<VectorType>(parts[i].getType()).getDimSize(0);
      Value code = e.roundToInt(e.mul(parts[i], e.broadcast(inverse, lanes)));
      Value upper = e.shrSigned(e.add(code, e.intsOf(128, lanes)), e.intsOf(8, lanes));
      e.store(e.narrowToBytes(upper), e.at(high, begins[i]), 1);
      e.store(e.narrowToBytes(code), e.at(low, begins[i]), 1);
      sum = e.add(sum, e.reduceAdd(code));
    }
    e.store(e.mul(largest, e.f32(1.0f / (127 * 256))), scratch.queryUnit(r));
    e.store(e.shl(sum, e.i32(7)), scratch.queryOffset(r));
  }

  void storeOut(TileEmitter &tile, int64_t r, Value row, Value head) {
    Scratch &scratch = tile.scratch;
    Value to = e.at(out, e.add(e.mul(row, outBytes()), e.mul(head, 4 * spec.valueHeadDim())));
    Value factor = tile.inverseSum(r);
    for (int64_t d = 0; d < spec.valueHeadDim(); d += kLanes) {
      Value v = e.mul(e.loadFloats(e.at(scratch.out(r), 4 * d)), factor);
      if (spec.valueHeadDim() - d >= kLanes)
        e.store(v, e.at(to, 4 * d));
      else // the next head begins inside this register
        e.storeMasked(v, e.at(to, 4 * d), e.maskBelow(e.index(spec.valueHeadDim() - d)));
    }
    int64_t width = spec.heads * spec.valueHeadDim(), padding = roundUp(width, kLanes) - width;
    if (padding) // lanes beyond the width of a row are zero
      e.ifThen(e.equal(head, e.index(spec.heads - 1)), [&] {
        Value end = e.at(out, e.add(e.mul(row, outBytes()), 4 * width));
        e.storeMasked(e.floatsOf(0), end, e.maskBelow(e.index(padding)));
      });
  }

  // The first query head that reads a kv head. Uneven groups: the sum of the sizes before it.
  Value firstHeadOf(Value kvHead) {
    if (spec.isEven())
      return e.mul(kvHead, spec.group());
    Value first = e.index(0);
    for (int64_t g = 0; g < spec.kvHeads; ++g)
      first = e.add(first, e.select(e.less(e.index(g), kvHead), e.index(spec.groups[g]), e.index(0)));
    return first;
  }

  // The kv head that a query head reads. Uneven groups: how many groups end before it.
  Value kvHeadOf(Value head) {
    if (spec.isEven())
      return e.div(head, e.index(spec.group()));
    Value kvHead = e.index(0);
    for (int64_t g = 0, end = 0; g + 1 < spec.kvHeads; ++g) {
      end += spec.groups[g];
      kvHead = e.add(kvHead, e.select(e.less(head, e.index(end)), e.index(0), e.index(1)));
    }
    return kvHead;
  }

  void limitToWindow(Tile &tile) {
    for (int64_t r = 0; spec.window && r < tile.rows; ++r)
      tile.first.push_back(e.max(e.sub(tile.limit[r], e.index(spec.window)), e.index(0)));
  }

  // Of a segment that is not causal: neighbours both ways.
  Value limitOf(Tile &tile, Value position, const RowInfo &info, Value rows) {
    if (spec.causal)
      return e.add(position, 1);
    Value end = e.add(info.position, rows);
    if (!spec.window)
      return end;
    tile.first.push_back(e.max(e.sub(position, e.index(spec.window)), e.index(0)));
    return e.min(e.add(position, spec.window + 1), end);
  }

  void addBias(Tile &tile, Value position, Value head) {
    if (!bias)
      return;
    Value ofHead = e.at(bias, e.mul(head, spec.biasBytes()));
    tile.own.push_back(position);
    tile.bias.push_back(spec.bias == PositionBias::Slopes ? ofHead : e.at(ofHead, spec.distances().middle()));
  }

  // Many rows: one head, eight neighbouring tokens.
  void rowBlocks() {
    Segments segments(e, step);
    Value count = loadInteger(e, step, offsetof(lmopt_step_t, segment_count));
    e.loop(e.index(0), count, 1, [&](Value s) {
      Value segment = segments.at(s);
      Value first = loadInteger(e, segment, offsetof(lmopt_segment_t, row));
      Value rows = loadInteger(e, segment, offsetof(lmopt_segment_t, rows));
      Value blocks = e.div(e.add(rows, kQueryRows - 1), e.index(kQueryRows));
      // Heads vary fastest, so that threads share the long blocks at the end of a causal segment.
      e.loop(thread, e.mul(blocks, spec.heads), threads, [&](Value item) {
        Value head = e.rem(item, e.index(spec.heads));
        Value start = e.mul(e.div(item, e.index(spec.heads)), kQueryRows);
        oneBlock(segment, first, rows, head, start);
      });
    });
  }

  void oneBlock(Value segment, Value first, Value rows, Value head, Value start) {
    RowInfo info{loadPointer(e, segment, offsetof(lmopt_segment_t, cache)),
                 loadInteger(e, segment, offsetof(lmopt_segment_t, capacity)),
                 loadInteger(e, segment, offsetof(lmopt_segment_t, position)),
                 loadInteger(e, segment, offsetof(lmopt_segment_t, rope))};
    CacheView view =
        spec.inState() ? segmentView(e, spec, segment, layerOffset) : layerView(e, spec, info, layerOffset);
    Value kvHead = kvHeadOf(head);
    Scratch scratch(e, spec, scratchBase);
    Tile tile;
    tile.rows = kQueryRows;
    tile.keys = view.keys(kvHead);
    tile.values = view.values(kvHead);
    Value last = e.sub(rows, e.index(1));
    Values local;
    Value seen = spec.projectedRows ? seenRows(e, spec, rows) : Value();
    for (int64_t r = 0; r < kQueryRows; ++r) {
      local.push_back(e.min(e.add(start, r), last)); // beyond the end: the last row once more, not stored
      Value position = e.add(info.position, local[r]);
      tile.limit.push_back(seen ? seen : limitOf(tile, position, info, rows));
      addBias(tile, position, head);
      loadQuery(scratch, r, e.add(first, local[r]), head, info.at(position));
    }
    if (spec.causal)
      limitToWindow(tile);
    tile.positions = tile.limit.back();
    tile.common = tile.limit.front();
    TileEmitter emitter{e, spec, scratch, tile};
    emitter.emit();
    for (int64_t r = 0; r < kQueryRows; ++r)
      e.ifThen(e.less(e.add(start, r), rows), [&] { storeOut(emitter, r, e.add(first, local[r]), head); });
  }

  // Few rows: one token, the query heads that share a kv head.
  void headGroups() {
    Value rows = loadInteger(e, step, offsetof(lmopt_step_t, rows));
    e.loop(thread, e.mul(rows, spec.kvHeads), threads, [&](Value item) {
      Value row = e.div(item, e.index(spec.kvHeads)), kvHead = e.rem(item, e.index(spec.kvHeads));
      if (spec.isEven())
        return wholeGroup(row, kvHead, spec.group());
      Value size = e.sub(firstHeadOf(e.add(kvHead, 1)), firstHeadOf(kvHead));
      for (int64_t one : std::set<int64_t>(spec.groups.begin(), spec.groups.end()))
        e.ifThen(e.equal(size, e.index(one)), [&] { wholeGroup(row, kvHead, one); });
    });
  }

  void wholeGroup(Value row, Value kvHead, int64_t size) {
    int64_t atOnce = std::min(size, kQueryRows);
    e.loop(0, size, atOnce, [&](Value firstHead) { partOfGroup(row, kvHead, size, firstHead, atOnce); });
  }

  void partOfGroup(Value row, Value kvHead, int64_t size, Value firstHead, int64_t count) {
    RowInfo info = loadRowInfo(e, rowInfo, row);
    CacheView view = layerView(e, spec, info, layerOffset);
    Scratch scratch(e, spec, scratchBase);
    Tile tile;
    tile.rows = count;
    tile.ahead = true;
    tile.once = size <= kQueryRows;
    tile.keys = view.keys(kvHead);
    tile.values = view.values(kvHead);
    tile.positions = tile.common = e.add(info.position, 1);
    Values inGroup, head;
    for (int64_t r = 0; r < count; ++r) {
      tile.limit.push_back(tile.positions);
      inGroup.push_back(e.min(e.add(firstHead, r), e.index(size - 1)));
      head.push_back(e.add(firstHeadOf(kvHead), inGroup[r]));
      addBias(tile, info.position, head[r]);
      loadQuery(scratch, r, row, head[r], info);
    }
    limitToWindow(tile);
    TileEmitter emitter{e, spec, scratch, tile};
    emitter.emit();
    for (int64_t r = 0; r < count; ++r)
      e.ifThen(e.less(e.add(firstHead, r), e.index(size)), [&] { storeOut(emitter, r, row, head[r]); });
  }
};
} // namespace

int64_t AttentionSpec::scratchBytes() const { return ScratchLayout{*this}.bytes(); }

std::string attendKernel(KernelLibrary &kernels, const AttentionSpec &spec, const RopeTable &table, bool splitHeads) {
  const bool isBiased = spec.bias != PositionBias::None;
  auto name = attentionName("attend", spec, table, splitHeads);
  return kernels.define(name, isBiased ? 7 : 6, 3, [&](Emitter &e, ValueRange args) {
    ValueRange numbers = args.take_back(3);
    AttendEmitter emitter{e,
                          spec,
                          table,
                          args[0],
                          args[1],
                          args[2],
                          args[3],
                          args[4],
                          args[5],
                          numbers[0],
                          numbers[1],
                          numbers[2],
                          isBiased ? args[6] : Value()};
    if (splitHeads)
      emitter.headGroups();
    else
      emitter.rowBlocks();
  });
}

} // namespace lmopt::cpu
