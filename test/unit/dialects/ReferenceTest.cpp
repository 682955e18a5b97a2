// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Edges of the reference functions that random numbers do not reach: empty sequences, empty batches, ids out of range,
// caches of another batch; and that any split of a prompt gives the same bits. Without MLIR, so it also runs sanitized;
// the numbers themselves are tested against NumPy in test/dialects/lm/*/meaning.mlir.

#include "dialects/lm/attention/Reference.h"
#include "dialects/lm/conditional/Reference.h"
#include "dialects/lm/embedding/Reference.h"
#include "dialects/lm/linear/Reference.h"
#include "dialects/lm/norm/Reference.h"
#include "dialects/lm/pooling/Reference.h"
#include "dialects/lm/quantize/Reference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using namespace lmopt;
using namespace lmopt::lm::reference;

namespace {

Tensor randomTensor(std::vector<int64_t> shape, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  Tensor tensor = Tensor::ofF32(std::move(shape));
  for (float &x : tensor.f32)
    x = normal(generator);
  return tensor;
}

Tensor integers(std::vector<int64_t> shape, std::vector<int32_t> values) {
  Tensor tensor;
  tensor.shape = std::move(shape);
  tensor.i32 = std::move(values);
  return tensor;
}

/// Rows [begin, end) of every sequence.
Tensor slice(const Tensor &x, int64_t begin, int64_t end) {
  Tensor y = Tensor::ofF32({x.size(0), end - begin, x.width()});
  for (int64_t b = 0; b < x.size(0); ++b)
    std::copy_n(x.f32.begin() + (b * x.size(1) + begin) * x.width(), (end - begin) * x.width(),
                y.f32.begin() + b * (end - begin) * x.width());
  return y;
}

AttentionOptions options() {
  AttentionOptions result;
  result.layer = 2;
  result.heads = 4;
  result.kvHeads = 2;
  result.groups = {3, 1};
  result.scale = 0.5;
  result.rotation = [](int64_t) { return Rotation{{1, 0.1}, 1}; };
  return result;
}

TEST(Reference, AnySplitOfAPromptGivesTheSameBits) {
  Tensor q = randomTensor({2, 7, 16}, 1), k = randomTensor({2, 7, 8}, 2), v = randomTensor({2, 7, 6}, 3);
  Cache whole;
  Result<Tensor> expected = attention(q, k, v, whole, options());
  ASSERT_TRUE(expected.ok());
  for (std::vector<int64_t> cuts : {std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7}, {0, 5, 7}, {0, 0, 3, 3, 7}}) {
    Cache cache;
    for (size_t i = 0; i + 1 < cuts.size(); ++i) {
      int64_t begin = cuts[i], end = cuts[i + 1];
      Result<Tensor> part =
          attention(slice(q, begin, end), slice(k, begin, end), slice(v, begin, end), cache, options());
      ASSERT_TRUE(part.ok());
      EXPECT_EQ(part->f32, slice(*expected, begin, end).f32);
    }
    EXPECT_EQ(cache.layers[2].keys, whole.layers[2].keys);
    EXPECT_EQ(cache.layers[2].positions, 7);
  }
}

// Queries are the last rows of what the cache holds: fewer than were appended give their part of the whole, bit for
// bit.
TEST(Reference, TheLastQueriesAlone) {
  Tensor q = randomTensor({2, 7, 16}, 1), k = randomTensor({2, 7, 8}, 2), v = randomTensor({2, 7, 6}, 3);
  Cache cache;
  Result<Tensor> whole = attention(q, k, v, cache, options());
  ASSERT_TRUE(whole.ok());
  for (int64_t begin : {0, 4, 7}) {
    Result<Tensor> part = attend(slice(q, begin, 7), cache, options());
    ASSERT_TRUE(part.ok());
    EXPECT_EQ(part->f32, slice(*whole, begin, 7).f32);
  }
  EXPECT_EQ(cache.layers[2].positions, 7);
}

