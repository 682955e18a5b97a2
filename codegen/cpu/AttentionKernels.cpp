// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiled attention over the key/value cache with an online softmax (never a rows x positions matrix in memory). In: rows
// of queries; the cache, filled by StoreKernels.cpp; the step's segments. Out: rows of attention.
//
// Online softmax (Milakov and Gimelshein 2018; FlashAttention): for each block of keys, with running maximum m and sum
// l,
//   m' = max(m, max s),  c = exp(m - m'),  l' = c l + sum exp(s - m'),  o' = c o + sum exp(s - m') v,   out = o / l.
// Keys lie as [position / 16][head_dim][16], so that one register holds 16 positions of one dimension and a score tile
// is rows x 4 registers, like a matrix tile. Every output row is computed by one thread in one fixed order.
// Tested by test/unit/codegen/AttentionKernelTest.cpp.
#include "codegen/cpu/CacheView.h"

#include "dialects/lmk/Lmk.h"
#include "lmopt/abi.h"

#include <algorithm>
#include <cstddef>

using namespace mlir;

namespace lmopt::cpu {

namespace {

using Values = Emitter::Values;

constexpr int64_t kQueryRows = 8; // rows of one tile: 8 x 64 scores and 8 outputs stay in the first-level cache
constexpr int64_t kKeyPanels = 4; // 64 positions a block: 4 accumulators a row, 4 rows at a time = 16 registers
constexpr float kMasked = -1e30f; // finite, so that differences of two masked scores are 0 and not NaN

//===--------------------------------------------------------------------------------------------------------------===//
// The tile: up to 8 query rows against one kv head
//===--------------------------------------------------------------------------------------------------------------===//

// A tile's rows are query heads of tokens; where they come from and how far each may look is the caller's business.
struct Tile {
  int64_t rows = 0;
  Values limit;       ///< by row: number of visible positions (i64)
  Value positions;    ///< the largest limit
  Value keys, values; ///< of the kv head
};

// Scratch of one thread: queries [8][head_dim padded], scores [8][64], outputs [8][dv], then m, l and the correction,
// one register for each row.
struct ScratchLayout {
  const AttentionSpec &spec;
  int64_t queryBytes() const { return floatRowBytes(spec.headDim); } // also when bf16 needs only half of it
  int64_t outBytes() const { return 4 * spec.valueDim(); }
  int64_t scoreStart() const { return kQueryRows * queryBytes(); }
  int64_t outStart() const { return scoreStart() + kQueryRows * kKeyPanels * 64; }
  int64_t statsStart() const { return outStart() + kQueryRows * outBytes(); }
  int64_t bytes() const { return statsStart() + 3 * kQueryRows * 64; }
};

struct Scratch {
  Emitter &e;
  ScratchLayout layout;
  Value base;
  Value scoreShift; ///< bytes into a row of scores (or weights) where a single panel's own begin; null: none
  Scratch(Emitter &e, const AttentionSpec &spec, Value base) : e(e), layout{spec}, base(base) {}
  Value query(int64_t r) { return e.at(base, r * layout.queryBytes()); }
  Value score(int64_t r) {
    Value row = e.at(base, layout.scoreStart() + r * kKeyPanels * 64);
    return scoreShift ? e.at(row, scoreShift) : row;
  }
  Value out(int64_t r) { return e.at(base, layout.outStart() + r * layout.outBytes()); }
  Value stats(int64_t r) { return e.at(base, layout.statsStart() + r * 64); }
  Value maximum(int64_t r) { return stats(r); }
  Value sum(int64_t r) { return stats(kQueryRows + r); }
  Value correction(int64_t r) { return stats(2 * kQueryRows + r); }
};

struct TileEmitter {
  Emitter &e;
  const AttentionSpec &spec;
  Scratch scratch;
  const Tile &tile;

  // One step of a product multiplies one float, or two bf16, of 16 columns: 64 bytes either way.
  int64_t factors() const { return spec.bf16 ? 2 : 1; }
  Value loadColumns(Value address) {
    if (spec.bf16)
      return e.load(VectorType::get({2 * kLanes}, e.b.getBF16Type()), address, 64);
    return e.load(e.floats(), address, 64);
  }
  Value loadRow(Value address) { // 4 bytes: one float or two bf16, in every lane
    if (!spec.bf16)
      return e.broadcast(e.load(e.b.getF32Type(), address));
    return e.bitcast(e.broadcast(e.load(e.b.getI32Type(), address)), VectorType::get({2 * kLanes}, e.b.getBF16Type()));
  }
  Value multiply(Value row, Value columns, Value sum) {
    if (spec.bf16)
      return lmk::DotBf16Op::create(e.b, e.loc, sum.getType(), sum, row, columns);
    return e.fma(row, columns, sum);
  }

