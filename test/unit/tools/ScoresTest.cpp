// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The figures of `lmopt eval` against values worked out by hand and against a naive formula in long double.
#include "tools/lmopt/Scores.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace lmopt::driver;

TEST(Scores, UniformLogitsHavePerplexityOfTheVocabulary) {
  float logits[8] = {};
  Scores scores(8);
  scores.add(logits, nullptr, 3);
  scores.add(logits, nullptr, 0);
  EXPECT_EQ(scores.tokens(), 2);
  EXPECT_NEAR(scores.perplexity(), 8.0, 1e-12);
  EXPECT_FALSE(scores.hasReference());
}

TEST(Scores, DivergenceWorkedOutByHand) {
  // reference (3/4, 1/4), model (1/2, 1/2): KL = 3/4 log(3/2) + 1/4 log(1/2)
  float reference[2] = {std::log(3.0f), 0}, model[2] = {5, 5};
  Scores scores(2);
  scores.add(model, reference, 0);
  EXPECT_NEAR(scores.meanDivergence(), 0.75 * std::log(1.5) + 0.25 * std::log(0.5), 1e-7);
  EXPECT_NEAR(scores.perplexity(), 2.0, 1e-12);
  EXPECT_NEAR(scores.referencePerplexity(), 4.0 / 3, 1e-7);
  EXPECT_EQ(scores.sameTop(), 1.0); // equal logits: the smaller id, which is the reference's choice as well
}

TEST(Scores, DivergenceIsOfTheReferenceFromTheModel) {
  // KL is not symmetric: KL((3/4,1/4) || (1/4,3/4)) against a model with an extra certain wrong turn.
  float reference[3] = {0, 0, -50}, model[3] = {0, 3, 0};
  Scores forward(3), backward(3);
  forward.add(model, reference, 0);
  backward.add(reference, model, 0);
  EXPECT_GT(backward.meanDivergence(), forward.meanDivergence() + 1);
  EXPECT_EQ(forward.sameTop(), 0.0);
}

TEST(Scores, HugeLogitsDoNotOverflow) {
  float logits[3] = {3e38f, 3e38f, -3e38f};
  EXPECT_TRUE(std::isfinite(logSumExp(logits, 3)));
  float near[2] = {10000, 10001};
  EXPECT_NEAR(logSumExp(near, 2), 10001 + std::log1p(std::exp(-1.0)), 1e-9);
}

TEST(Scores, ImpossibleTokensOfTheReferenceAddNothing) {
  float minusInfinity = -std::numeric_limits<float>::infinity();
  float reference[3] = {0, 0, minusInfinity}, model[3] = {0, 0, 0};
  Scores scores(3);
  scores.add(model, reference, 0);
  EXPECT_NEAR(scores.meanDivergence(), std::log(1.5), 1e-12);
}

TEST(Scores, GreatestTakesTheSmallerIdAndNeverNaN) {
  float nan = std::numeric_limits<float>::quiet_NaN();
  float equal[3] = {1, 2, 2}, first[3] = {nan, -1, -2}, last[2] = {0, nan};
  EXPECT_EQ(greatest(equal, 3), 1);
  EXPECT_EQ(greatest(first, 3), 1);
  EXPECT_EQ(greatest(last, 2), 0);
}

TEST(Scores, AgreesWithTheNaiveFormula) {
  std::mt19937 generator(7);
  std::normal_distribution<float> normal(0, 4);
  constexpr size_t kVocabulary = 50, kRows = 20;
  Scores scores(kVocabulary);
  long double loss = 0, divergence = 0;
  for (size_t row = 0; row < kRows; ++row) {
    std::vector<float> model(kVocabulary), reference(kVocabulary);
    long double modelSum = 0, referenceSum = 0;
    for (size_t v = 0; v < kVocabulary; ++v) {
      model[v] = normal(generator);
      reference[v] = model[v] + normal(generator) / 8;
      modelSum += std::exp((long double)model[v]);
      referenceSum += std::exp((long double)reference[v]);
    }
    for (size_t v = 0; v < kVocabulary; ++v) {
      long double r = std::exp((long double)reference[v]) / referenceSum;
      divergence += r * std::log(r / (std::exp((long double)model[v]) / modelSum));
    }
    loss -= std::log(std::exp((long double)model[row]) / modelSum);
    scores.add(model.data(), reference.data(), static_cast<int32_t>(row));
  }
  // 1000 additions of doubles with magnitudes below 10: the error is far below 1e-10.
  EXPECT_NEAR(std::log(scores.perplexity()), static_cast<double>(loss / kRows), 1e-10);
  EXPECT_NEAR(scores.meanDivergence(), static_cast<double>(divergence / kRows), 1e-10);
}
