// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scores of classes for a softmax of two levels, fitted to a dense head. In: what the head read, the head, classes.
// Out: a small head V, b whose softmax is as near as it can be to the probabilities that the dense one gives the
// classes.
//
// p(c | h) = e^{lse_c(h)} / Z is what the words of a class have together. Multinomial logistic regression (techniques
// 5.2) minimises the mean of KL(p(c | h) || softmax(V h + b)), which is convex, plus
//     ridge / 2 sum_c mean_h (V_c h + b_c)^2
// so that scores that the text leaves open stay small. Its start is the least-squares fit of log p(c | h) less its mean
// over the classes. Inputs are whitened first, and classes scaled by the root of p (1 - p), where the steps of
// Minimize.h go straight. Every eighth row takes no part and says what the fit is worth on what it has not seen.
//
// Words are exact within their classes, so this KL is that of the words, too. Order of sums is fixed: the same whatever
// the number of threads. Tested by test/unit/passes/ClassHeadTest.cpp and test/unit/models/ClassSoftmaxTest.cpp.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_CLASSHEAD_H
#define LMOPT_PASSES_FACTORIZESOFTMAX_CLASSHEAD_H

#include "passes/analysis/Statistics.h"
#include "passes/factorize-softmax/RowProducts.h"

namespace lmopt::lm {

/// p(c | h) for each row: [rows][classes]. `words` are in the order of the classes, as is `bias`, which may be empty.
std::vector<float> classShares(mlir::MLIRContext *context, const HeadRows &rows, const PanelMatrix &words,
                               const std::vector<float> &bias, const std::vector<int64_t> &sizes);

/// The mean over all rows of p(word | h), in the order of the words.
std::vector<double> meanProbabilities(mlir::MLIRContext *context, const HeadRows &rows, const PanelMatrix &words,
                                      const std::vector<float> &bias);

struct ClassHead {
  std::vector<float> weight, bias; ///< [classes][width], [classes]
  double fitted = 0, heldOut = 0;  ///< mean KL in nats, of the rows of the fit and of the others
};

/// Which rows say what the fit is worth: each eighth.
constexpr int64_t kHeldOut = 8;
inline bool isHeldOut(int64_t row) { return row % kHeldOut == kHeldOut - 1; }

/// At least kHeldOut rows. Nothing when what the head read is not finite or has no second moments to speak of.
/// `known`: the score that class 0 has for each row, in which case its row of the head is zeros and nothing is fitted;
/// empty: it is a class as any other.
std::optional<ClassHead> fitClassHead(mlir::MLIRContext *context, const HeadRows &rows,
                                      const std::vector<float> &shares, int64_t classes,
                                      const std::vector<float> &known = {});

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_CLASSHEAD_H