  // How many rows share the loads of keys or values: as many as leave rows * registers <= 20 accumulators.
  int64_t rowsAtOnce(int64_t registers) const {
    int64_t rows = tile.rows;
    while (rows > 1 && rows * registers > 20)
      rows = (rows + 1) / 2;
    return rows;
  }

  void forRowGroups(int64_t registers, const std::function<void(int64_t, int64_t)> &body) {
    int64_t step = rowsAtOnce(registers);
    for (int64_t r = 0; r < tile.rows; r += step)
      body(r, std::min(step, tile.rows - r));
  }

  // scores[r][16 p + i] = sum_d query[r][d] * key[start + 16 p + i][d]
  void scores(Value start, int64_t panels) {
    Value keys = e.at(tile.keys, e.mul(start, spec.keyBytes()));
    int64_t panelBytes = kLanes * spec.keyBytes();
    forRowGroups(panels, [&](int64_t first, int64_t rows) {
      Values sums = e.loop(e.index(0), e.index(spec.headDim / factors()), 1, Values(rows * panels, e.floatsOf(0)),
                           [&](Value d, const Values &carried) {
                             Values next = carried, columns;
                             for (int64_t p = 0; p < panels; ++p)
                               columns.push_back(loadColumns(e.at(keys, e.add(e.mul(d, 64), p * panelBytes))));
                             for (int64_t r = 0; r < rows; ++r) {
                               Value q = loadRow(e.at(scratch.query(first + r), e.mul(d, 4)));
                               for (int64_t p = 0; p < panels; ++p)
                                 next[r * panels + p] = multiply(q, columns[p], next[r * panels + p]);
                             }
                             return next;
                           });
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t p = 0; p < panels; ++p)
          e.store(sums[r * panels + p], e.at(scratch.score(first + r), p * 64));
    });
  }

  int64_t weightBytes() const { return spec.elementBytes(); } ///< of one weight, where the scores were

  // Scores to weights, with m, l and the correction of what was summed before.
  void softmax(Value start, int64_t panels) {
    for (int64_t r = 0; r < tile.rows; ++r) {
      Values score, visible;
      Value best;
      for (int64_t p = 0; p < panels; ++p) {
        Value left = e.sub(tile.limit[r], e.add(start, p * kLanes));
        visible.push_back(e.maskBelow(left));
        Value s = e.loadFloats(e.at(scratch.score(r), p * 64));
        score.push_back(e.select(visible[p], s, e.floatsOf(kMasked)));
        best = p ? e.max(best, score[p]) : score[p];
      }
      Value before = e.loadFloats(scratch.maximum(r));
      Value maximum = e.max(e.broadcast(e.reduceMax(best)), before);
      Value correction = e.exp(e.sub(before, maximum));
      Value sum = e.mul(e.loadFloats(scratch.sum(r)), correction);
      for (int64_t p = 0; p < panels; ++p) {
        Value weight = e.select(visible[p], e.exp(e.sub(score[p], maximum)), e.floatsOf(0));
        e.store(spec.bf16 ? e.toBf16(weight) : weight, e.at(scratch.score(r), p * kLanes * weightBytes()));
        sum = e.add(sum, weight);
      }
      e.store(maximum, scratch.maximum(r));
      e.store(sum, scratch.sum(r)); // one partial sum for each lane; added up at the end
      e.store(correction, scratch.correction(r));
    }
  }