TEST(Reference, PaddingChangesNothing) {
  Tensor q = randomTensor({1, 5, 16}, 1), k = randomTensor({1, 5, 8}, 2), v = randomTensor({1, 5, 8}, 3);
  AttentionOptions full = options();
  full.causal = false;
  Tensor padded = attention(q, k, v, integers({1}, {3}), full).take();
  Tensor exact = attention(slice(q, 0, 3), slice(k, 0, 3), slice(v, 0, 3), integers({1}, {3}), full).take();
  EXPECT_EQ(slice(padded, 0, 3).f32, exact.f32);
  for (float x : slice(padded, 3, 5).f32)
    EXPECT_EQ(x, 0.0f);
}

TEST(Reference, LengthsOutsideTheSequenceAreLimited) {
  Tensor x = randomTensor({2, 3, 4}, 1);
  AttentionOptions one;
  one.causal = false;
  Tensor y = attention(x, x, x, integers({2}, {-5, 99}), one).take();
  for (int64_t i = 0; i < 12; ++i)
    EXPECT_EQ(y.f32[i], 0.0f);
  EXPECT_NE(y.f32[12], 0.0f);
  Tensor pooled = pool(x, integers({2}, {-5, 99}), {Pooling::Last});
  EXPECT_EQ(pooled.f32[0], 0.0f);
  EXPECT_EQ(pooled.f32[4], x.f32[20]);
}

TEST(Reference, EmptySequencesAndBatches) {
  for (std::vector<int64_t> shape : {std::vector<int64_t>{1, 0, 8}, {0, 3, 8}}) {
    Tensor x = Tensor::ofF32(shape), lengths = integers({shape[0]}, std::vector<int32_t>(shape[0]));
    std::vector<float> weights(64, 1.0f);
    Weight w{8, 8, weights.data(), nullptr, nullptr, 8};
    EXPECT_EQ(linear(x, w, nullptr).shape, shape);
    EXPECT_EQ(rotate(x, 8).shape, shape);
    EXPECT_EQ(rmsNorm(x, nullptr, 1e-5).shape, shape);
    EXPECT_EQ(layerNorm(x, nullptr, nullptr, 1e-5).shape, shape);
    Quantized q = quantizeDynamic(x);
    EXPECT_EQ(q.codes.shape, shape);
    std::vector<int8_t> codes(64, 1);
    Weight int8{8, 8, nullptr, codes.data(), weights.data(), 8};
    EXPECT_EQ(quantizedLinear(q, int8, nullptr).shape, shape);
    Quantized groups = quantizeGroups(x, 4);
    EXPECT_EQ(groups.codes.shape, shape);
    EXPECT_EQ(groups.scale.shape, (std::vector<int64_t>{shape[0], shape[1], 2}));
    Weight grouped{8, 8, nullptr, codes.data(), weights.data(), 4, weights.data()};
    EXPECT_EQ(groupedLinear(groups, grouped, nullptr).shape, shape);
    Cache cache;
    EXPECT_TRUE(attention(x, x, x, cache, AttentionOptions()).ok());
    EXPECT_EQ(attention(x, x, x, lengths, AttentionOptions()).take().shape, shape);
    EXPECT_EQ(pool(x, lengths, {Pooling::Mean}).f32, std::vector<float>(shape[0] * 8));
  }
}

// Over the whole range of float: a code never leaves -127 .. 127, the greatest magnitude gets an end, and a token that
// is too small to divide by is zero.
TEST(Reference, CodesOfGroupsAtAnyMagnitude) {
  const float smallest = std::ldexp(1.0f, -90);
  for (int exponent = -149; exponent <= 127; ++exponent)
    for (float sign : {1.0f, -1.0f}) {
      Tensor x = randomTensor({1, 1, 8}, unsigned(exponent + 200));
      for (float &number : x.f32)
        number = std::ldexp(std::tanh(number), exponent);
      x.f32[3] = std::ldexp(sign, exponent);
      Quantized q = quantizeGroups(x, 8);
      EXPECT_EQ(q.codes.s8[3], exponent < -90 ? 0 : int(127 * sign)) << exponent;
      EXPECT_EQ(q.scale.f32[0] > 0, exponent >= -90) << exponent;
      for (int8_t code : q.codes.s8)
        EXPECT_NE(code, -128) << exponent;
    }
  Tensor edge = Tensor::ofF32({1, 2, 1});
  edge.f32 = {smallest, std::nextafter(smallest, 0.0f)};
  Quantized q = quantizeGroups(edge, 1);
  EXPECT_EQ(q.codes.s8, (std::vector<int8_t>{127, 0}));
  EXPECT_EQ(q.scale.f32[1], 0.0f);
}

