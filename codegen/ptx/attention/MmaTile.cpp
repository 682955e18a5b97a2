// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See MmaTile.h.
#include "codegen/ptx/attention/MmaTile.h"
#include "codegen/ptx/attention/OnlineSoftmax.h"

#include "codegen/Functions.h"

using namespace mlir;

namespace lmopt::nvptx {

using Value = mlir::Value;
using Values = Emitter::Values;

/// Rows or positions of a matrix product's operand, and numbers of a lane in two neighbouring pieces of 8 positions.
constexpr int64_t kDepth = 16, kOfPair = 8;

/// What a lane carries from block to block: sums of its numbers of the results, then of its two rows the greatest score
/// and its share of the sum of weights.
struct MmaTile::Carried {
  Values numbers, greatest, sums;

  Carried(const Values &all)
      : numbers(all.begin(), all.end() - 4), greatest(all.end() - 4, all.end() - 2), sums(all.end() - 2, all.end()) {}
  Values all() const {
    Values result = numbers;
    result.append(greatest);
    result.append(sums);
    return result;
  }
};

/// Of the block's rows the lane's first one; the other is 8 further.
Value MmaTile::laneRow() { return e.add(e.mul(e.warp(), kDepth), e.shr(e.lane(), 2)); }

Values MmaTile::start() {
  Values carried(static_cast<size_t>(spec.valueWidth() / 2 + 4), e.floatOf(0));
  carried[carried.size() - 4] = carried[carried.size() - 3] = e.floatOf(-INFINITY);
  return carried;
}
void MmaTile::storeQuery(Value number, Value at) { e.store(e.narrow(e.shr(e.roundedToBf16(number), 16), 16), at, 2); }

//===--- Scores: 16 queries x 64 positions a warp ---===//

/// Of the left operand, whose rows lie from there on, and of a transposed right one, the row of a lane.
Value MmaTile::leftRow(Value from, int64_t stride) {
  return e.at(e.at(from, e.mul(e.bitAnd(e.lane(), 15), stride)), e.mul(e.shr(e.lane(), 4), 16));
}
/// Of a right operand: positions 0 .. 7, both halves of its depth, then 8 .. 15.
Value MmaTile::rightRow(Value from) {
  Value row = e.add(e.bitAnd(e.lane(), 7), e.mul(e.shr(e.lane(), 4), 8));
  return e.at(e.at(from, e.mul(row, places.stride)), e.mul(e.bitAnd(e.shr(e.lane(), 3), 1), 16));
}
/// Two neighbouring pieces of a product, from `at` of the sums on.
void MmaTile::multiply(const Values &left, const Values &right, Values &sums, size_t at) {
  for (size_t piece = 0; piece < 2; ++piece) {
    Values four(ArrayRef(sums).slice(at + 4 * piece, 4));
    llvm::copy(e.mmaBf16(left, {right[2 * piece], right[2 * piece + 1]}, four), sums.begin() + at + 4 * piece);
  }
}

Values MmaTile::products() {
  Value queries = leftRow(tile.place(places.queries, e.warp(), kDepth * places.stride), places.stride);
  Value keys = rightRow(e.at(tile.shared, places.keys));
  return e.loop(e.number(0), e.number(2 * spec.width), 2 * kDepth,
                Values(static_cast<size_t>(kBlock / 2), e.floatOf(0)), [&](Value offset, const Values &carried) {
                  Values sums = carried, left = e.loadMatrices(e.at(queries, offset));
                  for (int64_t i = 0; i < kBlock / kDepth; ++i) {
                    Values right = e.loadMatrices(e.at(e.at(keys, i * kDepth * places.stride), offset));
                    multiply(left, right, sums, static_cast<size_t>(i * kOfPair));
                  }
                  return sums;
                });
}
// Most blocks are seen by all rows; those of windows are few.
Values MmaTile::masked(Value block, const Values &products) {
  auto positionOf = [&](size_t i) { return e.add(e.add(block, lanePair()), static_cast<int64_t>(i / 4 * 8 + i % 2)); };
  Values scores;
  for (auto [i, x] : llvm::enumerate(products)) {
    Value row = tile.bias ? e.add(laneRow(), static_cast<int64_t>(i % 4 / 2 * 8)) : Value();
    scores.push_back(scoreOf(x, row, tile.bias ? positionOf(i) : Value()));
  }
  auto mask = [&] {
    Value rows[] = {laneRow(), e.add(laneRow(), 8)};
    Values result;
    for (auto [i, score] : llvm::enumerate(scores)) {
      Value position = positionOf(i);
      result.push_back(e.select(isHidden(rows[i % 4 / 2], position), hidden(), score));
    }
    return result;
  };
  Value end = e.add(block, kBlock);
  return spec.window ? mask() : e.ifThen(e.less(e.add(source.lastSeen(e.number(0)), 1), end), scores, mask);
}

//===--- Weights, and the second product ---===//

/// The numbers of a lane's first or second row.
static void forRow(Values &numbers, size_t half, llvm::function_ref<void(Value &)> body) {
  for (size_t i = 2 * half; i < numbers.size(); i += 4)
    body(numbers[i]), body(numbers[i + 1]);
}

/// Scores become weights; the sums so far shrink.
void MmaTile::weigh(Values &scores, Values &carried) {
  Carried before(carried), result = before;
  for (size_t half = 0; half < 2; ++half) {
    Value greatest = before.greatest[half], own = scores[2 * half];
    forRow(scores, half, [&](Value &score) { own = e.max(own, score); });
    own = e.acrossLanes(own, {1, 2}, [&](Value x, Value y) { return e.max(x, y); });
    result.greatest[half] = e.max(own, greatest);
    Value factor = functions::exp2(e, e.sub(greatest, result.greatest[half]), false);
    Value sum = e.mul(before.sums[half], factor);
    forRow(scores, half, [&](Value &score) {
      score = functions::exp2(e, e.sub(score, result.greatest[half]), true);
      sum = e.add(sum, score);
    });
    result.sums[half] = sum;
    forRow(result.numbers, half, [&](Value &number) { number = e.mul(number, factor); });
  }
  carried = result.all();
}

void MmaTile::addValues(const Values &weights, Values &carried) {
  Value values = leftRow(e.at(tile.shared, places.values), places.valueStride);
  for (int64_t step = 0; step < kBlock / kDepth; ++step) {
    Values left;
    for (size_t i = static_cast<size_t>(step * kOfPair), end = i + kOfPair; i < end; i += 2)
      left.push_back(e.packBf16(weights[i], weights[i + 1]));
    for (int64_t i = 0; i < spec.valueWidth() / kDepth; ++i) {
      Value from = e.at(values, step * kDepth * places.valueStride + i * 2 * kDepth);
      multiply(left, e.loadMatrices(from, /*isTransposed=*/true), carried, static_cast<size_t>(i * kOfPair));
    }
  }
}

void MmaTile::store(const Values &all) {
  Carried carried(all);
  for (size_t half = 0; half < 2; ++half) {
    Value sum = e.acrossLanes(carried.sums[half], {1, 2}, [&](Value x, Value y) { return e.add(x, y); });
    Value factor = e.div(e.floatOf(1), sum), row = e.add(laneRow(), static_cast<int64_t>(8 * half));
    e.ifThen(isRow(row), [&] {
      Value to = e.at(resultOf(row), e.mul(lanePair(), 4));
      for (int64_t i = 0; i < spec.valueWidth() / 8; ++i) {
        auto at = static_cast<size_t>(4 * i) + 2 * half;
        e.storeRun({e.mul(carried.numbers[at], factor), e.mul(carried.numbers[at + 1], factor)}, e.at(to, 32 * i));
      }
    });
  }
}

} // namespace lmopt::nvptx
