// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotary frequencies of every scaling kind against what Hugging Face transformers computes (rope_values.py), and the
// YaRN bounds of a known model. Tolerance: transformers works in float32, about four roundings of 2^-24 each.

#include "dialects/lm/Lm.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace lmopt::lm;

namespace {

struct Rope : ::testing::Test {
  Rope() { context.loadDialect<LMDialect>(); }

  RopeScalingAttr scaling(RopeScalingKind kind, double factor, int64_t original, double betaFast = 32,
                          double betaSlow = 1, std::optional<Real> attention = std::nullopt,
                          ArrayRef<Real> shortFactors = {}, ArrayRef<Real> longFactors = {}) {
    return RopeScalingAttr::get(&context, kind, Real(factor), original, Real(betaFast), Real(betaSlow), Real(1),
                                Real(4), attention, shortFactors, longFactors);
  }

  void expect(RopeScalingAttr scaling, int64_t positions, double factor, std::vector<double> frequencies) {
    auto rope = RopeAttr::get(&context, 1.0e4, 16, RopeLayout::half, scaling);
    RopeFrequencies found = computeRopeFrequencies(rope, positions);
    EXPECT_NEAR(found.attentionFactor, factor, 1e-12);
    ASSERT_EQ(found.frequencies.size(), frequencies.size());
    for (size_t i = 0; i < frequencies.size(); ++i)
      EXPECT_NEAR(found.frequencies[i] / frequencies[i], 1, 4 * std::ldexp(1.0, -24)) << "pair " << i;
  }

  MLIRContext context;
};

TEST_F(Rope, Plain) {
  expect({}, 0, 1, {1, 0.316227766017, 0.1, 0.0316227766017, 0.01, 0.00316227766017, 0.001, 0.000316227766017});
}

TEST_F(Rope, Linear) {
  expect(
      scaling(RopeScalingKind::linear, 4, 0), 0, 1,
      {0.25, 0.079056941, 0.0250000004, 0.00790569466, 0.00249999994, 0.000790569466, 0.000250000012, 7.90569466e-05});
}

TEST_F(Rope, DynamicUpToTheOriginalLength) {
  RopeScalingAttr dynamic = scaling(RopeScalingKind::dynamic, 2, 4096);
  for (int64_t positions : {0, 4096})
    expect(dynamic, positions, 1,
           {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.00316227786, 0.00100000005, 0.000316227786});
}

TEST_F(Rope, DynamicBeyond) {
  expect(scaling(RopeScalingKind::dynamic, 2, 4096), 8192, 1,
         {1, 0.270296127, 0.0730599985, 0.0197478328, 0.00533776265, 0.00144277664, 0.000389976922, 0.000105409257});
}

TEST_F(Rope, Yarn) {
  expect(scaling(RopeScalingKind::yarn, 4, 4096), 0, 1.138629436111989,
         {1, 0.316227764, 0.100000001, 0.025693506, 0.00624999963, 0.00138349656, 0.000250000012, 7.90569466e-05});
}

TEST_F(Rope, YarnWithBetasAndAttentionFactor) {
  expect(scaling(RopeScalingKind::yarn, 8, 4096, 16, 2, Real(1.25)), 0, 1.25,
         {1, 0.316227764, 0.100000001, 0.0316227786, 0.00708333263, 0.00131761574, 0.000125000006, 3.95284733e-05});
}

TEST_F(Rope, Llama3) {
  expect(scaling(RopeScalingKind::llama3, 8, 4096), 0, 1,
         {1, 0.316227764, 0.100000001, 0.0316227786, 0.00999999978, 0.0013743249, 0.000125000006, 3.95284733e-05});
}

TEST_F(Rope, Longrope) {
  SmallVector<Real> shortFactors, longFactors;
  for (int i = 0; i < 8; ++i) {
    shortFactors.push_back(Real(1 + i / 8.0));
    longFactors.push_back(Real(2 + i / 4.0));
  }
  RopeScalingAttr longrope =
      scaling(RopeScalingKind::longrope, 4, 4096, 32, 1, std::nullopt, shortFactors, longFactors);
  expect(longrope, 4096, 1.0801234497346435,
         {1, 0.281091362, 0.0799999982, 0.0229983833, 0.00666666683, 0.00194601703, 0.000571428565, 0.000168654806});
  expect(longrope, 8192, 1.0801234497346435,
         {0.5, 0.140545681, 0.0399999991, 0.0114991916, 0.00333333341, 0.000973008515, 0.000285714283, 8.43274029e-05});
}

TEST_F(Rope, SwitchPositions) {
  Real one[] = {Real(1)}, two[] = {Real(2)};
  auto of = [&](RopeScalingAttr scaling) {
    return RopeAttr::get(&context, 1.0e4, 2, RopeLayout::half, scaling).getSwitchPositions();
  };
  EXPECT_EQ(of({}), 0);
  EXPECT_EQ(of(scaling(RopeScalingKind::linear, 4, 0)), 0);
  EXPECT_EQ(of(scaling(RopeScalingKind::yarn, 4, 4096)), 0);
  EXPECT_EQ(of(scaling(RopeScalingKind::llama3, 8, 4096)), 0);
  EXPECT_EQ(of(scaling(RopeScalingKind::dynamic, 2, 4096)), 4096);
  EXPECT_EQ(of(scaling(RopeScalingKind::longrope, 4, 4096, 32, 1, std::nullopt, one, two)), 4096);
  EXPECT_EQ(of(scaling(RopeScalingKind::longrope, 4, 4096, 32, 1, std::nullopt, two, two)), 0);
}

// For d = 128, base 10^4, L0 = 4096 and betas 32 and 1 the ramp runs from pair 20 to pair 46.
TEST_F(Rope, YarnBounds) {
  auto rope = RopeAttr::get(&context, 1.0e4, 128, RopeLayout::half, scaling(RopeScalingKind::yarn, 4, 4096));
  auto plain = RopeAttr::get(&context, 1.0e4, 128, RopeLayout::half);
  RopeFrequencies scaled = computeRopeFrequencies(rope, 0), original = computeRopeFrequencies(plain, 0);
  auto ratio = [&](int i) { return original.frequencies[i] / scaled.frequencies[i]; };
  EXPECT_DOUBLE_EQ(ratio(20), 1);
  EXPECT_GT(ratio(21), 1);
  EXPECT_LT(ratio(45), 4);
  EXPECT_NEAR(ratio(46), 4, 1e-12);
}

} // namespace