// Each group has the scale that its own greatest magnitude asks for.
TEST(Reference, GroupsHaveScalesOfTheirOwn) {
  Tensor x = Tensor::ofF32({1, 1, 8});
  x.f32 = {127, 1, -63.5f, 31.75f, 0, 0, 0x1p-90f, -0x1p-91f};
  Quantized q = quantizeGroups(x, 2);
  EXPECT_EQ(q.scale.f32, (std::vector<float>{1, 0.5f, 0, 0x1p-90f / 127}));
  EXPECT_EQ(q.codes.s8, (std::vector<int8_t>{127, 1, -127, 64, 0, 0, 127, -64}));
}

// An outlier costs its own group's accuracy only; what stands beside a token does not matter.
TEST(Reference, GroupsAndTokensAreIndependent) {
  Tensor x = randomTensor({2, 3, 8}, 4), outlier = x;
  outlier.f32[9] = 1000; // batch 0, token 1, group 0
  Quantized a = quantizeGroups(x, 4), b = quantizeGroups(outlier, 4);
  for (size_t g = 0; g < 12; ++g) {
    bool isOther = g != 2;
    EXPECT_EQ(a.scale.f32[g] == b.scale.f32[g], isOther) << g;
    EXPECT_EQ(std::equal(&a.codes.s8[g * 4], &a.codes.s8[g * 4] + 4, &b.codes.s8[g * 4]), isOther) << g;
  }
  std::vector<int8_t> codes = {1, 15, 0, 7, 3, 4, 5, 6};
  std::vector<float> scales = {0.5f, 2}, minima = {-1, 0.25f};
  Weight weight{1, 8, nullptr, codes.data(), scales.data(), 4, minima.data()};
  Tensor whole = groupedLinear(a, weight, nullptr);
  for (int64_t i = 0; i < 3; ++i) {
    Quantized token = quantizeGroups(slice(x, i, i + 1), 4);
    EXPECT_EQ(groupedLinear(token, weight, nullptr).f32, slice(whole, i, i + 1).f32);
  }
}

// y = sum_g s_a (s_w sum q w + m_w sum q) + bias by hand: 2 (0.5 (1*3 - 2*4) - 1 (1 - 2)) + 3 (2 (5*6) + 0.25 * 5)
// + 10.
TEST(Reference, GroupedProductByHand) {
  Quantized q;
  q.codes.shape = {1, 1, 4};
  q.codes.s8 = {1, -2, 5, 0};
  q.scale = Tensor::ofF32({1, 1, 2});
  q.scale.f32 = {2, 3};
  const int8_t codes[] = {3, 4, 6, 9};
  const float scales[] = {0.5f, 2}, minima[] = {-1, 0.25f}, bias[] = {10};
  Weight weight{1, 4, nullptr, codes, scales, 2, minima};
  EXPECT_EQ(groupedLinear(q, weight, bias).f32, (std::vector<float>{190.75f}));
  weight.minima = nullptr;
  EXPECT_EQ(groupedLinear(q, weight, nullptr).f32, (std::vector<float>{175}));
  EXPECT_EQ(weight.at(0, 1), 2.0f);
}

/// Rows of a step have the positions behind those that the cache holds.
TEST(Reference, PositionsFollowThoseBefore) {
  std::vector<float> numbers = {1, 2, 3, 4, 5, 6};
  Weight table{3, 2, numbers.data(), nullptr, nullptr, 2};
  EXPECT_EQ(addPositions(Tensor::ofF32({1, 2, 2}), table, 1)->f32, (std::vector<float>{3, 4, 5, 6}));
}

