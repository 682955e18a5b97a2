// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of what a block reads, on which it is seen what a router and some experts would make of it.
//
// In: rows that calibration has kept, or without them the measured moments. Out: rows to fit to and rows to judge by.
// Of kept rows every fourth is judged by and no other use is made of it. Without them rows are drawn from the normal
// distribution with these moments, the same in each run and on each machine (sums of 12 uniform numbers, which need no
// library); nothing is fitted to them but the share of each neuron that is left out. Cost of drawing: width³/3 products
// for the root of the covariance. Tested by test/unit/passes/SplitBlockTest.cpp.
#ifndef LMOPT_PASSES_SPLITFFN_BLOCKROWS_H
#define LMOPT_PASSES_SPLITFFN_BLOCKROWS_H

#include "dialects/lm/weights/LeastSquares.h"

#include <algorithm>
#include <optional>

namespace lmopt::lm {

/// Of what the block reads.
struct InputMoments {
  std::vector<double> mean;
  SquareMatrix covariance;
};

/// Rows that are drawn: shares are then known to some hundredths.
inline constexpr int64_t kDrawnRows = 1024;
/// Fewer kept rows than this tell nothing: a quarter of them judges.
inline constexpr int64_t kLeastRows = 64;

struct BlockRows {
  int64_t width = 0;
  bool areMeasured = false;
  std::vector<float> fit;   ///< empty of drawn rows
  std::vector<float> judge; ///< one row behind the other

  /// Nothing where there are too few, or not all are finite.
  static std::optional<BlockRows> measured(const std::vector<float> &rows, int64_t width);
  /// Nothing where the moments are not finite.
  static std::optional<BlockRows> drawn(InputMoments moments);
};

/// Rows that go through a matrix together: it is read once for all of them, and so are the sums of Ridge, which are
/// larger than the second-level cache.
inline constexpr int64_t kRowsTogether = 256;

/// work(first row, how many) for all of them.
template <typename Work>
void forRuns(const std::vector<float> &rows, int64_t width, Work work) {
  int64_t count = static_cast<int64_t>(rows.size()) / width;
  for (int64_t first = 0; first < count; first += kRowsTogether)
    work(rows.data() + first * width, std::min(kRowsTogether, count - first));
}

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SPLITFFN_BLOCKROWS_H
