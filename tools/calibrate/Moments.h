// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums over the rows of values, for calibration: of x, of x xᵀ, of how often x is positive, and the greatest |x|.
//
// In: rows of f32, a few thousand at a time. Out: sums in f64. A product of two floats is exact in f64 (48 of 53 bits),
// so whether a CPU adds it fused or not gives the same bits, and each sum is taken in the order of the rows: the
// results do not depend on threads or CPUs. Cost: width²/2 products a row. Source:
// techniques 15.1. Tested by test/unit/tools/MomentsTest.cpp.
#ifndef LMOPT_TOOLS_CALIBRATE_MOMENTS_H
#define LMOPT_TOOLS_CALIBRATE_MOMENTS_H

#include <cstdint>
#include <vector>

namespace lmopt {

struct Moments {
  explicit Moments(int64_t width);

  int64_t width;
  std::vector<double> products; ///< [width, width] without padding; the lower half counts: products[i, j], j <= i
  std::vector<double> sums;     ///< [width]
  std::vector<double> positive; ///< [width]: rows where x > 0
  std::vector<float> greatest;  ///< [width]: max |x|

  /// Bytes that a value of this width takes.
  static int64_t bytesFor(int64_t width) { return width * width * 8 + width * (8 + 8 + 4); }
};

/// Rows to add to one of them.
struct MomentRows {
  Moments *moments;
  const float *rows; ///< [count, width]
};

/// Adds `count` rows to each, with so many threads. The Moments differ from one another.
void addRows(const std::vector<MomentRows> &values, int64_t count, int threads);

} // namespace lmopt

#endif // LMOPT_TOOLS_CALIBRATE_MOMENTS_H
