// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Zeros by magnitude and by moments; see Sparsity.h.
#include "dialects/lm/weights/Sparsity.h"

#include <algorithm>
#include <cmath>

namespace lmopt::lm {

#pragma clang fp contract(off)

static int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The `count` least of the scores are marked, of equal ones the first.
static void markLeast(const std::vector<float> &scores, int64_t count, std::vector<bool> &marks) {
  marks.assign(scores.size(), false);
  if (count == 0)
    return;
  std::vector<float> sorted = scores;
  std::nth_element(sorted.begin(), sorted.begin() + (count - 1), sorted.end());
  const float bound = sorted[size_t(count - 1)];
  int64_t equal = count - std::count_if(scores.begin(), scores.end(), [&](float score) { return score < bound; });
  for (size_t i = 0; i < scores.size(); ++i)
    marks[i] = scores[i] < bound || (scores[i] == bound && equal-- > 0);
}

//===----------------------------------------------------------------------===//
// By magnitude
//===----------------------------------------------------------------------===//

static void zeroLeastOfGroups(float *weights, int64_t count, const Sparsity &sparsity) {
  std::vector<float> scores(size_t(sparsity.group));
  std::vector<bool> marks;
  for (float *group = weights; group != weights + count; group += sparsity.group) {
    std::transform(group, group + sparsity.group, scores.begin(), [](float w) { return std::fabs(w); });
    markLeast(scores, std::llround(sparsity.ratio * double(sparsity.group)), marks);
    for (int64_t k = 0; k < sparsity.group; ++k)
      group[k] = marks[size_t(k)] ? 0 : group[k];
  }
}

void zeroLeast(float *weights, int64_t rows, int64_t columns, const Sparsity &sparsity) {
  if (sparsity.group != 0)
    return zeroLeastOfGroups(weights, rows * columns, sparsity);
  const int64_t across = divideUp(columns, sparsity.blockColumns), down = divideUp(rows, sparsity.blockRows);
  auto blockOf = [&](int64_t r, int64_t k) {
    return size_t(r / sparsity.blockRows * across + k / sparsity.blockColumns);
  };
  std::vector<float> scores(size_t(down * across));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < columns; ++k)
      scores[blockOf(r, k)] += weights[r * columns + k] * weights[r * columns + k];
  std::vector<bool> marks;
  markLeast(scores, std::llround(sparsity.ratio * double(down * across)), marks);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < columns; ++k)
      if (marks[blockOf(r, k)])
        weights[r * columns + k] = 0;
}

//===----------------------------------------------------------------------===//
// By moments
//===----------------------------------------------------------------------===//

namespace {

/// One matrix, run after run of columns.
class FittedZeros {
public:
  FittedZeros(float *weights, int64_t rows, const Sparsity &sparsity, const Feedback &feedback)
      : weights(weights), rows(rows), columns(feedback.size()), padded(feedback.padded()), sparsity(sparsity),
        feedback(feedback), lost(size_t(rows * padded)), zero(size_t(rows * columns)) {}

  void sweep() {
    const int64_t unit = sparsity.group ? sparsity.group : sparsity.blockColumns;
    const int64_t run = divideUp(kRun, unit) * unit;
    for (int64_t begin = 0; begin < columns; begin += run) {
      int64_t end = std::min(begin + run, columns);
      if (sparsity.group == 0)
        choose(begin, end);
      for (int64_t r = 0; r < rows; ++r)
        sweepRow(r, begin, end);
    }
  }

  /// What stays of rows that share their zeros, solved for; false as zeroFitted.
  bool solve(const SquareMatrix &moments, double damping) {
    for (int64_t r = 0; r < rows; r += sparsity.blockRows)
      if (!solveRows(r, std::min(r + sparsity.blockRows, rows), moments, damping))
        return false;
    return true;
  }

  /// What the columns have become.
  void store() {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t k = 0; k < columns; ++k)
        weight(r, k) = isZero(r, k) ? 0 : weight(r, k) - lostOf(r)[k];
  }

private:
  static constexpr int64_t kRun = 128;
  float *weights;
  int64_t rows, columns, padded, chosen = 0;
  const Sparsity &sparsity;
  const Feedback &feedback;
  std::vector<float> lost; ///< w - v, padded; zeros where a row has not come to yet
  std::vector<bool> zero;

  float &weight(int64_t r, int64_t k) { return weights[r * columns + k]; }
  float *lostOf(int64_t r) { return lost.data() + r * padded; }
  std::vector<bool>::reference isZero(int64_t r, int64_t k) { return zero[size_t(r * columns + k)]; }

  /// t[k] when the columns from `end` on are as they were.
  float target(int64_t r, int64_t k, int64_t end) { return weight(r, k) + feedback.takenUp(lostOf(r), k, end); }

