// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Answers from rows of a model, against values worked out by hand.
#include "tools/lmopt/Answers.h"

#include <cmath>

#include "gtest/gtest.h"

using namespace lmopt::driver;

namespace {

using Tokens = std::vector<lmopt_token_t>;
const std::vector<std::string> labels = {"O", "B-PER", "I-PER", "B-LOC"};

lmopt_token_t token(int32_t text, int32_t word, size_t begin, size_t end) { return {0, 0, text, word, begin, end}; }

/// A row with this label on top.
std::vector<float> row(size_t best, float score) {
  std::vector<float> scores(labels.size(), 0.0f);
  scores[best] = score;
  return scores;
}

TEST(Answers, rankedBestFirst) {
  const float scores[] = {1, 3, 3, 2};
  std::vector<Ranked> best = ranked(scores, 4, 3);
  ASSERT_EQ(best.size(), 3u);
  EXPECT_EQ(best[0].column, 1u);
  EXPECT_EQ(best[1].column, 2u);
  EXPECT_EQ(best[2].column, 3u);
  EXPECT_EQ(ranked(scores, 4, 9).size(), 4u);
}

TEST(Answers, aWordHasTheClassOfItsFirstToken) {
  Tokens tokens = {token(-1, -1, 0, 0), token(0, 0, 0, 3), token(0, 0, 3, 5), token(0, 1, 6, 9), token(-1, -1, 0, 0)};
  std::vector<float> scores;
  for (const std::vector<float> &one : {row(1, 1), row(1, 0.5f), row(3, 1), row(0, 0.75f), row(2, 1)})
    scores.insert(scores.end(), one.begin(), one.end());
  std::vector<Labelled> words = labelledWords(tokens, scores, labels);
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[0].begin, 0u);
  EXPECT_EQ(words[0].end, 5u);
  EXPECT_EQ(words[0].label, "B-PER");
  EXPECT_EQ(words[0].score, 0.5);
  EXPECT_EQ(words[1].label, "O");
}

TEST(Answers, spansOfNeighbours) {
  std::vector<Labelled> words = {{0, 1, "B-PER", 0.5}, {2, 3, "I-PER", 1.0},  {4, 5, "B-PER", 0.75},
                                 {6, 7, "O", 1.0},     {8, 9, "I-PER", 0.25}, {10, 11, "B-LOC", 1.0},
                                 {12, 13, "MISC", 1},  {14, 15, "MISC", 0.5}};
  std::vector<Labelled> spans = labelledSpans(words);
  ASSERT_EQ(spans.size(), 5u);
  EXPECT_EQ(spans[0].end, 3u);
  EXPECT_EQ(spans[0].label, "PER");
  EXPECT_EQ(spans[0].score, 0.75);
  EXPECT_EQ(spans[1].begin, 4u);
  EXPECT_EQ(spans[2].begin, 8u) << "what is outside lies between";
  EXPECT_EQ(spans[3].label, "LOC");
  EXPECT_EQ(spans[4].begin, 12u);
  EXPECT_EQ(spans[4].end, 15u);
  EXPECT_TRUE(labelledSpans({{0, 1, "O", 1.0}}).empty());
}

TEST(Answers, theAnswerLiesInTheSecondText) {
  Tokens tokens = {token(0, 0, 0, 3), token(1, 0, 0, 2), token(1, 1, 3, 5), token(1, 2, 6, 8)};
  // The first text would win, and the best end lies before the best start.
  std::vector<float> logits = {9, 9, 0, 2, 1.5, 0, 0, 1};
  std::optional<Answer> answer = bestAnswer(tokens, logits);
  ASSERT_TRUE(answer);
  double starts = 1 + std::exp(1.5) + 1, ends = std::exp(2.0) + 1 + std::exp(1.0);
  EXPECT_EQ(answer->begin, 3u);
  EXPECT_NEAR(answer->score, std::exp(2.5) / (starts * ends), 1e-12);
  EXPECT_FALSE(bestAnswer({token(0, 0, 0, 3)}, {1, 1}));
}

TEST(Answers, anAnswerHasAtMostFifteenTokens) {
  Tokens tokens;
  std::vector<float> logits;
  for (size_t i = 0; i < 20; ++i) {
    tokens.push_back(token(1, int32_t(i), i, i + 1));
    logits.insert(logits.end(), {i == 0 ? 9.0f : 0.0f, i == 19 ? 9.0f : i == 14 ? 5.0f : 0.0f});
  }
  std::optional<Answer> answer = bestAnswer(tokens, logits);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->begin, 0u);
  EXPECT_EQ(answer->end, 15u);
}

} // namespace
