// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scores, softmax and weighted sums of a tile, in f32 or bf16; see AttentionTile.h.
//
// Online softmax (Milakov and Gimelshein 2018; FlashAttention): a block of keys by itself has the maximum b = max s,
// and sums of weights 2^(s - b); then, with the running maximum m and sum l,
//   m' = max(m, b),  c = 2^(m - m'),  f = 2^(b - m'),  l' = c l + f sum 2^(s - b),  o' = c o + f sum 2^(s - b) v,
// out = o / l, with scores and maxima multiplied by log2 e: that multiplication is the subtraction's, as one fused
// instruction. (In the queries it would cost nothing either, but there it would move their rounding to bf16.) Exponents
// are never positive but for the rounding of that product. Weights that become bf16 (half an ulp: 2^-9) are computed to
// 2^-13. A block's sums do not depend on those before it, so that GPUs, which do blocks side by side, can give the same
// bits (codegen/ptx/attention/AttendRows.h).
// Keys lie in panels of 16 positions, so that one register holds 16 positions of one dimension and a score tile
// is rows x 4 registers, like a matrix tile. Every output row is computed by one thread in one fixed order.
#include "codegen/cpu/attention/AttentionTile.h"

#include "codegen/Functions.h"

#include "llvm/ADT/bit.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::cpu {

using Values = Emitter::Values;

Values TileEmitter::loadColumns(Value address) {
  if (!spec.bf16())
    return {e.load(e.floats(), address, 64)};
  if (!widened())
    return {e.load(VectorType::get({2 * kLanes}, e.b.getBF16Type()), address, 64)};
  Value pairs = e.load(e.ints(), address, 64);
  return {e.bitcast(e.shl(pairs, e.intsOf(16)), e.floats()), e.bitcast(e.bitAnd(pairs, e.intsOf(-65536)), e.floats())};
}

// Of queries or weights the number, or the pair, of one step in every lane.
Values TileEmitter::loadRow(Value numbers, Value step) {
  Value address = e.at(numbers, e.mul(step, widened() ? 8 : 4));
  auto number = [&](int64_t i) { return e.broadcast(e.load(e.b.getF32Type(), e.at(address, 4 * i))); };
  if (widened())
    return {number(0), number(1)};
  if (!spec.bf16())
    return {number(0)};
  return {e.bitcast(e.broadcast(e.load(e.b.getI32Type(), address)), VectorType::get({2 * kLanes}, e.b.getBF16Type()))};
}

// Of a pair the second number first, as lmk.dot_bf16 does it.
Value TileEmitter::multiply(const Values &row, const Values &columns, Value sum) {
  if (widened())
    return e.fma(row[0], columns[0], e.fma(row[1], columns[1], sum));
  if (spec.bf16())
    return lmk::DotBf16Op::create(e.b, e.loc, sum.getType(), sum, row[0], columns[0]);
  return e.fma(row[0], columns[0], sum);
}

// Calls body(first row, rows, first column, columns) for tiles whose sums stay in registers, `perColumn` for each row
// and column. 32 registers take all columns for as many rows as fit. 16 of half the width take one column for four or
// more rows, so that a register of keys is widened for four rows (Zen 4: attention of a prompt 4 times as fast as with
// sums that spill), and several for fewer rows, whose sums would be chains too few to fill the unit.
void TileEmitter::forTiles(int64_t perColumn, int64_t columns,
                           const std::function<void(int64_t, int64_t, Value, int64_t)> &body) {
  const int64_t fitting = llvm::bit_floor(static_cast<uint64_t>(sumsAtOnce() / (perColumn * tile.rows)));
  const int64_t width = e.shape.tilePanels > 1 ? columns : std::min(columns, std::max<int64_t>(fitting, 1));
  int64_t step = tile.rows;
  while (step > 1 && step * perColumn * width > sumsAtOnce())
    step = (step + 1) / 2;
  auto rows = [&](Value column, int64_t count) {
    for (int64_t r = 0; r < tile.rows; r += step)
      body(r, std::min(step, tile.rows - r), column, count);
  };
  if (width == columns)
    return rows(e.index(0), columns);
  overPanels(e, e.index(0), e.index(columns), width, rows);
}