  // out[r] = correction * out[r] + sum_k weight[r][k] * value[k]
  void accumulate(Value start, int64_t panels) {
    int64_t registers = spec.valueDim() / kLanes;
    Value values = e.at(tile.values, e.mul(start, spec.valueBytes()));
    // One step is a position, or a pair of them: 4 * dv bytes of values either way. Only a single panel can reach
    // beyond the last position. What lies there was never written (an encoder's cache is scratch memory of whoever ran
    // before), and its weight of zero would not help against a NaN.
    Value steps = e.index(panels * kLanes / factors()), left = e.sub(tile.positions, start);
    if (panels == 1)
      steps = e.min(steps, e.div(e.add(left, factors() - 1), e.index(factors())));
    auto loadValues = [&](Value k, int64_t d) {
      Value pair = loadColumns(e.at(values, e.add(e.mul(k, 4 * spec.valueDim()), d * 64)));
      if (!spec.bf16 || panels > 1)
        return pair;
      Value both = e.less(e.add(e.mul(k, 2), 1), left);
      Value mask =
          e.broadcast(e.select(both, e.i32(-1), e.i32(0xffff))); // the second of the last pair may be unwritten
      return e.bitcast(e.bitAnd(e.bitcast(pair, e.ints()), mask), pair.getType());
    };
    forRowGroups(registers, [&](int64_t first, int64_t rows) {
      Values init;
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t d = 0; d < registers; ++d)
          init.push_back(
              e.mul(e.loadFloats(e.at(scratch.out(first + r), d * 64)), e.loadFloats(scratch.correction(first + r))));
      Values sums = e.loop(e.index(0), steps, 1, init, [&](Value k, const Values &carried) {
        Values next = carried, columns;
        for (int64_t d = 0; d < registers; ++d)
          columns.push_back(loadValues(k, d));
        for (int64_t r = 0; r < rows; ++r) {
          Value weight = loadRow(e.at(scratch.score(first + r), e.mul(k, 4)));
          for (int64_t d = 0; d < registers; ++d)
            next[r * registers + d] = multiply(weight, columns[d], next[r * registers + d]);
        }
        return next;
      });
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t d = 0; d < registers; ++d)
          e.store(sums[r * registers + d], e.at(scratch.out(first + r), d * 64));
    });
  }

  void block(Value start, int64_t panels) {
    scores(start, panels);
    softmax(start, panels);
    accumulate(start, panels);
  }

  void reset() {
    for (int64_t r = 0; r < tile.rows; ++r) {
      e.store(e.floatsOf(kMasked), scratch.maximum(r));
      e.store(e.floatsOf(0), scratch.sum(r));
      for (int64_t d = 0; d < spec.valueDim(); d += kLanes)
        e.store(e.floatsOf(0), e.at(scratch.out(r), 4 * d));
    }
  }

  // The last block may have fewer than four panels, because the cache ends at a panel. Its softmax still looks at all
  // of the block at once, as for a row whose tile goes on: so the sums of a row never depend on its neighbours, and a
  // prompt gives the same bits in whatever pieces it comes. (Panels beyond the limit of a row change nothing: weights
  // of 0.)
  void lastBlock(Value start) {
    auto forPanels = [&](int64_t bytes, const std::function<void(Value)> &body) {
      e.loop(start, tile.positions, kLanes, [&](Value panel) {
        scratch.scoreShift = e.mul(e.sub(panel, start), bytes);
        body(panel);
        scratch.scoreShift = {};
      });
    };
    forPanels(4, [&](Value panel) { scores(panel, 1); });
    softmax(start, kKeyPanels);
    forPanels(weightBytes(), [&](Value panel) {
      accumulate(panel, 1);
      for (int64_t r = 0; r < tile.rows; ++r) // what was summed before is corrected once
        e.store(e.floatsOf(1), scratch.correction(r));
    });
  }

  void emit() {
    reset();
    Value whole = e.sub(tile.positions, e.rem(tile.positions, e.index(kKeyPanels * kLanes)));
    e.loop(e.index(0), whole, kKeyPanels * kLanes, [&](Value start) { block(start, kKeyPanels); });
    e.ifThen(e.less(whole, tile.positions), [&] { lastBlock(whole); });
  }
};

struct AttendEmitter {
  Emitter &e;
  const AttentionSpec &spec;
  const RopeTable &table;
  Value queries, out, rope, rowInfo, scratchBase, step, layerOffset, thread, threads;

  int64_t rowBytes() const { return floatRowBytes(spec.heads * spec.headDim); }

  void loadQuery(Scratch &scratch, int64_t r, Value row, Value head, Value position) {
    Value from = e.at(queries, e.add(e.mul(row, rowBytes()), e.mul(head, 4 * spec.headDim)));
    Turn turn = loadTurn(e, table, rope, position);
    turnHead(e, spec, turn, from, [&](int64_t d, Value v) {
      int64_t lanes = cast<VectorType>(v.getType()).getDimSize(0);
      Value scaled = e.mul(v, e.floatsOf(spec.scale, lanes));
      e.store(spec.bf16 ? e.toBf16(scaled) : scaled, e.at(scratch.query(r), spec.elementBytes() * d));
    });
  }

