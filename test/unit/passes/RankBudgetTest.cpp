// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranks under one budget, against all choices tried one by one: within the budget, and no choice that costs as little
// loses less.
#include "passes/low-rank/RankBudget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace lmopt::lm;

namespace {

std::vector<Spectrum> spectra(unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<Spectrum> made = {{12, 8, {}}, {6, 24, {}}, {10, 10, {}}, {20, 5, {}}};
  for (Spectrum &one : made) {
    double decay = std::uniform_real_distribution<double>(0.3, 0.99)(generator), power = 100;
    for (int64_t i = 0; i < std::min(one.rows, one.width); ++i, power *= decay)
      one.powers.push_back(power);
  }
  return made;
}

int64_t costOf(const Spectrum &one, int64_t rank) {
  return rank ? rank * (one.rows + one.width) : one.rows * one.width;
}
double errorOf(const Spectrum &one, int64_t rank) {
  double all = std::accumulate(one.powers.begin(), one.powers.end(), 0.0);
  return rank ? std::accumulate(one.powers.begin() + rank, one.powers.end(), 0.0) / all : 0;
}

int64_t costOf(const std::vector<Spectrum> &all, const std::vector<int64_t> &ranks) {
  int64_t cost = 0;
  for (size_t i = 0; i < all.size(); ++i)
    cost += costOf(all[i], ranks[i]);
  return cost;
}
double errorOf(const std::vector<Spectrum> &all, const std::vector<int64_t> &ranks) {
  double error = 0;
  for (size_t i = 0; i < all.size(); ++i)
    error += errorOf(all[i], ranks[i]);
  return error;
}

/// The least error of all choices that cost at most so much.
double leastError(const std::vector<Spectrum> &all, int64_t cost, std::vector<int64_t> ranks = {}) {
  if (ranks.size() == all.size())
    return costOf(all, ranks) <= cost ? errorOf(all, ranks) : INFINITY;
  const Spectrum &next = all[ranks.size()];
  double least = INFINITY;
  ranks.push_back(0);
  for (int64_t rank = 0; rank == 0 || rankPays(next.rows, next.width, rank); ++rank) {
    ranks.back() = rank;
    least = std::min(least, leastError(all, cost, ranks));
  }
  return least;
}

TEST(RankBudget, NoChoiceThatCostsAsLittleLosesLess) {
  for (unsigned seed = 1; seed <= 20; ++seed)
    for (double ratio : {0.1, 0.3, 0.5}) {
      std::vector<Spectrum> all = spectra(seed);
      std::vector<int64_t> ranks = allocateRanks(all, ratio, 1);
      ASSERT_EQ(ranks.size(), all.size());
      int64_t cost = costOf(all, ranks), whole = costOf(all, {0, 0, 0, 0});
      EXPECT_LE(double(cost), (1 - ratio) * double(whole));
      EXPECT_NEAR(errorOf(all, ranks), leastError(all, cost), 1e-12) << seed << ' ' << ratio;
    }
}

TEST(RankBudget, RanksAreMultiplesThatPay) {
  std::vector<Spectrum> all = spectra(3);
  std::vector<int64_t> ranks = allocateRanks(all, 0.2, 2);
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(ranks[i] % 2, 0);
    EXPECT_TRUE(ranks[i] == 0 || rankPays(all[i].rows, all[i].width, ranks[i]));
  }
}

TEST(RankBudget, LeavesWholeWhatNeedsAllItsRanks) {
  std::vector<Spectrum> all = {{16, 16, std::vector<double>(16, 1.0)}, {16, 16, std::vector<double>(16)}};
  for (size_t i = 0; i < 16; ++i)
    all[1].powers[i] = std::pow(0.1, double(i));
  EXPECT_EQ(allocateRanks(all, 0.4, 1)[0], 0);
}

TEST(RankBudget, SaysWhenThereIsNone) { EXPECT_TRUE(allocateRanks(spectra(1), 0.95, 2).empty()); }

TEST(RankBudget, WhatPaysCostsLess) {
  EXPECT_TRUE(rankPays(768, 768, 383));
  EXPECT_FALSE(rankPays(768, 768, 384));
  EXPECT_TRUE(rankPays(768, 3072, 614));
  EXPECT_FALSE(rankPays(768, 3072, 615));
}

} // namespace
