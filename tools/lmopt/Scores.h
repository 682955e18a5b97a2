// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mathematics of `lmopt eval`: how well a model predicts a text, and how far it is from a reference.
//
// In: rows of logits, one for each scored token, and the token that really came next. Out, over all rows:
//   ppl  = exp(mean(-log p(next)))
//   kl   = mean over rows of sum_v r_v (log r_v - log p_v), r: reference, p: model, in nats
//   top1 = share of rows in which both have the same most probable token (the smaller id when equal)
// Everything is summed in double; log-softmax is shifted by the greatest logit, so any finite logits are safe.
// Tested by test/unit/tools/ScoresTest.cpp against values computed by hand and by a naive formula.
#ifndef LMOPT_TOOLS_LMOPT_SCORES_H
#define LMOPT_TOOLS_LMOPT_SCORES_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lmopt::driver {

/// log sum_v exp(logits[v]) in double.
double logSumExp(const float *logits, size_t vocabulary);

/// Index of the greatest logit, the smallest one when equal; NaN never wins.
int32_t greatest(const float *logits, size_t vocabulary);

class Scores {
public:
  explicit Scores(size_t vocabulary) : vocabulary(vocabulary) {}

  /// One scored token: the model's logits, and the reference's or nullptr.
  void add(const float *logits, const float *reference, int32_t next);

  /// The same without logits: the logarithm of the probability that the model gave the token.
  void add(float logProbability);

  int64_t tokens() const { return count; }
  bool hasReference() const { return referenceCount > 0; }
  double perplexity() const;
  double referencePerplexity() const;
  double meanDivergence() const;
  double sameTop() const;

private:
  size_t vocabulary;
  int64_t count = 0;
  int64_t referenceCount = 0;
  int64_t same = 0;
  double loss = 0;          // sum of -log p(next)
  double referenceLoss = 0; // the same for the reference
  double divergence = 0;    // sum of KL
};

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_SCORES_H
