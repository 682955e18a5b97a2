// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tiled attention over the key/value cache with an online softmax (never a rows x positions matrix in memory). In: rows
// of queries; the cache, filled by StoreKernels.cpp; the step's segments. Out: rows of attention.
//
// Online softmax (Milakov and Gimelshein 2018; FlashAttention): for each block of keys, with running maximum m and sum
// l,
//   m' = max(m, max s),  c = 2^(m - m'),  l' = c l + sum 2^(s - m'),  o' = c o + sum 2^(s - m') v,   out = o / l,
// with scores and maxima multiplied by log2 e: that multiplication is the subtraction's, as one fused instruction. (In
// the queries it would cost nothing either, but there it would move their rounding to bf16.) Exponents are never
// positive but for the rounding of that product. Weights that become bf16 (half an ulp: 2^-9) are computed to 2^-13.
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

constexpr int64_t kQueryRows = 8; // rows of one tile: a vector of numbers, one for each row, has lanes to spare
constexpr int64_t kKeyPanels = 4; // panels at a time: 4 rows x 4 panels = 16 accumulators hide a product's latency
constexpr int64_t kBlock = 256;   // positions between two corrections: 8 KB of scores stay in the first-level cache
constexpr int64_t kAhead = 8192;  // bytes of values asked for ahead: 64 positions of SmolLM2, a tenth of a microsecond
constexpr float kMasked = -1e30f; // finite, so that differences of two masked scores are 0 and not NaN
constexpr float kLog2e = 1.44269504088896341f;

//===--------------------------------------------------------------------------------------------------------------===//
// The tile: up to 8 query rows against one kv head
//===--------------------------------------------------------------------------------------------------------------===//

// A tile's rows are query heads of tokens; where they come from and how far each may look is the caller's business.
struct Tile {
  int64_t rows = 0;
  Values limit;            ///< by row: number of visible positions (i64), ascending
  Value positions, common; ///< the largest and the least limit
  Value keys, values;      ///< of the kv head
  bool ahead = false;      ///< keys and values come from memory: ask for them before they are needed
};

// Scratch of one thread: queries [8][head_dim padded], scores [8][256] (weights take their place), outputs [8][dv]; one
// register for each row: largest score and sum of weights, by lane; one number for each row: maximum, the
// same negated, correction.
struct ScratchLayout {
  const AttentionSpec &spec;
  int64_t queryBytes() const { return floatRowBytes(spec.headDim); } // also when bf16 needs only half of it
  int64_t outBytes() const { return 4 * spec.valueDim(); }
  int64_t scoreStart() const { return kQueryRows * queryBytes(); }
  int64_t outStart() const { return scoreStart() + kQueryRows * kBlock * 4; }
  int64_t statsStart() const { return outStart() + kQueryRows * outBytes(); }
  int64_t bytes() const { return statsStart() + (2 * kQueryRows + 3) * 64; }
};

struct Scratch {
  Emitter &e;
  ScratchLayout layout;
  Value base;
  Scratch(Emitter &e, const AttentionSpec &spec, Value base) : e(e), layout{spec}, base(base) {}
  Value query(int64_t r) { return e.at(base, r * layout.queryBytes()); }
  Value score(int64_t r) { return e.at(base, layout.scoreStart() + r * kBlock * 4); }
  Value out(int64_t r) { return e.at(base, layout.outStart() + r * layout.outBytes()); }
  Value stats(int64_t r) { return e.at(base, layout.statsStart() + r * 64); }
  Value best(int64_t r) { return stats(r); }
  Value sum(int64_t r) { return stats(kQueryRows + r); }
  Value maximum() { return stats(2 * kQueryRows); }        ///< lane r: row r
  Value shift() { return stats(2 * kQueryRows + 1); }      ///< the same, negated
  Value correction() { return stats(2 * kQueryRows + 2); } ///< by lane, too; in the end 1 / sum of weights
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
  Value ofRow(Value lanes, int64_t r) { return e.broadcast(e.load(e.b.getF32Type(), e.at(lanes, 4 * r))); }

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

  // Few rows are bound by memory, and products that wait for their operands fill the window of the core before enough
  // loads are under way; asking for lines beforehand, in the order of their addresses, doubles what arrives.
  void askFor(Value address, int64_t lines) {
    for (int64_t i = 0; tile.ahead && i < lines; ++i)
      e.prefetch(e.at(address, 64 * i));
  }

