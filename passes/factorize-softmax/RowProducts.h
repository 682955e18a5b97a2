// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of many rows with a matrix, in f32 with sums in a fixed order: the same bits on every machine, however many
// threads. Plain C++, without MLIR. Tested by test/unit/passes/ClassHeadTest.cpp.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_ROWPRODUCTS_H
#define LMOPT_PASSES_FACTORIZESOFTMAX_ROWPRODUCTS_H

#include <cstdint>
#include <vector>

namespace lmopt::lm {

/// A matrix [rows, width] cut into panels of 16 rows whose numbers alternate.
class PanelMatrix {
public:
  static constexpr int64_t kLanes = 16;

  /// Row i is row order[i] of the numbers; null: i.
  PanelMatrix(const float *numbers, int64_t rows, int64_t width, const int64_t *order = nullptr);

  int64_t rows() const { return count; }
  int64_t width() const { return columns; }
  /// Rows of `results`.
  int64_t stride() const { return (count + kLanes - 1) / kLanes * kLanes; }
  /// results[r][n] = sum_k inputs[r][k] W[n][k] for `number` rows of inputs; 0 beyond the last row of W.
  void multiply(const float *inputs, int64_t number, float *results) const;

private:
  int64_t count, columns;
  std::vector<float> panels; ///< [panel][width][16]
};

/// sums[c][k] += left[r][c] right[r][k] over `number` rows, `columns` of left (`stride` from row to row), `width` of
/// right.
void addOuterProducts(const float *left, int64_t stride, int64_t columns, const float *right, int64_t width,
                      int64_t number, float *sums);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_ROWPRODUCTS_H
