// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row kernels on the interpreter: activations, rounding and codes bit for bit as codegen/Functions.h and the CPU's
// kernels have them, norms within the rounding of their sums; widths around every edge of a turn, both architectures,
// plain and strict.
#include "codegen/Functions.h"
#include "codegen/ptx/rows/RowKernel.h"
#include "test/unit/codegen/ptx/HostEmitter.h"
#include "test/unit/codegen/ptx/KernelRun.h"

#include <random>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::RowSpec;
using nvptx::RowStep;
using Kind = nvptx::RowStepKind;

namespace {

constexpr int64_t kRows = 3;

/// Rows of numbers, padded with zeros as the kernel wants them.
struct Rows {
  int64_t width, stride;
  std::vector<float> numbers;

  Rows(int64_t width, unsigned seed, int64_t rows = kRows, float scale = 1)
      : width(width), stride((width + 7) / 8 * 8), numbers(size_t(rows * stride)) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, scale);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < width; ++i)
        numbers[size_t(r * stride + i)] = normal(random);
  }
  float at(int64_t row, int64_t i) const { return numbers[size_t(row * stride + i)]; }
};

EmittedKernel emitRows(const RowSpec &spec, const std::string &chip = "sm_80") {
  return emit(chip, [&](nvptx::KernelLibrary &kernels) { return rowKernel(kernels, spec); });
}

std::vector<char> resultOf(const RowSpec &spec, const std::vector<Argument> &arguments,
                           const std::string &chip = "sm_80") {
  return run(emitRows(spec, chip), {uint32_t(kRows), 1, 1}, arguments).result;
}

const int64_t kWidths[] = {1, 7, 8, 30, 64, 576, 1024, 1030, 2048, 3001};

TEST(PtxRows, ActivationsAreThoseOfCpus) {
  HostEmitter host;
  for (Activation kind :
       {Activation::Gelu, Activation::GeluTanh, Activation::Silu, Activation::Relu, Activation::Tanh}) {
    Rows gate(576, 1, kRows, 4), up(576, 2);
    gate.numbers[0] = 0, gate.numbers[1] = -200, gate.numbers[2] = 200, gate.numbers[3] = 1e-30F;
    RowSpec spec = {
        576,
        {{Kind::Load, {}, {0}}, {Kind::Load, {}, {1}}, {Kind::Gated, {0, 1}, {}, kind}, {Kind::StoreFloats, {2}, {2}}}};
    std::vector<float> found =
        as<float>(resultOf(spec, {memory(gate.numbers), memory(up.numbers), result(gate.numbers.size() * 4)}));
    for (size_t i = 0; i < found.size(); ++i) {
      auto expected = host.mul(functions::activation(host, kind, false, HostEmitter::of(gate.numbers[i])),
                               HostEmitter::of(up.numbers[i]));
      ASSERT_EQ(HostEmitter::of(found[i]).bits, expected.bits) << kernelWord(kind) << " of " << gate.numbers[i];
    }
  }
}

TEST(PtxRows, SumsOfRowsThatAreGathered) {
  for (int64_t width : kWidths) {
    Rows table(width, 3, 5), added(width, 4);
    std::vector<int32_t> numbers = {4, 0, 4};
    RowSpec spec = {
        width, {{Kind::Gather, {}, {0, 1}}, {Kind::Load, {}, {2}}, {Kind::Add, {0, 1}}, {Kind::StoreFloats, {2}, {3}}}};
    std::vector<float> found = as<float>(resultOf(
        spec, {memory(table.numbers), memory(numbers), memory(added.numbers), result(added.numbers.size() * 4)}));
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t i = 0; i < added.stride; ++i)
        ASSERT_EQ(found[size_t(r * added.stride + i)], table.at(numbers[size_t(r)], i) + added.at(r, i));
  }
}