  // scores[r][position - start] = sum_d query[r][d] * key[position][d] for the `panels` panels from `position` on, and
  // the largest of each row and lane. What a row must not see gets no weight.
  void scores(Value start, Value position, int64_t panels) {
    Value keys = e.at(tile.keys, e.mul(position, spec.keyBytes()));
    int64_t panelBytes = kLanes * spec.keyBytes();
    forRowGroups(panels, [&](int64_t first, int64_t rows) {
      Values sums = e.loop(e.index(0), e.index(spec.headDim / factors()), 1, Values(rows * panels, e.floatsOf(0)),
                           [&](Value d, const Values &carried) {
                             Values next = carried, columns;
                             for (int64_t p = 0; p < panels; ++p)
                               columns.push_back(loadColumns(e.at(keys, e.add(e.mul(d, 64), p * panelBytes))));
                             if (first == 0) // the panels after these
                               askFor(e.at(keys, e.add(e.mul(d, 64 * panels), panels * panelBytes)), panels);
                             for (int64_t r = 0; r < rows; ++r) {
                               Value q = loadRow(e.at(scratch.query(first + r), e.mul(d, 4)));
                               for (int64_t p = 0; p < panels; ++p)
                                 next[r * panels + p] = multiply(q, columns[p], next[r * panels + p]);
                             }
                             return next;
                           });
      auto keep = [&](bool masked) {
        for (int64_t r = 0; r < rows; ++r)
          keepScores(first + r, start, position, Values(ArrayRef(sums).slice(r * panels, panels)), masked);
      };
      // Only blocks that reach beyond what all rows see need the mask: those on the diagonal, and the last one.
      Value seen = e.less(tile.common, e.add(position, panels * kLanes));
      e.ifElse(seen, [&] { keep(true); }, [&] { keep(false); });
    });
  }

  void keepScores(int64_t r, Value start, Value position, Values sums, bool masked) {
    Value best = e.loadFloats(scratch.best(r)), to = e.at(scratch.score(r), e.mul(e.sub(position, start), 4));
    for (size_t p = 0; p < sums.size(); ++p) {
      if (masked) {
        Value left = e.sub(tile.limit[r], e.add(position, p * kLanes));
        sums[p] = e.select(e.maskBelow(left), sums[p], e.floatsOf(kMasked));
      }
      e.store(sums[p], e.at(to, p * 64));
      best = e.max(sums[p], best);
    }
    e.store(best, scratch.best(r));
  }

  // By row, in lanes: m' = max(m, max s) log2 e, and c = 2^(m - m').
  void updateMaxima() {
    Values best;
    for (int64_t r = 0; r < tile.rows; ++r)
      best.push_back(e.loadFloats(scratch.best(r)));
    Value largest = e.reduceRows(best, [&](Value a, Value c) { return e.max(a, c); });
    Value before = e.loadFloats(scratch.maximum());
    Value maximum = e.max(e.mul(largest, e.floatsOf(kLog2e)), before);
    e.store(maximum, scratch.maximum());
    e.store(e.sub(e.floatsOf(0), maximum), scratch.shift());
    e.store(e.exp2(e.sub(before, maximum), false), scratch.correction());
  }

  // Scores to weights, panel by panel; every row is a chain of its own, so that none waits for another.
  void softmax(Value start, Value panels) {
    updateMaxima();
    Value firstValues = e.at(tile.values, e.mul(start, spec.valueBytes()));
    Values shift, sums;
    for (int64_t r = 0; r < tile.rows; ++r) {
      shift.push_back(ofRow(scratch.shift(), r));
      sums.push_back(e.mul(e.loadFloats(scratch.sum(r)), ofRow(scratch.correction(), r)));
    }
    sums = e.loop(e.index(0), panels, 1, sums, [&](Value panel, const Values &carried) {
      Values next;
      askFor(e.at(firstValues, e.mul(panel, kAhead / (kBlock / kLanes))), kAhead / (kBlock / kLanes) / 64);
      for (int64_t r = 0; r < tile.rows; ++r) {
        Value score = e.loadFloats(e.at(scratch.score(r), e.mul(panel, 64)));
        Value weight = e.exp2(e.fma(score, e.floatsOf(kLog2e), shift[r]), spec.bf16);
        e.store(spec.bf16 ? e.toBf16(weight) : weight,
                e.at(scratch.score(r), e.mul(panel, kLanes * spec.elementBytes())));
        next.push_back(e.add(carried[r], weight)); // one partial sum for each lane; added up at the end
      }
      return next;
    });
    for (int64_t r = 0; r < tile.rows; ++r)
      e.store(sums[r], scratch.sum(r));
  }

