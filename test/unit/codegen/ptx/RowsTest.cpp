// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row kernels on the interpreter: activations, norms, sums and stores bit for bit as codegen/Functions.h, RowSums.h and
// the CPU's kernels have them; widths around every edge of a turn, plain and strict.
#include "codegen/Functions.h"
#include "codegen/RowSums.h"
#include "test/unit/codegen/ptx/HostEmitter.h"
#include "test/unit/codegen/ptx/RowRun.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::RowSpec;
using nvptx::RowStep;
using Kind = nvptx::RowStepKind;

namespace {

TEST(PtxRows, ActivationsAreThoseOfCpus) {
  HostEmitter host;
  for (auto [kind, for8Bits] : {std::pair(Activation::Gelu, false),
                                {Activation::GeluTanh, false},
                                {Activation::Silu, false},
                                {Activation::Relu, false},
                                {Activation::Tanh, false},
                                {Activation::Gelu, true},
                                {Activation::Silu, true}}) {
    Rows gate(576, 1, kRows, 4), up(576, 2);
    gate.numbers[0] = 0, gate.numbers[1] = -200, gate.numbers[2] = 200, gate.numbers[3] = 1e-30F;
    RowStep gated = {Kind::Gated, {0, 1}, {}, kind, 0, for8Bits};
    RowSpec spec = {576, {{Kind::Load, {}, {0}}, {Kind::Load, {}, {1}}, gated, {Kind::StoreFloats, {2}, {2}}}};
    std::vector<float> found =
        as<float>(resultOf(spec, {memory(gate.numbers), memory(up.numbers), result(gate.numbers.size() * 4)}));
    for (size_t i = 0; i < found.size(); ++i) {
      auto expected = host.mul(functions::activation(host, kind, for8Bits, HostEmitter::of(gate.numbers[i])),
                               HostEmitter::of(up.numbers[i]));
      ASSERT_EQ(HostEmitter::of(found[i]).bits, expected.bits) << kernelWord(kind) << " of " << gate.numbers[i];
    }
  }
}

/// The numbers of a row added as codegen/RowSums.h says: chains, and then halves of them.
float added(const std::vector<float> &row, bool ofSquares) {
  std::vector<float> chains(size_t(rowSumChains(int64_t(row.size()))));
  for (size_t i = 0; i < row.size(); ++i) {
    float &chain = chains[i % chains.size()];
    chain = ofSquares ? std::fma(row[i], row[i], chain) : row[i] + chain;
  }
  for (size_t half = chains.size() / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i)
      chains[i] += chains[i + half];
  return chains[0];
}

TEST(PtxRows, ChainsOfASum) {
  EXPECT_EQ(rowSumChains(576), 64); // 36 registers
  EXPECT_EQ(rowSumChains(30), 32);
  EXPECT_EQ(rowSumChains(1030), 16); // 65
  std::vector<float> row(48, 1.0F);  // three registers: 16 chains of three
  row[0] = 0x1p24F;                  // to which 1 adds nothing, and 3 adds 4: rounded to even
  EXPECT_EQ(added(row, false), 0x1p24F + 46);
}

std::vector<float> rowOf(const Rows &rows, int64_t r) {
  const float *begin = rows.numbers.data() + r * rows.stride;
  return {begin, begin + rows.width};
}

/// (x - mean) / sqrt(mean of (x - mean)^2 + epsilon), with `weights` factors, and sums.
std::vector<float> normOf(std::vector<float> x, bool isLayerNorm, float epsilon) {
  float share = 1.0F / float(x.size()), mean = isLayerNorm ? added(x, false) * share : 0;
  for (float &number : x)
    number -= mean;
  float factor = 1 / std::sqrt(added(x, true) * share + epsilon);
  for (float &number : x)
    number *= factor;
  return x;
}

void expectNorm(int64_t width, bool isLayerNorm, size_t weights) {
  SCOPED_TRACE(std::to_string(width) + ", " + std::to_string(weights) + " weights");
  Rows x(width, 5), weight(width, 6, 1), bias(width, 7, 1);
  constexpr float kEpsilon = 1e-5F;
  RowStep norm = {isLayerNorm ? Kind::LayerNorm : Kind::RmsNorm, {0}, {1, 2}, Activation::Relu, kEpsilon};
  norm.pointers.resize(weights);
  std::vector<Argument> arguments = {memory(x.numbers), memory(weight.numbers), memory(bias.numbers)};
  arguments.resize(weights + 1);
  arguments.push_back(result(x.numbers.size() * 4));
  RowSpec spec = {width, {{Kind::Load, {}, {0}}, norm, {Kind::StoreFloats, {1}, {int64_t(weights) + 1}}}};
  std::vector<float> found = as<float>(resultOf(spec, arguments));
  for (int64_t r = 0; r < kRows; ++r) {
    std::vector<float> expected = normOf(rowOf(x, r), isLayerNorm, kEpsilon);
    expected.resize(size_t(x.stride));
    for (int64_t i = 0; i < x.stride; ++i) {
      float number = expected[size_t(i)];
      if (weights > 0 && i < width)
        number *= weight.at(0, i);
      if (weights > 1 && i < width)
        number += bias.at(0, i);
      ASSERT_EQ(found[size_t(r * x.stride + i)], number) << i;
    }
  }
}

TEST(PtxRows, Norms) {
  for (int64_t width : {30, 576, 1030, 3001}) {
    for (size_t weights : {0, 1})
      expectNorm(width, /*isLayerNorm=*/false, weights);
    for (size_t weights : {1, 2})
      expectNorm(width, /*isLayerNorm=*/true, weights);
  }
}

// Each head by itself, in the order of a row of its width.
void expectHeadNorm(int64_t size, int64_t heads, bool weighted) {
  SCOPED_TRACE(std::to_string(heads) + " heads of " + std::to_string(size));
  Rows x(size * heads, 5), weight(size, 6, 1);
  constexpr float kEpsilon = 1e-5F;
  RowStep norm = {Kind::HeadRmsNorm, {0}, {}, Activation::Relu, kEpsilon};
  norm.size = size;
  std::vector<Argument> arguments = {memory(x.numbers)};
  if (weighted)
    norm.pointers = {1}, arguments.push_back(memory(weight.numbers));
  RowSpec spec = {x.width, {{Kind::Load, {}, {0}}, norm, {Kind::StoreFloats, {1}, {int64_t(arguments.size())}}}};
  arguments.push_back(result(x.numbers.size() * 4));
  std::vector<float> found = as<float>(resultOf(spec, arguments));
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t head = 0; head < heads; ++head) {
      const float *begin = x.numbers.data() + r * x.stride + head * size;
      std::vector<float> expected = normOf({begin, begin + size}, /*isLayerNorm=*/false, kEpsilon);
      for (int64_t i = 0; i < size; ++i)
        ASSERT_EQ(found[size_t(r * x.stride + head * size + i)], expected[size_t(i)] * (weighted ? weight.at(0, i) : 1))
            << head << ", " << i;
    }
}

