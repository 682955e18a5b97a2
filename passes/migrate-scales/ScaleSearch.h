// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which power of the sizes of channels makes the rounding of weights hurt least (AWQ): plain C++ without MLIR. In: rows
// of the matrices that read a value, what the value was over a text, how the weights will be rounded. Out: a scale for
// each channel of what makes the value. From techniques 10.4; Lin et al. 2024, section 3. Tested by
// test/unit/passes/ScaleSearchTest.cpp.
#ifndef LMOPT_PASSES_MIGRATESCALES_SCALESEARCH_H
#define LMOPT_PASSES_MIGRATESCALES_SCALESEARCH_H

#include "dialects/lm/weights/LeastSquares.h"

#include <optional>
#include <string>

namespace lmopt::lm {

/// To nearest, in groups with scales and perhaps minima of 16 bits (#lm.quantize_groups), or rows of 8 bits
/// (#lm.quantize_rows).
struct RoundingForm {
  int bits;
  int64_t group; ///< 0: whole rows
  bool hasMin;

  /// int8, int4 or int4-min; nothing for another name.
  static std::optional<RoundingForm> find(const std::string &name, int64_t group);
};

class ScaleSearch {
public:
  /// `moments`: sum x xᵀ of the value. `channels`: of what makes the value, for each of its columns.
  ScaleSearch(RoundingForm form, SquareMatrix moments, std::vector<int64_t> channels);

  /// Rows of a matrix that reads the value, as wide as it.
  void addRow(const float *row) { rows.insert(rows.end(), row, row + moments.size); }

  /// sum |Q(W diag(s)) diag(s)^-1 x - W x|² for the rows that were added; infinite when a rounding fails.
  double error(const std::vector<float> &scales) const;

  struct Found {
    std::vector<float> scales;
    double power, error, errorWithout; ///< without: of scales that are all 1
  };
  /// The best of s = size^p, p = 0, 0.05 .. 1, each with a geometric middle of 1: least times greatest is 1. Power 0
  /// leaves everything as it is.
  Found find(const std::vector<double> &sizes) const;

private:
  RoundingForm form;
  SquareMatrix moments;
  std::vector<int64_t> channels;
  std::vector<float> rows;

  bool roundRow(std::vector<float> &row) const;
};

} // namespace lmopt::lm

#endif // LMOPT_PASSES_MIGRATESCALES_SCALESEARCH_H
