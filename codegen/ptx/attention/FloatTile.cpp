// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See FloatTile.h.
#include "codegen/ptx/attention/FloatTile.h"

using namespace mlir;

namespace lmopt::nvptx {

using Values = Emitter::Values;

/// Threads that have the same position of a block share its queries.
static constexpr int64_t kRowsOfThread = FloatTile::kRows / (FloatTile::kThreads / TilePlaces::kBlock);

Values FloatTile::start() {
  softmax.start();
  return Values(static_cast<size_t>(rowsOfGroup()), e.floatOf(0));
}

//===--- Scores: a thread has one position and a quarter of the queries ---===//

Values FloatTile::score(Value block) {
  Value inBlock = e.bitAnd(tile.thread, kBlock - 1), query = e.mul(e.shr(tile.thread, 6), kRowsOfThread);
  Values sums =
      e.loop(e.number(0), e.number(4 * spec.width), 16, Values(static_cast<size_t>(kRowsOfThread), e.floatOf(0)),
             [&](Value offset, const Values &carried) { return products(query, inBlock, offset, carried); });
  Value position = e.add(block, inBlock);
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value row = e.add(query, static_cast<int64_t>(i));
    e.store(e.select(isHidden(row, position), hidden(), scoreOf(sum, row, position)), softmax.weights(row, inBlock));
  }
  return {};
}

Values FloatTile::products(Value query, Value position, Value offset, const Values &sums) {
  Values key = e.loadFour(e.f32(), e.at(tile.row(places.keys, position), offset)), result;
  for (auto [i, sum] : llvm::enumerate(sums)) {
    Value from = tile.row(places.queries, e.add(query, static_cast<int64_t>(i)));
    result.push_back(dot(e.loadFour(e.f32(), e.at(from, offset)), key, sum));
  }
  return result;
}
Value FloatTile::dot(const Values &left, const Values &right, Value sum) {
  for (auto [x, y] : llvm::zip_equal(left, right))
    sum = e.fma(x, y, sum);
  return sum;
}

//===--- Weighted sums: a thread has a number of the values, and the rows of its group ---===//

int64_t FloatTile::groups() const {
  int64_t groups = 1;
  while (2 * groups * spec.valueWidth() <= kThreads && groups < kRows)
    groups *= 2;
  return groups;
}
// Threads beyond the last group do what another one does; it is not stored.
Value FloatTile::firstRow() { return e.mul(e.rem(e.div(tile.thread, spec.valueWidth()), groups()), rowsOfGroup()); }

void FloatTile::addValues(const Values &, Values &carried) {
  Value row = firstRow(), values = e.at(e.at(tile.shared, places.values), column());
  for (auto [i, sum] : llvm::enumerate(carried))
    sum = e.mul(sum, softmax.shrink(e.add(row, static_cast<int64_t>(i))));
  carried = e.loop(e.number(0), e.number(kBlock), 4, carried, [&](Value position, const Values &so) {
    Values four, result;
    for (int64_t i = 0; i < 4; ++i)
      four.push_back(e.load(e.f32(), e.at(e.at(values, e.mul(position, places.valueStride)), i * places.valueStride)));
    for (auto [i, sum] : llvm::enumerate(so)) {
      Value weights = softmax.weights(e.add(row, static_cast<int64_t>(i)), position);
      result.push_back(dot(e.loadFour(e.f32(), weights), four, sum));
    }
    return result;
  });
}

void FloatTile::store(const Values &carried) {
  Value isInGroups = e.less(tile.thread, e.number(groups() * spec.valueWidth()));
  for (int64_t i = 0; i < rowsOfGroup(); ++i) {
    Value row = e.add(firstRow(), i);
    e.ifThen(e.bitAnd(isInGroups, isRow(row)),
             [&] { e.store(e.div(carried[static_cast<size_t>(i)], softmax.sum(row)), e.at(resultOf(row), column())); });
  }
}

} // namespace lmopt::nvptx