  void storeOut(Scratch &scratch, int64_t r, Value row, Value head) {
    Value to = e.at(out, e.add(e.mul(row, rowBytes()), e.mul(head, 4 * spec.headDim)));
    Value factor = e.broadcast(e.div(e.f32(1), e.reduceAdd(e.loadFloats(scratch.sum(r)))));
    for (int64_t d = 0; d < spec.headDim; d += kLanes) {
      Value v = e.mul(e.loadFloats(e.at(scratch.out(r), 4 * d)), factor);
      if (spec.headDim - d >= kLanes)
        e.store(v, e.at(to, 4 * d));
      else // the next head begins inside this register
        e.storeMasked(v, e.at(to, 4 * d), e.maskBelow(e.index(spec.headDim - d)));
    }
    int64_t width = spec.heads * spec.headDim, padding = roundUp(width, kLanes) - width;
    if (padding) // lanes beyond the width of a row are zero
      e.ifThen(e.equal(head, e.index(spec.heads - 1)), [&] {
        Value end = e.at(out, e.add(e.mul(row, rowBytes()), 4 * width));
        e.storeMasked(e.floatsOf(0), end, e.maskBelow(e.index(padding)));
      });
  }

  // Many rows: one head, eight neighbouring tokens.
  void rowBlocks() {
    Value segments = loadPointer(e, step, offsetof(lmopt_step_t, segments));
    Value count = loadInteger(e, step, offsetof(lmopt_step_t, segment_count));
    e.loop(e.index(0), count, 1, [&](Value s) {
      Value segment = e.at(segments, e.mul(s, sizeof(lmopt_segment_t)));
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
                 loadInteger(e, segment, offsetof(lmopt_segment_t, position))};
    CacheView view = layerView(e, spec, info, layerOffset);
    Value kvHead = e.div(head, e.index(spec.group()));
    Scratch scratch(e, spec, scratchBase);
    Tile tile;
    tile.rows = kQueryRows;
    tile.keys = view.keys(kvHead);
    tile.values = view.values(kvHead);
    Value last = e.sub(rows, e.index(1));
    Values local;
    for (int64_t r = 0; r < kQueryRows; ++r) {
      local.push_back(e.min(e.add(start, r), last)); // beyond the end: the last row once more, not stored
      Value position = e.add(info.position, local[r]);
      tile.limit.push_back(spec.causal ? e.add(position, 1) : e.add(info.position, rows));
      loadQuery(scratch, r, e.add(first, local[r]), head, position);
    }
    tile.positions = tile.limit.back();
    TileEmitter{e, spec, scratch, tile}.emit();
    for (int64_t r = 0; r < kQueryRows; ++r)
      e.ifThen(e.less(e.add(start, r), rows), [&] { storeOut(scratch, r, e.add(first, local[r]), head); });
  }

  // Few rows: one token, the query heads that share a kv head.
  void headGroups() {
    Value rows = loadInteger(e, step, offsetof(lmopt_step_t, rows));
    e.loop(thread, e.mul(rows, spec.kvHeads), threads, [&](Value item) {
      Value row = e.div(item, e.index(spec.kvHeads)), kvHead = e.rem(item, e.index(spec.kvHeads));
      int64_t at_once = std::min(spec.group(), kQueryRows);
      e.loop(0, spec.group(), at_once, [&](Value firstHead) { oneGroup(row, kvHead, firstHead, at_once); });
    });
  }

  void oneGroup(Value row, Value kvHead, Value firstHead, int64_t count) {
    RowInfo info = loadRowInfo(e, rowInfo, row);
    CacheView view = layerView(e, spec, info, layerOffset);
    Scratch scratch(e, spec, scratchBase);
    Tile tile;
    tile.rows = count;
    tile.keys = view.keys(kvHead);
    tile.values = view.values(kvHead);
    tile.positions = e.add(info.position, 1);
    Values inGroup, head;
    for (int64_t r = 0; r < count; ++r) {
      tile.limit.push_back(tile.positions);
      inGroup.push_back(e.min(e.add(firstHead, r), e.index(spec.group() - 1)));
      head.push_back(e.add(e.mul(kvHead, spec.group()), inGroup[r]));
      loadQuery(scratch, r, row, head[r], info.position);
    }
    TileEmitter{e, spec, scratch, tile}.emit();
    for (int64_t r = 0; r < count; ++r)
      e.ifThen(e.less(e.add(firstHead, r), e.index(spec.group())), [&] { storeOut(scratch, r, row, head[r]); });
  }
};
} // namespace

int64_t AttentionSpec::scratchBytes() const { return ScratchLayout{*this}.bytes(); }

std::string KernelLibrary::attend(const AttentionSpec &spec, const RopeTable &table, bool splitHeads) {
  return define(attentionName("attend", spec, table, splitHeads), 6, 3, [&](Emitter &e, ValueRange args) {
    AttendEmitter emitter{e,       spec,    table,   args[0], args[1], args[2],
                          args[3], args[4], args[5], args[6], args[7], args[8]};
    if (splitHeads)
      emitter.headGroups();
    else
      emitter.rowBlocks();
  });
}

} // namespace lmopt::cpu
