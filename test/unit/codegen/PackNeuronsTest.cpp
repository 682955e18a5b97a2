// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packed rows of neurons, byte by byte, at the places that NeuronTree.h promises, and experts at those of Experts.h.
#include "codegen/cpu/conditional/NeuronTree.h"
#include "test/unit/codegen/PackWeights.h"

#include <array>
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

// Each expert in codes as linears of its own rows; the last matrix has a row for each output.
TEST_F(Neurons, GroupedExpertsAreLinears) {
  auto rowsOf = [](const std::string &name, int64_t first, int64_t count, const std::string &form) {
    std::string shape = std::to_string(count) + "x32", numbers = "dense<[";
    for (int64_t r = first; r < first + count; ++r) {
      numbers += r > first ? ", [" : "[";
      for (int64_t k = 0; k < 32; ++k)
        numbers += (k ? ", " : "") + std::to_string(signedElement(r, (k * 7 + r) % 32));
      numbers += "]";
    }
    return "lm.param @" + name + " : !lm.grouped<" + shape + ", " + form + "> = #lm.quantize_groups<" + numbers +
           "]> : tensor<" + shape + "xf32>, " + form + ">\n";
  };
  const std::string small = "bits = 4, group = 32, min, scales = 8", eight = "bits = 8, group = 16";
  std::string text = rowsOf("w", 0, 64, small) + rowsOf("u", 1, 64, eight) + rowsOf("v", 3, 40, eight);
  for (int64_t e = 0; e < 2; ++e) {
    std::string number = std::to_string(e);
    text += rowsOf("w" + number, 32 * e, 32, small) + rowsOf("u" + number, 1 + 32 * e, 32, eight) +
            rowsOf("v" + number, 3 + 20 * e, 20, eight);
  }
  test::TestModule experts = test::TestModule::fromText(text);
  auto packed = [&](const std::vector<const char *> &params, const std::string &layout) {
    return pack(test::makeWeight(experts.get(), params, layout));
  };
  auto typeOf = [](int64_t rows, const std::string &form) {
    return "!lm.grouped<" + std::to_string(rows) + "x32, " + form + ">";
  };
  std::vector<char> bytes = packed({"w", "u", "v"}, "grouped_experts<2, " + typeOf(64, small) + " times " +
                                                        typeOf(64, eight) + " to " + typeOf(40, eight) + ">");
  std::vector<char> expected;
  auto append = [&](const char *param, const std::string &type) {
    std::vector<char> part = packed({param}, "panels<" + type + ">");
    part.resize(size_t(cpu::roundUp(int64_t(part.size()), 64)));
    expected.insert(expected.end(), part.begin(), part.end());
  };
  for (auto [w, u, v] : {std::array{"w0", "u0", "v0"}, std::array{"w1", "u1", "v1"}}) {
    append(w, typeOf(32, small));
    append(u, typeOf(32, eight));
    append(v, typeOf(20, eight));
  }
  EXPECT_EQ(bytes, expected);
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
