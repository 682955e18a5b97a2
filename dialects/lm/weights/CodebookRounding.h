// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A matrix as numbers of entries of a codebook, with scales of rows or of groups, as #lm.quantize_codebook says: plain
// C++ without MLIR. In: the matrix and what its inputs were over a text (or nothing: all alike). Out: codebook, scales
// and codes; rounded to nearest, or with feedback. From techniques 10.3 and 15.5. Tested by
// test/unit/dialects/CodebookTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_CODEBOOKROUNDING_H
#define LMOPT_DIALECTS_LM_WEIGHTS_CODEBOOKROUNDING_H

#include "dialects/lm/weights/FittedRounding.h"

namespace lmopt::lm {

/// Row-major.
struct CodebookSource {
  const float *weights;
  int64_t rows, columns;
  const Feedback *feedback = nullptr; ///< null: to nearest
};

struct CodebookResult {
  std::vector<int8_t> codes; ///< the bits of unsigned numbers
  std::vector<float> scales, table;
};

/// f32 entries and a scale for each row; `feedback` in descending order of the moments. Nothing when a number is not
/// finite.
std::optional<CodebookResult> roundToRowCodebook(const CodebookSource &source, int64_t entries);

/// Integer entries and a scale for each group; `feedback` in the order of the columns. Nothing when a number or a scale
/// is not finite in its format.
std::optional<CodebookResult> roundToGroupCodebook(const CodebookSource &source, int64_t entries, int64_t group);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_CODEBOOKROUNDING_H