void expectNorm(int64_t width, bool isLayerNorm) {
  SCOPED_TRACE(width);
  Rows x(width, 5), weight(width, 6, 1), bias(width, 7, 1);
  constexpr float kEpsilon = 1e-5F;
  RowStep norm = {isLayerNorm ? Kind::LayerNorm : Kind::RmsNorm, {0}, {1}, Activation::Relu, kEpsilon};
  std::vector<Argument> arguments = {memory(x.numbers), memory(weight.numbers)};
  if (isLayerNorm) {
    norm.pointers.push_back(2);
    arguments.push_back(memory(bias.numbers));
  }
  auto last = int64_t(arguments.size());
  arguments.push_back(result(x.numbers.size() * 4));
  RowSpec spec = {width, {{Kind::Load, {}, {0}}, norm, {Kind::StoreFloats, {1}, {last}}}};
  std::vector<float> found = as<float>(resultOf(spec, arguments));
  for (int64_t r = 0; r < kRows; ++r) {
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < width && isLayerNorm; ++i)
      mean += x.at(r, i) / double(width);
    for (int64_t i = 0; i < width; ++i)
      squares += (x.at(r, i) - mean) * (x.at(r, i) - mean) / double(width);
    for (int64_t i = 0; i < x.stride; ++i) {
      double expected = i < width ? (x.at(r, i) - mean) / std::sqrt(squares + kEpsilon) * weight.at(0, i) : 0;
      if (isLayerNorm && i < width)
        expected += bias.at(0, i);
      // A sum of n numbers of which a thread adds 4 n / 1024, then 13 steps: some 30 roundings, each 2^-24 of numbers
      // of about 1, times a factor and a weight of at most 4.
      ASSERT_NEAR(found[size_t(r * x.stride + i)], expected, 30 * 16 * 0x1p-24) << i;
    }
  }
}

TEST(PtxRows, Norms) {
  for (int64_t width : {30, 576, 1030, 3001})
    for (bool isLayerNorm : {false, true})
      expectNorm(width, isLayerNorm);
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

/// ONNX DynamicQuantizeLinear in f32, with the reciprocal of the scale, as the CPU's kernels have it.
struct Quantized {
  float scale;
  int32_t zero;
  std::vector<uint8_t> codes;

  Quantized(const Rows &x, int64_t row) {
    float low = 0, high = 0;
    for (int64_t i = 0; i < x.width; ++i)
      low = std::min(low, x.at(row, i)), high = std::max(high, x.at(row, i));
    scale = (high - low) / 255.0F;
    bool usable = scale > 1e-35F;
    scale = usable ? scale : 0;
    float inverse = usable ? 1 / scale : 0;
    auto code = [](float number, int32_t zero) { return std::clamp(int32_t(std::nearbyint(number)) + zero, 0, 255); };
    zero = code(-low * inverse, 0);
    for (int64_t i = 0; i < x.width; ++i)
      codes.push_back(uint8_t(code(x.at(row, i) * inverse, zero)));
  }
};

TEST(PtxRows, CodesAreThoseOfCpus) {
  for (int64_t width : kWidths)
    for (const char *chip : {"sm_80", "sm_90a"}) {
      Rows x(width, 9);
      std::fill_n(x.numbers.begin() + x.stride, width, 0.0F); // the second row
      RowSpec spec = {width, {{Kind::Load, {}, {0}}, {Kind::StoreCodes, {0}, {1, 2, 3}}}};
      EmittedKernel kernel = emitRows(spec, chip);
      std::vector<char> wanted[3];
      for (size_t which = 0; which < 3; ++which) {
        size_t sizes[] = {size_t(kRows * spec.codeBytes()), 4 * kRows, 4 * kRows};
        std::vector<Argument> arguments = {memory(x.numbers)};
        for (size_t i = 0; i < 3; ++i)
          arguments.push_back(i == which ? result(sizes[i]) : memory(std::vector<char>(sizes[i])));
        wanted[which] = run(kernel, {uint32_t(kRows), 1, 1}, arguments).result;
      }
      for (int64_t r = 0; r < kRows; ++r) {
        Quantized expected(x, r);
        ASSERT_EQ(as<float>(wanted[1])[size_t(r)], expected.scale) << width;
        ASSERT_EQ(as<int32_t>(wanted[2])[size_t(r)], expected.zero) << width;
        for (int64_t i = 0; i < width; ++i)
          ASSERT_EQ(uint8_t(wanted[0][size_t(r * spec.codeBytes() + i)]), expected.codes[size_t(i)])
              << width << " " << i;
      }
    }
}

} // namespace