TEST(PtxRows, NormsOfHeads) {
  for (auto [size, heads] : {std::pair<int64_t, int64_t>(16, 3), {32, 2}, {48, 5}, {64, 9}, {128, 17}, {256, 4}})
    for (bool weighted : {false, true})
      expectHeadNorm(size, heads, weighted);
}

TEST(PtxRows, SoftCaps) {
  HostEmitter host;
  Rows x(78, 8);
  x.numbers[0] = 0, x.numbers[1] = -200, x.numbers[2] = 200, x.numbers[3] = 1e-30F;
  RowStep cap = {Kind::SoftCap, {0}};
  cap.cap = 1.5F;
  RowSpec spec = {78, {{Kind::Load, {}, {0}}, cap, {Kind::StoreFloats, {1}, {1}}}};
  std::vector<float> found = as<float>(resultOf(spec, {memory(x.numbers), result(x.numbers.size() * 4)}));
  for (size_t i = 0; i < found.size(); ++i)
    ASSERT_EQ(HostEmitter::of(found[i]).bits, functions::softCap(host, 1.5F, HostEmitter::of(x.numbers[i])).bits);
}

TEST(PtxRows, LengthsBecomeOne) {
  for (int64_t width : {5, 384, 1030}) {
    Rows x(width, 5);
    std::fill_n(x.numbers.begin() + x.stride, width, 0.0F); // the second row
    RowSpec spec = {width, {{Kind::Load, {}, {0}}, {Kind::L2Normalize, {0}}, {Kind::StoreFloats, {1}, {1}}}};
    std::vector<float> found = as<float>(resultOf(spec, {memory(x.numbers), result(x.numbers.size() * 4)}));
    for (int64_t r = 0; r < kRows; ++r) {
      float factor = 1 / std::max(std::sqrt(added(rowOf(x, r), true)), 1e-12F);
      for (int64_t i = 0; i < x.stride; ++i)
        ASSERT_EQ(found[size_t(r * x.stride + i)], x.at(r, i) * factor);
    }
  }
}