// Few rows are bound by memory, and products that wait for their operands fill the window of the core before enough
// loads are under way; asking for lines beforehand, in the order of their addresses, doubles what arrives. (Past the
// second-level cache a fifth more than through it.)
void TileEmitter::askFor(Value address, int64_t lines) {
  for (int64_t i = 0; tile.ahead && i < lines; ++i)
    tile.once ? e.prefetchOnce(e.at(address, 64 * i)) : e.prefetch(e.at(address, 64 * i));
}

// A ring is whole blocks, so that none of them wraps.
Value TileEmitter::kept(Value start) { return spec.ringPositions ? e.rem(start, tile.keys.capacity) : start; }

// Panels that are read together are a group, or a single one.
PanelLines TileEmitter::keyLines(Value start, Value position) {
  Value place = spec.ringPositions ? e.add(kept(start), e.sub(position, start)) : position;
  return tile.keys.lines(e, spec, e.div(place, e.index(kLanes)));
}

// scores[r][position - start] = sum_d query[r][d] * key[position][d] for the `panels` panels from `position` on, and
// the largest of each row and lane. What a row must not see gets no weight.
void TileEmitter::scores(Value start, Value position, int64_t panels) {
  PanelLines lines = keyLines(start, position), following = keyLines(start, e.add(position, panels * kLanes));
  forTiles(1, panels, [&](int64_t first, int64_t rows, Value panel, int64_t count) {
    auto step = [&](Value d, const Values &carried) {
      Values next = carried;
      SmallVector<Values> columns;
      for (int64_t p = 0; p < count; ++p)
        columns.push_back(loadColumns(e.at(lines.at(e, d), e.add(e.mul(panel, 64), 64 * p))));
      if (first == 0) // the panels after these
        askFor(e.at(following.at(e, d), e.mul(panel, 64)), count);
      for (int64_t r = 0; r < rows; ++r) {
        Values q = loadRow(scratch.query(first + r), d);
        for (int64_t p = 0; p < count; ++p)
          next[r * count + p] = multiply(q, columns[p], next[r * count + p]);
      }
      return next;
    };
    Values sums = e.loop(e.index(0), e.index(spec.headDim / factors()), 1, Values(rows * count, e.floatsOf(0)), step);
    keepAll(first, rows, start, e.add(position, e.mul(panel, kLanes)), sums);
  });
}

void TileEmitter::keepAll(int64_t first, int64_t rows, Value start, Value position, const Values &sums) {
  int64_t panels = sums.size() / rows;
  auto keep = [&](bool masked) {
    for (int64_t r = 0; r < rows; ++r)
      keepScores(first + r, start, position, Values(ArrayRef(sums).slice(r * panels, panels)), masked);
  };
  e.ifElse(needsMask(position, panels), [&] { keep(true); }, [&] { keep(false); });
}

// Only panels that reach beyond what all rows see: those on the diagonal and the last ones, and those where windows
// begin.
Value TileEmitter::needsMask(Value position, int64_t panels) {
  Value end = e.add(position, panels * kLanes);
  if (tile.first.empty())
    return e.less(tile.common, end);
  Value unseen = e.max(e.sub(end, tile.common), e.sub(tile.first.back(), position));
  return e.less(e.index(0), unseen);
}

Value TileEmitter::maskedScore(int64_t r, Value position, Value score) {
  score = e.select(e.maskBelow(e.sub(tile.limit[r], position)), score, e.floatsOf(kMasked));
  if (tile.first.empty())
    return score;
  return e.select(e.maskBelow(e.sub(tile.first[r], position)), e.floatsOf(kMasked), score);
}

// The distances from the row's own position to those of a panel lie next to each other.
Value TileEmitter::biasedScore(int64_t r, Value position, Value score) {
  Value distance = e.sub(position, tile.own[r]);
  if (spec.bias == PositionBias::Slopes) {
    Value first = arith::TruncIOp::create(e.b, e.loc, e.b.getI32Type(), distance);
    Value slope = e.broadcast(e.load(e.b.getF32Type(), tile.bias[r]));
    return e.fma(slope, e.toFloat(e.add(e.broadcast(first), e.laneIds())), score);
  }
  const int64_t most = spec.largestDistance;
  Value near = e.min(e.max(distance, e.index(-most - kLanes)), e.index(most + 1));
  return e.add(score, e.loadFloats(e.at(tile.bias[r], e.mul(near, 4))));
}