  // out[r] = correction * out[r] + sum_k weight[r][k] * value[k]. One step is a position, or a pair of them.
  void accumulate(Value start, Value count) {
    int64_t registers = spec.valueDim() / kLanes;
    Value values = e.at(tile.values, e.mul(start, spec.valueBytes()));
    Value whole = e.div(count, e.index(factors())), steps = e.div(e.add(count, factors() - 1), e.index(factors()));
    forRowGroups(registers, [&](int64_t first, int64_t rows) {
      Values sums;
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t d = 0; d < registers; ++d)
          sums.push_back(
              e.mul(e.loadFloats(e.at(scratch.out(first + r), d * 64)), ofRow(scratch.correction(), first + r)));
      auto step = [&](Value k, const Values &carried, bool half) {
        Values next = carried, columns;
        for (int64_t d = 0; d < registers; ++d)
          columns.push_back(loadValues(e.at(values, e.add(e.mul(k, 4 * spec.valueDim()), d * 64)), half));
        if (first == 0)
          askFor(e.at(values, e.add(e.mul(k, 4 * spec.valueDim()), kAhead)), registers);
        for (int64_t r = 0; r < rows; ++r) {
          Value weight = loadRow(e.at(scratch.score(first + r), e.mul(k, 4)));
          for (int64_t d = 0; d < registers; ++d)
            next[r * registers + d] = multiply(weight, columns[d], next[r * registers + d]);
        }
        return next;
      };
      sums = e.loop(e.index(0), whole, 1, sums,
                    [&](Value k, const Values &carried) { return step(k, carried, /*half=*/false); });
      if (spec.bf16) // the last one, when positions are odd
        sums = e.loop(whole, steps, 1, sums, [&](Value k, const Values &carried) { return step(k, carried, true); });
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t d = 0; d < registers; ++d)
          e.store(sums[r * registers + d], e.at(scratch.out(first + r), d * 64));
    });
  }

  // What lies beyond the last position was never written (an encoder's cache is scratch memory of whoever ran before),
  // and its weight of zero would not help against a NaN. Of half a pair only the first is taken.
  Value loadValues(Value address, bool half) {
    Value pair = loadColumns(address);
    return half ? e.bitcast(e.bitAnd(e.bitcast(pair, e.ints()), e.intsOf(0xffff)), pair.getType()) : pair;
  }

  void reset() {
    e.store(e.floatsOf(kMasked), scratch.maximum());
    for (int64_t r = 0; r < tile.rows; ++r) {
      e.store(e.floatsOf(0), scratch.sum(r));
      for (int64_t d = 0; d < spec.valueDim(); d += kLanes)
        e.store(e.floatsOf(0), e.at(scratch.out(r), 4 * d));
    }
  }

  // Blocks begin at multiples of 256 whatever the rows of the tile, and panels beyond the limit of a row change nothing
  // (weights of 0): so the sums of a row never depend on its neighbours, and a prompt gives the same bits in whatever
  // pieces it comes.
  void emit() {
    reset();
    e.loop(e.index(0), tile.positions, kBlock, [&](Value start) {
      Value end = e.min(e.add(start, kBlock), tile.positions), count = e.sub(end, start);
      for (int64_t r = 0; r < tile.rows; ++r)
        e.store(e.floatsOf(kMasked), scratch.best(r));
      int64_t step = kKeyPanels * kLanes;
      Value whole = e.sub(end, e.rem(count, e.index(step)));
      e.loop(start, whole, step, [&](Value position) { scores(start, position, kKeyPanels); });
      e.loop(whole, end, kLanes, [&](Value position) { scores(start, position, 1); });
      softmax(start, e.div(e.add(count, kLanes - 1), e.index(kLanes)));
      accumulate(start, count);
    });
    Values sums;
    for (int64_t r = 0; r < tile.rows; ++r)
      sums.push_back(e.loadFloats(scratch.sum(r)));
    Value total = e.reduceRows(sums, [&](Value a, Value c) { return e.add(a, c); });
    e.store(e.div(e.floatsOf(1), total), scratch.correction());
  }

  Value inverseSum(int64_t r) { return ofRow(scratch.correction(), r); }
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

  void storeOut(TileEmitter &tile, int64_t r, Value row, Value head) {
    Scratch &scratch = tile.scratch;
    Value to = e.at(out, e.add(e.mul(row, rowBytes()), e.mul(head, 4 * spec.headDim)));
    Value factor = tile.inverseSum(r);
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
    tile.ahead = true;
    tile.keys = view.keys(kvHead);
    tile.values = view.values(kvHead);
    tile.positions = tile.common = e.add(info.position, 1);
    Values inGroup, head;
    for (int64_t r = 0; r < count; ++r) {
      tile.limit.push_back(tile.positions);
      inGroup.push_back(e.min(e.add(firstHead, r), e.index(spec.group() - 1)));
      head.push_back(e.add(e.mul(kvHead, spec.group()), inGroup[r]));
      loadQuery(scratch, r, row, head[r], info.position);
    }
    TileEmitter emitter{e, spec, scratch, tile};
    emitter.emit();
    for (int64_t r = 0; r < count; ++r)
      e.ifThen(e.less(e.add(firstHead, r), e.index(spec.group())), [&] { storeOut(emitter, r, row, head[r]); });
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
