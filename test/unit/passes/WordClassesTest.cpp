// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Classes of words: the worked examples of binning by frequency; and that k-means finds the bundles that rows are made
// of, gives each word to one class, keeps classes equal, and is the same each time.
#include "passes/factorize-softmax/WordClasses.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

using namespace lmopt::lm;

namespace {

std::vector<int64_t> classOf(const WordClasses &classes) {
  std::vector<int64_t> result(classes.words.size(), -1);
  for (int64_t c = 0, begin = 0; c < classes.count(); begin += classes.sizes[c++])
    for (int64_t i = begin; i < begin + classes.sizes[c]; ++i)
      result[classes.words[i]] = c;
  return result;
}

// Square roots of these counts are in the ratios of the roots; squared counts are binned by mass itself.
TEST(WordClasses, BinsOfTheWorkedExample) {
  std::vector<double> counts = {50, 20, 10, 8, 5, 3, 2, 1, 1}, squares;
  for (double count : counts)
    squares.push_back(count * count);
  EXPECT_EQ(classOf(classesByFrequency(squares, 3)), (std::vector<int64_t>{0, 1, 2, 2, 2, 2, 2, 2, 2}));
  EXPECT_EQ(classOf(classesByFrequency(counts, 3)), (std::vector<int64_t>{0, 0, 1, 1, 2, 2, 2, 2, 2}));
}

TEST(WordClasses, BinsAreInTheOrderOfCounts) {
  EXPECT_EQ(classOf(classesByFrequency({1, 50, 2, 20, 1, 10, 3, 8, 5}, 3)),
            (std::vector<int64_t>{2, 0, 2, 0, 2, 1, 2, 1, 2}));
  EXPECT_EQ(classesByFrequency({3, 2, 1}, 1).sizes, std::vector<int64_t>{3});
  EXPECT_EQ(classesByFrequency({1e12, 1, 1}, 3).sizes, (std::vector<int64_t>{1, 1, 1}));
  EXPECT_EQ(classesByFrequency({1, 1, 1}, 3).sizes, (std::vector<int64_t>{1, 2})); // a third does not exceed a third
  EXPECT_EQ(classesByFrequency({0, 0}, 2).sizes, std::vector<int64_t>{2});         // no mass at all
}

/// Words around `bundles` directions, in turns.
std::vector<float> bundled(int64_t words, int64_t width, int64_t bundles, float spread) {
  std::mt19937 generator(3);
  std::normal_distribution<float> normal;
  std::vector<float> directions(static_cast<size_t>(bundles * width)), rows;
  for (float &x : directions)
    x = normal(generator);
  for (int64_t word = 0; word < words; ++word) {
    float length = 1 + float(word % 7);
    for (int64_t k = 0; k < width; ++k)
      rows.push_back(length * (directions[word % bundles * width + k] + spread * normal(generator)));
  }
  return rows;
}

TEST(WordClasses, FindsBundles) {
  mlir::MLIRContext context;
  constexpr int64_t kWords = 60, kBundles = 6;
  WordClasses classes = classesByDirection(&context, bundled(kWords, 24, kBundles, 0.05f).data(), kWords, 24, kBundles);
  EXPECT_EQ(classes.sizes, std::vector<int64_t>(kBundles, kWords / kBundles));
  std::vector<int64_t> found = classOf(classes);
  for (int64_t word = 0; word < kWords; ++word)
    EXPECT_EQ(found[word], found[word % kBundles]) << word;
}

TEST(WordClasses, EachWordOnceInEqualClasses) {
  mlir::MLIRContext context;
  for (auto [words, wanted] : {std::pair<int64_t, int64_t>(1000, 9), {37, 37}, {37, 1}, {130, 100}}) {
    std::vector<float> rows = bundled(words, 8, 3, 1);
    WordClasses classes = classesByDirection(&context, rows.data(), words, 8, wanted);
    std::vector<int64_t> sorted = classes.words;
    std::sort(sorted.begin(), sorted.end());
    std::vector<int64_t> all(static_cast<size_t>(words));
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(sorted, all);
    int64_t mean = (words + wanted - 1) / wanted, greatest = mean > 16 ? (mean + 15) / 16 * 16 : mean;
    EXPECT_LE(*std::max_element(classes.sizes.begin(), classes.sizes.end()), greatest);
    EXPECT_LE(classes.count(), wanted);
    EXPECT_GE(classes.count(), words / greatest);
    WordClasses again = classesByDirection(&context, rows.data(), words, 8, wanted);
    EXPECT_EQ(classes.words, again.words);
  }
}

TEST(WordClasses, RowsOfZerosHaveAClassToo) {
  mlir::MLIRContext context;
  std::vector<float> rows(10 * 4);
  EXPECT_EQ(classesByDirection(&context, rows.data(), 10, 4, 3).words.size(), 10u);
}

} // namespace