void TileEmitter::keepScores(int64_t r, Value start, Value position, Values sums, bool masked) {
  Value best = e.loadFloats(scratch.best(r)), to = e.at(scratch.score(r), e.mul(e.sub(position, start), 4));
  for (size_t p = 0; p < sums.size(); ++p) {
    if (spec.softCap)
      sums[p] = functions::softCap(e, spec.softCap, sums[p]);
    if (spec.bias != PositionBias::None)
      sums[p] = biasedScore(r, e.add(position, p * kLanes), sums[p]);
    if (masked)
      sums[p] = maskedScore(r, e.add(position, p * kLanes), sums[p]);
    e.store(sums[p], e.at(to, p * 64));
    best = e.max(sums[p], best);
  }
  e.store(best, scratch.best(r));
}

// By row, in lanes: b = max s log2 e, m' = max(m, b), c = 2^(m - m'), f = 2^(b - m'). Of a block of which a row sees
// nothing b is above what masked scores come to, so that they get no weight, and below all others.
void TileEmitter::updateMaxima() {
  Values best;
  for (int64_t r = 0; r < tile.rows; ++r)
    best.push_back(e.loadFloats(scratch.best(r)));
  Value largest = e.reduceRows(best, [&](Value a, Value c) { return e.max(a, c); });
  Value ofBlock = e.max(e.mul(largest, e.floatsOf(kLog2e)), e.floatsOf(kMasked / 10));
  Value before = e.loadFloats(scratch.maximum()), maximum = e.max(ofBlock, before);
  e.store(maximum, scratch.maximum());
  e.store(e.sub(e.floatsOf(0), ofBlock), scratch.shift());
  e.store(e.exp2(e.sub(before, maximum), false), scratch.correction());
  e.store(e.exp2(e.sub(ofBlock, maximum), false), scratch.share());
}

// l' = c l + f sum: `sums` by row, one partial sum in each lane.
void TileEmitter::updateTotals(const Values &sums) {
  Value ofBlock = e.reduceRows(sums, [&](Value a, Value c) { return e.add(a, c); });
  Value own = e.mul(e.loadFloats(scratch.share()), ofBlock);
  e.store(e.fma(e.loadFloats(scratch.correction()), e.loadFloats(scratch.total()), own), scratch.total());
}

// o' = c o + f sum.
void TileEmitter::addToOut(int64_t r, Value d, Value sum) {
  Value out = e.at(scratch.out(r), e.mul(d, 64)), own = e.mul(ofRow(scratch.share(), r), sum);
  e.store(e.fma(ofRow(scratch.correction(), r), e.loadFloats(out), own), out);
}

// Scores to weights, panel by panel; every row is a chain of its own, so that none waits for another.
void TileEmitter::softmax(Value start, Value panels) {
  updateMaxima();
  Value firstValues = e.at(tile.values, e.mul(kept(start), spec.valueBytes()));
  Values shift, sums;
  for (int64_t r = 0; r < tile.rows; ++r) {
    shift.push_back(ofRow(scratch.shift(), r));
    sums.push_back(e.floatsOf(0));
  }
  Values largest(spec.integer() ? tile.rows : 0, e.floatsOf(0));
  sums.append(largest);
  sums = e.loop(e.index(0), panels, 1, sums, [&](Value panel, const Values &carried) {
    Values next;
    askFor(e.at(firstValues, e.mul(panel, kAhead / (kBlock / kLanes))), kAhead / (kBlock / kLanes) / 64);
    for (int64_t r = 0; r < tile.rows; ++r) {
      Value score = e.loadFloats(e.at(scratch.score(r), e.mul(panel, 64)));
      Value weight = e.exp2(e.fma(score, e.floatsOf(kLog2e), shift[r]), spec.bf16());
      next.push_back(e.add(carried[r], weight)); // one partial sum for each lane; added up at the end
      if (spec.integer()) {
        weight = scaledWeight(weight, e.at(firstValues, e.mul(panel, kLanes * spec.valueBytes())));
        largest[r] = e.max(weight, carried[tile.rows + r]);
      }
      int64_t bytes = spec.bf16() && !widened() ? 2 : 4;
      Value kept = widened() ? e.roundToBf16(weight) : spec.bf16() ? e.toBf16(weight) : weight;
      e.store(kept, e.at(scratch.score(r), e.mul(panel, kLanes * bytes)));
    }
    next.append(largest);
    return next;
  });
  updateTotals(Values(ArrayRef(sums).take_front(tile.rows)));
  if (spec.integer())
    encodeWeights(panels, Values(ArrayRef(sums).drop_front(tile.rows)));
}

