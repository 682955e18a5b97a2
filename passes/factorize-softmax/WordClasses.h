// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which words go into which class of a softmax of two levels. In: how often words come, or the rows of the head. Out:
// the words, class after class. From techniques 5.2. Deterministic. Tested by test/unit/passes/WordClassesTest.cpp.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_WORDCLASSES_H
#define LMOPT_PASSES_FACTORIZESOFTMAX_WORDCLASSES_H

#include "mlir/IR/MLIRContext.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace lmopt::lm {

struct WordClasses {
  std::vector<int64_t> words; ///< class after class, those of one word first, ascending in each
  std::vector<int64_t> sizes;

  int64_t count() const { return static_cast<int64_t>(sizes.size()); }
  int64_t singles() const { return std::count(sizes.begin(), sizes.end(), 1); } ///< classes of one word
  int64_t sharing() const { return static_cast<int64_t>(words.size()) - singles(); }
};

/// Classes of equal mass, the square root of the counts: words by descending count, the next class when what has been
/// given exceeds the share of those so far. The last ones may stay empty: there may be fewer.
WordClasses classesByFrequency(const std::vector<double> &counts, int64_t classes);

/// The head and clusters of an adaptive softmax: of the words by descending count, those before the first cut are
/// classes by themselves, the others a class from cut to cut. Ascending cuts, with at least two words behind each.
WordClasses classesByCuts(const std::vector<double> &counts, const std::vector<int64_t> &cuts);

/// Balanced spherical k-means: words whose rows point in the same direction. No class is greater than the mean size
/// (rounded up to panels of 16 where it is above that, so there may be fewer classes); those words choose first that
/// lose most by their second choice. `even`: nothing is rounded up, so all are of one size where the classes divide the
/// words.
WordClasses classesByDirection(mlir::MLIRContext *context, const float *rows, int64_t words, int64_t width,
                               int64_t classes, bool even = false);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_WORDCLASSES_H
