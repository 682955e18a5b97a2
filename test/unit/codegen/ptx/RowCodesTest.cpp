// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes of rows on the interpreter, bit for bit as the CPU's kernels make them: in a range of the row and a trained
// one; widths around every edge of a turn, both architectures, plain and strict.
#include "test/unit/codegen/ptx/RowRun.h"

#include <algorithm>
#include <cmath>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::RowSpec;
using nvptx::RowStep;
using Kind = nvptx::RowStepKind;

namespace {

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

TEST(PtxRowCodes, OfTheRowsOwnRange) {
  for (int64_t width : kWidths)
    for (const char *chip : {"sm_80", "sm_90a"}) {
      Rows x(width, 9);
      std::fill_n(x.numbers.begin() + x.stride, width, 0.0F); // the second row
      RowSpec spec = {width, {{Kind::Load, {}, {0}}, {Kind::StoreCodes, {0}, {1, 2, 3}}}};
      auto wanted =
          resultsOf(spec, {memory(x.numbers)}, {size_t(kRows * spec.codeBytes()), 4 * kRows, 4 * kRows}, chip);
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

/// As #lm.code_range says, in f32; without the zero.
int32_t trainedCode(float x, const CodeRange &range) {
  float bounded = std::min(x * range.factor, float(range.greatest - range.zero));
  return int32_t(std::nearbyint(std::max(bounded, float(range.least - range.zero))));
}

TEST(PtxRowCodes, OfATrainedRange) {
  for (CodeRange range : {CodeRange{1, 1, 100, 0, 255}, {0.02F, 50, 60, 0, 127}, {3e-3F, 333, 128, 1, 255}})
    for (int64_t width : kWidths) {
      SCOPED_TRACE(width);
      Rows x(width, 10);
      x.numbers[0] = 1e30F, x.numbers[size_t(x.stride)] = -1e30F;
      RowStep fake = {Kind::FakeQuantize, {0}}, codes = {Kind::StoreStaticCodes, {0}, {1, 2, 3}};
      fake.range = codes.range = range;
      RowSpec spec = {width, {{Kind::Load, {}, {0}}, codes, fake, {Kind::StoreFloats, {2}, {4}}}};
      auto found = resultsOf(spec, {memory(x.numbers)},
                             {size_t(kRows * spec.codeBytes()), 4 * kRows, 4 * kRows, x.numbers.size() * 4});
      for (int64_t r = 0; r < kRows; ++r) {
        ASSERT_EQ(as<float>(found[1])[size_t(r)], range.step);
        ASSERT_EQ(as<int32_t>(found[2])[size_t(r)], range.zero);
        for (int64_t i = 0; i < x.stride; ++i) {
          int32_t code = trainedCode(x.at(r, i), range);
          ASSERT_EQ(as<float>(found[3])[size_t(r * x.stride + i)], float(code) * range.step);
          ASSERT_EQ(uint8_t(found[0][size_t(r * spec.codeBytes() + i)]), code + range.zero);
        }
      }
    }
}

} // namespace