TEST(Reference, RefusesWhatDoesNotFit) {
  std::vector<float> numbers(6, 1.0f);
  Weight table{3, 2, numbers.data(), nullptr, nullptr, 2};
  for (int32_t id : {-1, 3}) {
    Result<Tensor> result = embedding(integers({1, 1}, {id}), table, 0);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().message, "expected token ids from 0 to 2, but found " + std::to_string(id));
  }
  EXPECT_FALSE(addPositions(Tensor::ofF32({1, 4, 2}), table, 0).ok());
  EXPECT_TRUE(addPositions(Tensor::ofF32({1, 2, 2}), table, 1).ok());
  EXPECT_FALSE(addPositions(Tensor::ofF32({1, 2, 2}), table, 2).ok());
  Cache cache;
  Tensor one = randomTensor({1, 2, 4}, 1), two = randomTensor({2, 2, 4}, 1), wide = randomTensor({1, 2, 6}, 1);
  EXPECT_TRUE(attention(one, one, one, cache, AttentionOptions()).ok());
  EXPECT_FALSE(attention(two, two, two, cache, AttentionOptions()).ok());
  EXPECT_FALSE(attention(wide, wide, wide, cache, AttentionOptions()).ok());
  EXPECT_EQ(cache.layers[0].positions, 2);
  EXPECT_TRUE(attend(one, cache, AttentionOptions()).ok());
  EXPECT_FALSE(attend(one, Cache(), AttentionOptions()).ok());
  EXPECT_FALSE(attend(two, cache, AttentionOptions()).ok());
  EXPECT_FALSE(attend(wide, cache, AttentionOptions()).ok());
  EXPECT_FALSE(attend(one, cache, integers({1}, {2}), AttentionOptions()).ok());
  Cache ofLengths = append(one, one, integers({1}, {2}), AttentionOptions());
  EXPECT_FALSE(append(one, one, ofLengths, AttentionOptions()).ok());
  EXPECT_FALSE(attend(one, ofLengths, AttentionOptions()).ok());
  EXPECT_FALSE(attend(randomTensor({1, 1, 4}, 1), ofLengths, integers({1}, {1}), AttentionOptions()).ok());
}

TEST(Reference, ConditionalLayersOfNoRows) {
  std::vector<float> numbers(3 * 4, 1);
  Weight weight = Weight();
  weight.rows = 3, weight.columns = 4, weight.f32 = numbers.data();
  for (std::vector<int64_t> shape : {std::vector<int64_t>{0, 5, 4}, {2, 0, 4}}) {
    Tensor x = Tensor::ofF32(shape), gates = Tensor::ofF32({shape[0], shape[1], 3});
    auto expectShape = [&](const Tensor &y, int64_t width) {
      EXPECT_EQ(y.shape, (std::vector<int64_t>{shape[0], shape[1], width}));
      EXPECT_TRUE(y.f32.empty());
    };
    expectShape(neuronTree(x, {1, 2, weight, weight, nullptr, Activation::Gelu, false, nullptr}), 4);
    expectShape(treeGates(x, weight, nullptr, 2, false), 4);
    expectShape(topGates(gates, 1, "chosen"), 3);
    expectShape(experts(x, gates, {weight, weight, nullptr, nullptr, nullptr, Activation::Relu}), 4);
    expectShape(nonzeroLinear(gates, weight, nullptr), 4);
  }
}

// What is looked at is what decides: the other child of a node may be anything.
TEST(Reference, WaysReadNothingElse) {
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<float> keys = {1, inf, 1}, values = {1, inf, 10}, leaves = {1, inf, -1};
  Weight weight = Weight(), added = Weight(), nodes = Weight();
  weight.rows = added.rows = nodes.rows = 3, weight.columns = added.columns = nodes.columns = 1;
  weight.f32 = keys.data(), added.f32 = values.data(), nodes.f32 = leaves.data();
  Tensor x = Tensor::ofF32({1, 1, 1});
  x.f32 = {2};
  EXPECT_EQ(neuronTree(x, {1, 2, weight, added, nullptr, Activation::Relu, false, nullptr}).f32,
            std::vector<float>{22});
  EXPECT_EQ(treeGates(x, nodes, nullptr, 1, false).f32, (std::vector<float>{0, 0, 1, 0}));
}

} // namespace
