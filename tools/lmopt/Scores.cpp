// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Perplexity, Kullback-Leibler divergence and agreement of the best token. See Scores.h.
#include "tools/lmopt/Scores.h"

#include <cmath>

namespace lmopt::driver {

int32_t greatest(const float *logits, size_t vocabulary) {
  size_t best = 0;
  for (size_t v = 1; v < vocabulary; ++v)
    if (logits[v] > logits[best] || std::isnan(logits[best]))
      best = v;
  return static_cast<int32_t>(best);
}

double logSumExp(const float *logits, size_t vocabulary) {
  double shift = logits[greatest(logits, vocabulary)];
  double sum = 0;
  for (size_t v = 0; v < vocabulary; ++v)
    sum += std::exp(logits[v] - shift);
  return shift + std::log(sum);
}

/// sum_v r_v (log r_v - log p_v). A token that the reference calls impossible adds nothing: r log r -> 0.
static double divergenceOf(const float *logits, double logSum, const float *reference, double referenceLogSum,
                           size_t vocabulary) {
  double sum = 0;
  for (size_t v = 0; v < vocabulary; ++v) {
    double logR = reference[v] - referenceLogSum;
    double r = std::exp(logR);
    if (r > 0)
      sum += r * (logR - (logits[v] - logSum));
  }
  return sum;
}

void Scores::add(const float *logits, const float *reference, int32_t next) {
  double logSum = logSumExp(logits, vocabulary);
  loss += logSum - logits[next];
  ++count;
  if (!reference)
    return;
  double referenceLogSum = logSumExp(reference, vocabulary);
  referenceLoss += referenceLogSum - reference[next];
  divergence += divergenceOf(logits, logSum, reference, referenceLogSum, vocabulary);
  same += greatest(logits, vocabulary) == greatest(reference, vocabulary);
  ++referenceCount;
}

void Scores::add(float logProbability) {
  loss -= logProbability;
  ++count;
}

double Scores::perplexity() const { return std::exp(loss / count); }
double Scores::referencePerplexity() const { return std::exp(referenceLoss / referenceCount); }
double Scores::meanDivergence() const { return divergence / referenceCount; }
double Scores::sameTop() const { return static_cast<double>(same) / referenceCount; }

} // namespace lmopt::driver