  /// The cost of zeros in a row of a block, the columns from the run to the block as they were.
  double costOf(int64_t r, int64_t begin, int64_t end, int64_t runBegin) {
    double sum = 0;
    for (int64_t k = begin; k < end; ++k) {
      float t = target(r, k, runBegin);
      for (int64_t j = begin; j < k; ++j)
        t += weight(r, j) * feedback.shares(k)[j];
      sum += double(feedback.cost(k)) * t * t;
    }
    return sum;
  }

  /// Which blocks of the columns go: so many that the share is right up to here.
  void choose(int64_t begin, int64_t end) {
    const int64_t across = divideUp(end - begin, sparsity.blockColumns), down = divideUp(rows, sparsity.blockRows);
    std::vector<float> scores;
    for (int64_t blockRow = 0; blockRow < down; ++blockRow)
      for (int64_t block = 0; block < across; ++block)
        scores.push_back(static_cast<float>(costOfBlock(blockRow, begin + block * sparsity.blockColumns, begin, end)));
    const int64_t before = begin / sparsity.blockColumns;
    int64_t wanted = std::llround(sparsity.ratio * double((before + across) * down)) - chosen;
    chosen += wanted;
    std::vector<bool> marks;
    markLeast(scores, wanted, marks);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t k = begin; k < end; ++k)
        isZero(r, k) = marks[size_t(r / sparsity.blockRows * across + (k - begin) / sparsity.blockColumns)];
  }

  double costOfBlock(int64_t blockRow, int64_t column, int64_t runBegin, int64_t runEnd) {
    double sum = 0;
    int64_t first = blockRow * sparsity.blockRows, last = std::min(first + sparsity.blockRows, rows);
    for (int64_t r = first; r < last; ++r)
      sum += costOf(r, column, std::min(column + sparsity.blockColumns, runEnd), runBegin);
    return sum;
  }

  void sweepRow(int64_t r, int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      if (sparsity.group != 0 && k % sparsity.group == 0)
        chooseOfGroup(r, k);
      lostOf(r)[k] = isZero(r, k) ? weight(r, k) : weight(r, k) - target(r, k, k);
    }
  }

  void chooseOfGroup(int64_t r, int64_t begin) {
    std::vector<float> scores;
    for (int64_t k = begin; k < begin + sparsity.group; ++k) {
      float t = target(r, k, begin);
      scores.push_back(feedback.cost(k) * t * t);
    }
    std::vector<bool> marks;
    markLeast(scores, std::llround(sparsity.ratio * double(sparsity.group)), marks);
    for (int64_t k = 0; k < sparsity.group; ++k)
      isZero(r, begin + k) = marks[size_t(k)];
  }

  bool solveRows(int64_t first, int64_t end, const SquareMatrix &moments, double damping) {
    std::vector<int64_t> kept;
    for (int64_t k = 0; k < columns; ++k)
      if (!isZero(first, k))
        kept.push_back(k);
    std::vector<float> refitted;
    if (!kept.empty())
      refitted = refitColumns(&weight(first, 0), end - first, moments, kept, damping);
    if (refitted.empty() && !kept.empty())
      return false;
    std::fill(&weight(first, 0), &weight(first, 0) + (end - first) * columns, 0.0f);
    for (int64_t r = first; r < end; ++r)
      for (size_t i = 0; i < kept.size(); ++i)
        weight(r, kept[i]) = refitted[size_t(r - first) * kept.size() + i];
    return true;
  }
};

} // namespace

bool zeroFitted(float *weights, int64_t rows, const Sparsity &sparsity, const Feedback &feedback,
                const SquareMatrix &moments, double damping) {
  FittedZeros zeros(weights, rows, sparsity, feedback);
  zeros.sweep();
  if (sparsity.blockRows == 1)
    zeros.store();
  else if (!zeros.solve(moments, damping))
    return false;
  return std::all_of(weights, weights + rows * feedback.size(), [](float x) { return std::isfinite(x); });
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

int64_t countBlocks(const int8_t *codes, int64_t rows, int64_t columns, int64_t blockRows, int64_t blockColumns) {
  int64_t count = 0;
  const int64_t across = divideUp(columns, blockColumns);
  std::vector<bool> seen;
  for (int64_t r = 0; r < rows; ++r) {
    if (r % blockRows == 0)
      seen.assign(size_t(across), false);
    for (int64_t k = 0; k < columns; ++k)
      if (codes[r * columns + k] != 0 && !seen[size_t(k / blockColumns)]) {
        seen[size_t(k / blockColumns)] = true;
        ++count;
      }
  }
  return count;
}

} // namespace lmopt::lm
