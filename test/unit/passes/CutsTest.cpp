// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts of an adaptive softmax: the worked example of the paper's cost model (techniques 5.3), and what trying all cuts
// of a few words finds.
#include "passes/factorize-softmax/Cuts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

using namespace lmopt::lm;

namespace {

std::vector<double> harmonic(int64_t words) {
  std::vector<double> mass;
  for (int64_t rank = 1; rank <= words; ++rank)
    mass.push_back(1 / double(rank));
  return mass;
}

// 0.2 for a call and 0.001 a row, at least 50 of them: in rows, 200 and 50.
TEST(Cuts, OfTheWorkedExample) {
  ProductCost cost{200, 50};
  std::vector<double> mass = harmonic(2000);
  struct {
    std::vector<int64_t> begins;
    double cost;
  } expected[] = {{{301}, 0.941}, {{129, 760}, 0.681}, {{82, 421, 1059}, 0.576}};
  for (const auto &[begins, total] : expected) {
    Cuts found = bestCuts(mass, static_cast<int64_t>(begins.size()), cost);
    EXPECT_EQ(found.begins, begins);
    EXPECT_NEAR(found.cost / 1000, total, 5e-4);
    EXPECT_NEAR(found.cost, costOfCuts(mass, begins, cost), 1e-6);
  }
  EXPECT_EQ(bestCutsOfAny(mass, 3, cost).count(), 3);
}

double leastOfAll(const std::vector<double> &mass, size_t clusters, ProductCost cost) {
  double least = 1e30;
  std::vector<int64_t> begins;
  std::function<void(int64_t)> choose = [&](int64_t from) {
    if (begins.size() == clusters) {
      least = std::min(least, costOfCuts(mass, begins, cost));
      return;
    }
    for (int64_t place = from; place < static_cast<int64_t>(mass.size()); ++place) {
      begins.push_back(place);
      choose(place + 1);
      begins.pop_back();
    }
  };
  choose(1);
  return least;
}

TEST(Cuts, AreThoseOfTryingAll) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<double> uniform;
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<double> mass(13);
    for (double &share : mass)
      share = std::pow(uniform(generator), 3);
    std::sort(mass.rbegin(), mass.rend());
    ProductCost cost{uniform(generator), 3 * uniform(generator)};
    for (int64_t clusters = 1; clusters <= 4; ++clusters) {
      Cuts found = bestCuts(mass, clusters, cost);
      ASSERT_EQ(found.count(), clusters);
      EXPECT_NEAR(found.cost, leastOfAll(mass, size_t(clusters), cost), 1e-12);
      EXPECT_NEAR(found.cost, costOfCuts(mass, found.begins, cost), 1e-12);
    }
  }
}

// A geometric row of candidates loses next to nothing against all of them.
TEST(Cuts, OfManyWordsAreNearTheBest) {
  ProductCost cost{200, 50};
  std::vector<double> mass = harmonic(49152);
  Cuts found = bestCuts(mass, 1, cost);
  double least = 1e30;
  for (int64_t head = 1; head < 20000; head += 7)
    least = std::min(least, costOfCuts(mass, {head}, cost));
  EXPECT_LE(found.cost, least * 1.001);
  EXPECT_LT(found.begins[0], 20000);
}

TEST(Cuts, FewWords) {
  EXPECT_EQ(bestCuts({3, 1}, 1, {}).begins, std::vector<int64_t>{1});
  EXPECT_TRUE(bestCuts({3, 1}, 2, {}).begins.empty()); // two clusters and a head need three words
  EXPECT_EQ(bestCutsOfAny({3, 1}, 4, {}).begins, std::vector<int64_t>{1});
}

} // namespace