TEST(PtxRows, HalvesAreRoundedToEven) {
  Rows x(78, 8);
  auto put = [&](size_t i, uint32_t bits) { x.numbers[i] = HostEmitter::number({HostEmitter::Type::Float, bits}); };
  put(0, 0x3f808000), put(1, 0x3f818000), put(2, 0x3f808001), put(3, 0xbf808000);
  RowSpec spec = {78, {{Kind::Load, {}, {0}}, {Kind::StoreHalves, {0}, {1}}}};
  std::vector<uint16_t> found =
      as<uint16_t>(resultOf(spec, {memory(x.numbers), result(size_t(kRows * spec.halfBytes()))}));
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t i = 0; i < spec.halfBytes() / 2; ++i) {
      uint32_t bits = i < x.width ? HostEmitter::of(x.at(r, i)).bits : 0;
      ASSERT_EQ(found[size_t(r * spec.halfBytes() / 2 + i)], uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16)) << i;
    }
  EXPECT_EQ(found[0], 0x3f80); // a tie, down to even
  EXPECT_EQ(found[1], 0x3f82); // a tie, up to even
  EXPECT_EQ(found[2], 0x3f81);
}

// Rows of the caller's memory have no padding: each begins where the one before ends, wherever that is. Several stores
// give what an earlier step made, too.
TEST(PtxRows, StoresOfSeveralKinds) {
  for (int64_t width : kWidths) {
    SCOPED_TRACE(width);
    Rows x(width, 10), y(width, 11), bias(width, 12, 1);
    RowSpec spec = {width,
                    {{Kind::Load, {}, {0}},
                     {Kind::StorePacked, {0}, {3}},
                     {Kind::Load, {}, {1}},
                     {Kind::Add, {0, 2}},
                     {Kind::BiasAdd, {3}, {2}},
                     {Kind::StoreFloats, {4}, {4}},
                     {Kind::StorePacked, {3}, {5}}}};
    size_t packed = size_t(kRows * width * 4), padded = size_t(kRows * x.stride * 4);
    auto found =
        resultsOf(spec, {memory(x.numbers), memory(y.numbers), memory(bias.numbers)}, {packed, padded, packed});
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t i = 0; i < x.stride; ++i) {
        float sum = x.at(r, i) + y.at(r, i);
        ASSERT_EQ(as<float>(found[1])[size_t(r * x.stride + i)], sum + bias.at(0, i));
        if (i < width) {
          ASSERT_EQ(as<float>(found[0])[size_t(r * width + i)], x.at(r, i));
          ASSERT_EQ(as<float>(found[2])[size_t(r * width + i)], sum);
        }
      }
  }
}

} // namespace
