// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which words go into which class of a softmax of two levels. In: how often words come, or the rows of the head. Out:
// the words, class after class. From techniques 5.2. Deterministic. Tested by test/unit/passes/WordClassesTest.cpp.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_WORDCLASSES_H
#define LMOPT_PASSES_FACTORIZESOFTMAX_WORDCLASSES_H

#include "mlir/IR/MLIRContext.h"

#include <cstdint>
#include <vector>

namespace lmopt::lm {

struct WordClasses {
  std::vector<int64_t> words; ///< class after class, ascending in each
  std::vector<int64_t> sizes;

  int64_t count() const { return static_cast<int64_t>(sizes.size()); }
};

/// Classes of equal mass, the square root of the counts: words by descending count, the next class when what has been
/// given exceeds the share of those so far. The last ones may stay empty: there may be fewer.
WordClasses classesByFrequency(const std::vector<double> &counts, int64_t classes);

/// Balanced spherical k-means: words whose rows point in the same direction. No class is greater than the mean size
/// (rounded up to panels of 16 where it is above that, so there may be fewer classes); those words choose first that
/// lose most by their second choice.
WordClasses classesByDirection(mlir::MLIRContext *context, const float *rows, int64_t words, int64_t width,
                               int64_t classes);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_WORDCLASSES_H
