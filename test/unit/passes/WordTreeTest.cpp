// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trees of words: code lengths of the worked example of Huffman's, least mean length of all trees, each word once and
// parents first; trees by direction keep bundles of words together and are about as short. Scores of nodes: of two
// words, what is linear is found again.
#include "passes/factorize-softmax/TreeHead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace lmopt::lm;

namespace {

void expectSound(const WordTree &tree, int64_t words) {
  ASSERT_EQ(tree.words(), words);
  ASSERT_EQ(tree.right.size(), tree.left.size());
  std::vector<int> seen(static_cast<size_t>(words + tree.nodes()));
  for (int64_t node = 0; node < tree.nodes(); ++node)
    for (int64_t side : {tree.left[node], tree.right[node]}) {
      ++seen[side];
      EXPECT_TRUE(side < words || side - words > node);
    }
  for (int64_t side = 0; side < words + tree.nodes(); ++side)
    EXPECT_EQ(seen[side], side == words ? 0 : 1) << side; // all but the root
}

double meanLength(const WordTree &tree, const std::vector<double> &counts) {
  std::vector<int64_t> depths = tree.depths();
  return std::inner_product(counts.begin(), counts.end(), depths.begin(), 0.0) /
         std::accumulate(counts.begin(), counts.end(), 0.0);
}

// Techniques 5.5: lengths 1, 2, 3, 4, 4 for counts 10, 6, 4, 3, 2; 2.16 in the mean.
TEST(WordTree, OfTheWorkedExample) {
  std::vector<double> counts = {10, 6, 4, 3, 2};
  WordTree tree = treeByFrequency(counts);
  expectSound(tree, 5);
  std::vector<int64_t> lengths = tree.depths();
  EXPECT_TRUE((lengths == std::vector<int64_t>{1, 2, 3, 4, 4}) || (lengths == std::vector<int64_t>{2, 2, 2, 3, 3}));
  EXPECT_NEAR(meanLength(tree, counts), 54.0 / 25, 0.05);
}

/// The least mean length of any tree: of the two halves of each way to split the words.
double leastLength(const std::vector<double> &counts) {
  if (counts.size() < 2)
    return 0;
  double least = 1e30, all = std::accumulate(counts.begin(), counts.end(), 0.0);
  for (unsigned mask = 1; mask + 1 < 1u << counts.size(); ++mask) {
    std::vector<double> left, right;
    for (size_t i = 0; i < counts.size(); ++i)
      (mask >> i & 1 ? left : right).push_back(counts[i]);
    least = std::min(least, all + leastLength(left) + leastLength(right));
  }
  return least;
}

TEST(WordTree, ByFrequencyIsTheShortest) {
  std::mt19937 generator(4);
  std::uniform_real_distribution<double> uniform(0.1, 5);
  for (int trial = 0; trial < 8; ++trial) {
    std::vector<double> counts(6);
    for (double &count : counts)
      count = uniform(generator);
    WordTree tree = treeByFrequency(counts);
    expectSound(tree, 6);
    double all = std::accumulate(counts.begin(), counts.end(), 0.0);
    EXPECT_NEAR(meanLength(tree, counts) * all, leastLength(counts), 1e-9);
  }
  expectSound(treeByFrequency({1, 1}), 2);
  expectSound(treeByFrequency(std::vector<double>(100, 0)), 100);
}

/// Words around four points, bundle by bundle: far apart along one axis, less far along another.
std::vector<float> bundles(int64_t each, int64_t width) {
  std::mt19937 generator(5);
  std::normal_distribution<float> normal;
  std::vector<float> rows;
  for (int64_t bundle = 0; bundle < 4; ++bundle)
    for (int64_t i = 0; i < each; ++i)
      for (int64_t k = 0; k < width; ++k)
        rows.push_back((k == 0   ? (bundle < 2 ? 20.0f : -20.0f)
                        : k == 1 ? (bundle % 2 ? 5.0f : -5.0f)
                                 : 0.0f) +
                       0.1f * normal(generator));
  return rows;
}

TEST(WordTree, ByDirectionKeepsBundlesTogether) {
  mlir::MLIRContext context;
  constexpr int64_t kEach = 10, kWidth = 8;
  std::vector<float> rows = bundles(kEach, kWidth);
  std::vector<double> counts(4 * kEach, 1.0);
  WordTree tree = treeByDirection(&context, rows.data(), kWidth, counts);
  expectSound(tree, 4 * kEach);
  EXPECT_EQ(tree.left, treeByDirection(&context, rows.data(), kWidth, counts).left);
  // What is below a node is one bundle, part of one, or several whole ones.
  std::vector<std::vector<int64_t>> below(static_cast<size_t>(tree.words() + tree.nodes()));
  for (int64_t word = 0; word < tree.words(); ++word)
    below[word] = {word};
  for (int64_t node = tree.nodes() - 1; node >= 0; --node)
    for (int64_t side : {tree.left[node], tree.right[node]})
      below[tree.words() + node].insert(below[tree.words() + node].end(), below[side].begin(), below[side].end());
  for (const std::vector<int64_t> &words : below) {
    std::vector<int64_t> sizes(4);
    for (int64_t word : words)
      ++sizes[word / kEach];
    int64_t broken = std::count_if(sizes.begin(), sizes.end(), [](int64_t n) { return n > 0 && n < kEach; });
    EXPECT_LE(broken, static_cast<int64_t>(words.size()) < kEach ? 1 : 0);
  }
  EXPECT_LT(meanLength(tree, counts), 7); // 5.3 at the least
}

TEST(WordTree, ByDirectionOfWordsThatAreAlike) {
  mlir::MLIRContext context;
  std::vector<float> rows(37 * 4, 1.0f);
  expectSound(treeByDirection(&context, rows.data(), 4, std::vector<double>(37, 0)), 37);
}

// The logarithm of p(left) / p(right) of two words is the difference of their logits, which is linear; the damping,
// 1e-2 of the moments, takes 1 % of scores of some 2, and KL is at most an eighth of the square of that.
TEST(TreeHead, OfTwoWordsIsTheModel) {
  mlir::MLIRContext context;
  std::mt19937 generator(6);
  std::normal_distribution<float> normal;
  constexpr int64_t kWidth = 3, kRows = 400;
  std::vector<float> words(2 * kWidth), bias = {0.5f, -0.25f};
  for (float &x : words)
    x = normal(generator);
  HeadRows rows;
  rows.width = kWidth;
  for (int64_t r = 0; r < kRows; ++r) {
    double logits[2] = {bias[0], bias[1]};
    for (int64_t k = 0; k < kWidth; ++k) {
      float x = normal(generator);
      rows.rows.push_back(x);
      for (int64_t n = 0; n < 2; ++n)
        logits[n] += double(x) * words[n * kWidth + k];
    }
    rows.lse.push_back(std::log(std::exp(logits[0]) + std::exp(logits[1])));
  }
  WordTree tree{{1}, {0}};
  std::optional<ClassHead> head = fitTreeHead(&context, rows, PanelMatrix(words.data(), 2, kWidth), bias, tree);
  ASSERT_TRUE(head);
  for (int64_t k = 0; k < kWidth; ++k)
    EXPECT_NEAR(head->weight[k], words[kWidth + k] - words[k], 0.03);
  EXPECT_NEAR(head->bias[0], bias[1] - bias[0], 0.03);
  EXPECT_LT(head->fitted, 1e-3);
  EXPECT_LT(head->heldOut, 1e-3);
  EXPECT_GE(head->heldOut, 0);
  rows.rows[5] = NAN;
  EXPECT_FALSE(fitTreeHead(&context, rows, PanelMatrix(words.data(), 2, kWidth), bias, tree));
}

} // namespace
