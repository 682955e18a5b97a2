// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packed rows of neurons, byte by byte, at the places that NeuronTree.h promises, and experts at those of Experts.h.
#include "codegen/cpu/conditional/NeuronTree.h"
#include "test/unit/codegen/PackWeights.h"

#include <cmath>

using namespace lmopt;
using cpu::RowNumber;
using test::signedElement;

namespace {

struct Neurons : test::PackWeights {
  struct Form {
    std::vector<const char *> params;
    const char *layout;
    RowNumber keys, values;
    int64_t valueOffset, rowBytes; ///< of a row; no values: both the same
    bool bias;
  };
  /// Row n of a matrix as it is stored; bf16 is the upper half of f32.
  static void put(char *to, const lm::WeightData &matrix, int64_t n, RowNumber format) {
    for (int64_t i = 18 * n, size = cpu::numberBytes(format); i < 18 * (n + 1); ++i, to += size)
      if (format == RowNumber::S8)
        *to = static_cast<char>(matrix.s8[i]);
      else
        std::memcpy(to, reinterpret_cast<const char *>(&matrix.f32[i]) + 4 - size, size_t(size));
  }
  /// No less than the length of a row, and no more than rounding takes.
  static void expectNorm(float norm, const float *row) {
    double squares = 0;
    for (int64_t k = 0; k < 18; ++k)
      squares += double(row[k]) * row[k];
    EXPECT_GE(norm, std::sqrt(squares));
    EXPECT_LE(norm, std::sqrt(squares) * 1.000001 + 2 * double(cpu::kLeastNorm));
  }
};

// Rows, then for each neuron its bias, norm, and scales of what it is multiplied with and of what it adds.
TEST_F(Neurons, StandRowByRow) {
  for (const Form &form :
       {Form{{"m", "v", "halves"},
             "tensor<20x18xf32> to tensor<20x18xbf16>, bias = true",
             RowNumber::F32,
             RowNumber::Bf16,
             128,
             192,
             true},
        Form{{"halves", "codes"},
             "tensor<20x18xbf16> to !lm.int8<20x18>",
             RowNumber::Bf16,
             RowNumber::S8,
             64,
             128,
             false},
        Form{{"m", "v"}, "tensor<20x18xf32>, bias = true", RowNumber::F32, RowNumber::F32, 128, 128, true}}) {
    std::vector<char> bytes = pack(weightOf(form.params, "neurons<" + std::string(form.layout) + ">"));
    const int64_t numbers = 20 * form.rowBytes;
    ASSERT_EQ(int64_t(bytes.size()), numbers + 20 * 16);
    lm::WeightData keys = *reader.read(param(form.params.front())), values = *reader.read(param(form.params.back()));
    std::vector<char> expected(bytes.size());
    for (int64_t n = 0; n < 20; ++n) {
      put(expected.data() + form.rowBytes * n, keys, n, form.keys);
      if (form.valueOffset < form.rowBytes)
        put(expected.data() + form.rowBytes * n + form.valueOffset, values, n, form.values);
      const float of[] = {form.bias ? signedElement(n, 0) : 0, floatAt(bytes, numbers + 16 * n + 4), 1,
                          form.values == RowNumber::S8 ? values.scales[n] : 1};
      expectNorm(of[1], keys.f32.data() + 18 * n);
      std::memcpy(expected.data() + numbers + 16 * n, of, sizeof of);
    }
    EXPECT_EQ(bytes, expected) << form.layout;
  }
}

// Rows that decide stand behind, each with its length; the norm of one of codes has what it lacks, by what sums are
// off.
TEST_F(Neurons, ExactRowsStandBehind) {
  std::vector<char> bytes = pack(weightOf({"m", "codes"}, "neurons<tensor<20x18xf32> by !lm.int8<20x18>>"));
  const int64_t numbers = 20 * 64, exact = numbers + 20 * 16;
  ASSERT_EQ(int64_t(bytes.size()), exact + 20 * (128 + 64));
  lm::WeightData matrix = *reader.read(param("m")), codes = *reader.read(param("codes"));
  for (int64_t n = 0; n < 20; ++n) {
    double lacking = 0, squares = 0;
    for (int64_t k = 0; k < 18; ++k) {
      ASSERT_EQ(floatAt(bytes, exact + n * 192 + 4 * k), matrix.f32[n * 18 + k]);
      double u = double(codes.scales[n]) * codes.s8[n * 18 + k];
      lacking += (matrix.f32[n * 18 + k] - u) * (matrix.f32[n * 18 + k] - u);
      squares += u * u;
    }
    expectNorm(floatAt(bytes, exact + n * 192 + 128), matrix.f32.data() + 18 * n);
    double norm = std::sqrt(squares) + std::sqrt(lacking) / (10 * 0x1p-24); // two vectors and eight roundings
    EXPECT_NEAR(floatAt(bytes, numbers + 16 * n + 4), norm, norm * 1e-6);
    EXPECT_EQ(floatAt(bytes, numbers + 16 * n + 8), codes.scales[n]);
  }
}

// A neuron of zeros has the least norm; one whose length f32 does not hold an infinite one: it is always added again.
TEST_F(Neurons, NormsAtTheEnds) {
  test::TestModule ends =
      test::TestModule::fromText("lm.param @w : tensor<2x2xf32> = dense<[[0.0, 0.0], [3.0e38, -3.0e38]]>\n");
  std::vector<char> bytes = pack(test::makeWeight(ends.get(), {"w"}, "neurons<tensor<2x2xf32>>"));
  EXPECT_NEAR(floatAt(bytes, 2 * 64 + 4), cpu::kLeastNorm, cpu::kLeastNorm * 1e-6f);
  EXPECT_TRUE(std::isinf(floatAt(bytes, 2 * 64 + 20)));
}

// Each expert as two linears: its neurons, and what they add, turned.
TEST_F(Neurons, ExpertsAreLinears) {
  std::vector<char> bytes =
      pack(weightOf({"m", "v", "m"}, "experts<4, tensor<20x18xf32>, to tensor<20x18xf32>, bias = true>"));
  const cpu::LinearSpec first{5, 18, cpu::WeightFormat::F32, true, 64}, last{18, 5, cpu::WeightFormat::F32, false, 128};
  const int64_t lastOffset = cpu::roundUp(first.bytes(), 64), expert = lastOffset + cpu::roundUp(last.bytes(), 64);
  ASSERT_EQ(int64_t(bytes.size()), 4 * expert);
  auto at = [&](int64_t offset, const cpu::LinearSpec &spec, int64_t n, int64_t k) {
    return floatAt(bytes, offset + spec.unitOffset(n / 16, k) + n % 16 * 4);
  };
  for (int64_t n = 0; n < 20; ++n) {
    int64_t begin = n / 5 * expert;
    for (int64_t k = 0; k < 18; ++k) {
      ASSERT_EQ(at(begin, first, n % 5, k), signedElement(n, k));
      ASSERT_EQ(at(begin + lastOffset, last, k, n % 5), signedElement(n, k));
    }
    ASSERT_EQ(floatAt(bytes, begin + first.biasOffset() + n % 5 * 4), signedElement(n, 0));
  }
}

// Rows, their scales, the bias.
TEST_F(Neurons, AddedRows) {
  std::vector<char> bytes = pack(weightOf({"codes"}, "added_rows<!lm.int8<20x18>>"));
  lm::WeightData codes = *reader.read(param("codes"));
  for (int64_t n = 0; n < 20; ++n) {
    ASSERT_EQ(std::memcmp(bytes.data() + 64 * n, codes.s8.data() + 18 * n, 18), 0);
    ASSERT_EQ(floatAt(bytes, 20 * 64 + 16 * n + 12), codes.scales[n]);
  }
}

} // namespace