// sum_k weight[r][k] * value[k], added to out[r]. One step is a position, or a pair of them.
void TileEmitter::accumulate(Value start, Value count) {
  int64_t registers = spec.valueDim() / kLanes;
  Value values = e.at(tile.values, e.mul(kept(start), spec.valueBytes()));
  Value whole = e.div(count, e.index(factors())), steps = e.div(e.add(count, factors() - 1), e.index(factors()));
  forTiles(1, registers, [&](int64_t first, int64_t rows, Value column, int64_t count) {
    Value from = e.at(values, e.mul(column, 64));
    auto step = [&](Value k, const Values &carried, bool half) {
      Values next = carried;
      SmallVector<Values> columns;
      Value line = e.at(from, e.mul(k, 4 * spec.valueDim()));
      for (int64_t d = 0; d < count; ++d)
        columns.push_back(loadValues(e.at(line, d * 64), half));
      if (first == 0)
        askFor(e.at(line, kAhead), count);
      for (int64_t r = 0; r < rows; ++r) {
        Values weight = loadRow(scratch.score(first + r), k);
        for (int64_t d = 0; d < count; ++d)
          next[r * count + d] = multiply(weight, columns[d], next[r * count + d]);
      }
      return next;
    };
    Values sums = e.loop(e.index(0), whole, 1, Values(rows * count, e.floatsOf(0)),
                         [&](Value k, const Values &carried) { return step(k, carried, /*half=*/false); });
    if (spec.bf16()) // the last one, when positions are odd
      sums = e.loop(whole, steps, 1, sums, [&](Value k, const Values &carried) { return step(k, carried, true); });
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t d = 0; d < count; ++d)
        addToOut(first + r, e.add(column, d), sums[r * count + d]);
  });
}

// What lies beyond the last position was never written (an encoder's cache is scratch memory of whoever ran before),
// and its weight of zero would not help against a NaN. Of half a pair only the first is taken.
Values TileEmitter::loadValues(Value address, bool half) {
  Values pair = loadColumns(address);
  if (half && widened())
    pair[1] = e.floatsOf(0);
  else if (half)
    pair[0] = e.bitcast(e.bitAnd(e.bitcast(pair[0], e.ints()), e.intsOf(0xffff)), pair[0].getType());
  return pair;
}

void TileEmitter::reset() {
  e.store(e.floatsOf(kMasked), scratch.maximum());
  e.store(e.floatsOf(0), scratch.total());
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t d = 0; d < spec.valueDim(); d += kLanes)
      e.store(e.floatsOf(0), e.at(scratch.out(r), 4 * d));
}

// Blocks begin at multiples of 256 whatever the rows of the tile, and panels beyond the limit of a row change nothing
// (weights of 0): so the sums of a row never depend on its neighbours, and a prompt gives the same bits in whatever
// pieces it comes.
void TileEmitter::emit() {
  reset();
  // Windows leave out the blocks before them.
  Value begin = tile.first.empty() ? e.index(0) : e.mul(e.div(tile.first.front(), e.index(kBlock)), kBlock);
  e.loop(begin, tile.positions, kBlock, [&](Value start) {
    Value end = e.min(e.add(start, kBlock), tile.positions), count = e.sub(end, start);
    for (int64_t r = 0; r < tile.rows; ++r)
      e.store(e.floatsOf(kMasked), scratch.best(r));
    int64_t step = kKeyPanels * kLanes;
    Value whole = e.sub(end, e.rem(count, e.index(step)));
    auto score = [&](Value position, int64_t panels) {
      spec.integer() ? codeScores(start, position, panels) : scores(start, position, panels);
    };
    e.loop(start, whole, step, [&](Value position) { score(position, kKeyPanels); });
    e.loop(whole, end, kLanes, [&](Value position) { score(position, 1); });
    Value panels = e.div(e.add(count, kLanes - 1), e.index(kLanes));
    softmax(start, panels);
    spec.integer() ? accumulateCodes(start, panels) : accumulate(start, count);
  });
  e.store(e.div(e.floatsOf(1), e.loadFloats(scratch.total())), scratch.correction());
}

} // namespace lmopt::cpu
