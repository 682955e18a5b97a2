// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scores and weighted sums of a tile from keys and values of 8 bits; see AttentionTile.h. Products are those of bytes,
// sums are exact integers, so that they are the same on every CPU.
#include "codegen/cpu/attention/AttentionTile.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::cpu {

using Values = Emitter::Values;

// The same from codes. A query is 256 high + low, both signed bytes, so that two dot products of bytes are one of 16
// bits; keys are 128 too large, which the query's own sum takes back. All of it is exact:
// |sum of 16 bits x 8 bits| < 2^31 up to heads of 512.
void TileEmitter::codeScores(Value start, Value position, int64_t panels) {
  PanelLines lines = keyLines(start, position), following = keyLines(start, e.add(position, panels * kLanes));
  int64_t steps = spec.keyDim() / 4;
  forTiles(2, panels, [&](int64_t first, int64_t rows, Value panel, int64_t count) {
    auto lineOf = [&](const PanelLines &of, Value d) { return e.at(of.at(e, d), e.mul(panel, 64)); };
    Values dots = e.loop(e.index(0), e.index(steps), 1, Values(2 * rows * count, e.intsOf(0)),
                         [&](Value d, const Values &carried) {
                           Values next = carried, columns;
                           for (int64_t p = 0; p < count; ++p)
                             columns.push_back(loadBytes(e.at(lineOf(lines, d), 64 * p)));
                           if (first == 0)
                             askFor(lineOf(following, d), count);
                           for (int64_t i = 0; i < 2 * rows; ++i) {
                             Value query = e.at(scratch.query(first + i / 2), i % 2 * spec.keyDim());
                             Value q = fourBytes(e.at(query, e.mul(d, 4)));
                             for (int64_t p = 0; p < count; ++p)
                               next[i * count + p] = dot(next[i * count + p], columns[p], q);
                           }
                           return next;
                         });
    Values sums;
    for (int64_t r = 0; r < rows; ++r) {
      Value unit = e.broadcast(e.load(e.b.getF32Type(), scratch.queryUnit(first + r)));
      Value offset = e.broadcast(e.load(e.b.getI32Type(), scratch.queryOffset(first + r)));
      for (int64_t p = 0; p < count; ++p) {
        Value sum = e.sub(joined(dots[2 * r * count + p], dots[(2 * r + 1) * count + p]), offset);
        Value scale = e.loadFloats(e.at(lineOf(lines, e.index(steps)), 64 * p));
        sums.push_back(e.mul(e.toFloat(sum), e.mul(unit, scale)));
      }
    }
    keepAll(first, rows, start, e.add(position, e.mul(panel, kLanes)), sums);
  });
}

// i8: the scale of a value goes into its weight. Where there is no weight, there may be no value, and no scale
// either.
Value TileEmitter::scaledWeight(Value weight, Value panel) {
  Value scale = e.loadFloats(e.at(panel, kLanes * spec.valueDim()));
  return e.select(e.less(e.floatsOf(0), weight), e.mul(weight, scale), e.floatsOf(0));
}

// i8: weights become 16 bits of the row's largest in this block, split into bytes where the floats were.
void TileEmitter::encodeWeights(Value panels, const Values &largest) {
  Value most = e.reduceRows(largest, [&](Value a, Value c) { return e.max(a, c); });
  Value some = e.less(e.floatsOf(0), most);
  e.store(e.mul(most, e.floatsOf(1.0f / 65535)), scratch.weightUnit());
  e.store(e.select(some, e.div(e.floatsOf(65535), most), e.floatsOf(0)), scratch.weightInverse());
  Values inverse;
  for (int64_t r = 0; r < tile.rows; ++r)
    inverse.push_back(ofRow(scratch.weightInverse(), r));
  e.loop(e.index(0), panels, 1, [&](Value panel) {
    for (int64_t r = 0; r < tile.rows; ++r) {
      Value weight = e.loadFloats(e.at(scratch.score(r), e.mul(panel, 64)));
      Value code = e.roundToInt(e.mul(weight, inverse[r]));
      Value to = e.at(scratch.score(r), e.mul(panel, 2 * kLanes));
      e.store(e.narrowToBytes(e.shrLogical(code, e.intsOf(8))), to);
      e.store(e.narrowToBytes(code), e.at(to, kLanes));
    }
  });
}

// The same sum from codes: 65535 x 127 x 256 positions stay below 2^31.
void TileEmitter::accumulateCodes(Value start, Value panels) {
  int64_t registers = spec.valueDim() / kLanes, panelBytes = kLanes * spec.valueBytes();
  Value values = e.at(tile.values, e.mul(kept(start), spec.valueBytes()));
  forTiles(2, registers, [&](int64_t first, int64_t rows, Value column, int64_t count) {
    Values dots =
        e.loop(e.index(0), panels, 1, Values(2 * rows * count, e.intsOf(0)), [&](Value panel, const Values &carried) {
          Values next = carried;
          Value from = e.at(values, e.mul(panel, panelBytes));
          if (first == 0)
            askAhead(from, column, count, registers);
          for (int64_t four = 0; four < kLanes / 4; ++four) {
            Values columns;
            Value line = e.at(from, e.add(e.mul(column, 64), four * registers * 64));
            for (int64_t d = 0; d < count; ++d)
              columns.push_back(loadBytes(e.at(line, d * 64)));
            for (int64_t i = 0; i < 2 * rows; ++i) {
              Value weights = e.at(scratch.score(first + i / 2), e.mul(panel, 2 * kLanes));
              Value w = fourBytes(e.at(weights, i % 2 * kLanes + 4 * four));
              for (int64_t d = 0; d < count; ++d)
                next[i * count + d] = dot(next[i * count + d], w, columns[d]);
            }
          }
          return next;
        });
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t d = 0; d < count; ++d) {
        Value sum = e.toFloat(joined(dots[2 * r * count + d], dots[(2 * r + 1) * count + d]));
        addToOut(first + r, e.add(column, d), e.mul(sum, ofRow(scratch.weightUnit(), first + r)));
      }
  });
}

// All columns together ask for a panel with its scales; some of them for their own lines.
void TileEmitter::askAhead(Value panel, Value column, int64_t count, int64_t registers) {
  if (count == registers)
    return askFor(e.at(panel, kAhead), kLanes * spec.valueBytes() / 64);
  for (int64_t four = 0; four < kLanes / 4; ++four)
    askFor(e.at(panel, e.add(e.mul(column, 64), kAhead + four * registers * 64)), count);
}

} // namespace lmopt::cpu
