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
  forRowGroups(2 * panels, [&](int64_t first, int64_t rows) {
    Values dots = e.loop(e.index(0), e.index(steps), 1, Values(2 * rows * panels, e.intsOf(0)),
                         [&](Value d, const Values &carried) {
                           Values next = carried, columns;
                           for (int64_t p = 0; p < panels; ++p)
                             columns.push_back(loadBytes(e.at(lines.at(e, d), 64 * p)));
                           if (first == 0)
                             askFor(following.at(e, d), panels);
                           for (int64_t i = 0; i < 2 * rows; ++i) {
                             Value query = e.at(scratch.query(first + i / 2), i % 2 * spec.keyDim());
                             Value q = fourBytes(e.at(query, e.mul(d, 4)));
                             for (int64_t p = 0; p < panels; ++p)
                               next[i * panels + p] = dot(next[i * panels + p], columns[p], q);
                           }
                           return next;
                         });
    Values sums;
    for (int64_t r = 0; r < rows; ++r) {
      Value unit = e.broadcast(e.load(e.b.getF32Type(), scratch.queryUnit(first + r)));
      Value offset = e.broadcast(e.load(e.b.getI32Type(), scratch.queryOffset(first + r)));
      for (int64_t p = 0; p < panels; ++p) {
        Value sum = e.sub(joined(dots[2 * r * panels + p], dots[(2 * r + 1) * panels + p]), offset);
        Value scale = e.loadFloats(e.at(lines.at(e, e.index(steps)), 64 * p));
        sums.push_back(e.mul(e.toFloat(sum), e.mul(unit, scale)));
      }
    }
    keepAll(first, rows, start, position, sums);
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
  forRowGroups(2 * registers, [&](int64_t first, int64_t rows) {
    Values dots = e.loop(e.index(0), panels, 1, Values(2 * rows * registers, e.intsOf(0)),
                         [&](Value panel, const Values &carried) {
                           Values next = carried;
                           Value from = e.at(values, e.mul(panel, panelBytes));
                           if (first == 0)
                             askFor(e.at(from, kAhead), panelBytes / 64);
                           for (int64_t four = 0; four < kLanes / 4; ++four) {
                             Values columns;
                             for (int64_t d = 0; d < registers; ++d)
                               columns.push_back(loadBytes(e.at(from, (four * registers + d) * 64)));
                             for (int64_t i = 0; i < 2 * rows; ++i) {
                               Value weights = e.at(scratch.score(first + i / 2), e.mul(panel, 2 * kLanes));
                               Value w = fourBytes(e.at(weights, i % 2 * kLanes + 4 * four));
                               for (int64_t d = 0; d < registers; ++d)
                                 next[i * registers + d] = dot(next[i * registers + d], w, columns[d]);
                             }
                           }
                           return next;
                         });
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t d = 0; d < registers; ++d) {
        Value sum = e.toFloat(joined(dots[2 * r * registers + d], dots[(2 * r + 1) * registers + d]));
        addToOut(first + r, d, e.mul(sum, ofRow(scratch.weightUnit(), first + r)));
      }
  });
}

} // namespace lmopt::cpu
