// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A product of random weights and rows for the tests of all its kernels, and what a result must be: codes bit for bit,
// floats within the rounding of their sums.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_LINEARPROBLEM_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_LINEARPROBLEM_H

#include "codegen/ptx/linear/Fragments.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

namespace lmopt::kerneltest {

using nvptx::LinearSpec;
using nvptx::WeightFormat;

inline float fromBf16(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float number;
  std::memcpy(&number, &wide, 4);
  return number;
}

/// Random weights and rows; rows are padded with zeros as the kernel wants them.
struct LinearProblem {
  LinearSpec spec;
  int64_t rows;
  std::vector<int8_t> codes;
  std::vector<uint16_t> halves;
  std::vector<float> floats, scales, bias, rowScales;
  std::vector<uint8_t> x;
  std::vector<int32_t> zeros;

  LinearProblem(const LinearSpec &spec, int64_t rows)
      : spec(spec), rows(rows), bias(spec.outputs), rowScales(rows), x(rows * spec.rowBytes()), zeros(rows) {
    std::mt19937 random(unsigned(spec.outputs * 31 + spec.inputs * 7 + rows));
    std::normal_distribution<float> normal;
    for (float &number : bias)
      number = normal(random);
    for (int64_t i = 0; i < spec.outputs * spec.inputs; ++i)
      addWeight(normal(random));
    for (int64_t n = 0; n < spec.outputs; ++n)
      scales.push_back(0.001F * float(random() % 1000 + 1));
    for (int64_t r = 0; r < rows; ++r) {
      rowScales[r] = 0.001F * float(random() % 1000 + 1);
      zeros[r] = int32_t(random() % 256);
      for (int64_t k = 0; k < spec.inputs; ++k)
        setInput(r, k, normal(random));
    }
  }

  void addWeight(float number) {
    if (spec.format == WeightFormat::S8Rows)
      codes.push_back(int8_t(std::clamp(number * 50, -128.0F, 127.0F)));
    else if (spec.format == WeightFormat::Bf16)
      halves.push_back(bitsOf(number));
    else
      floats.push_back(number);
  }
  static uint16_t bitsOf(float number) {
    uint32_t bits;
    std::memcpy(&bits, &number, 4);
    return uint16_t(bits >> 16);
  }
  void setInput(int64_t row, int64_t k, float number) {
    uint8_t *to = x.data() + row * spec.rowBytes();
    if (spec.format == WeightFormat::S8Rows)
      to[k] = uint8_t(std::clamp(number * 60 + 128, 0.0F, 255.0F));
    else if (spec.format == WeightFormat::Bf16)
      reinterpret_cast<uint16_t *>(to)[k] = bitsOf(number);
    else
      reinterpret_cast<float *>(to)[k] = number;
  }
  double weight(int64_t n, int64_t k) const {
    int64_t i = n * spec.inputs + k;
    return spec.format == WeightFormat::Bf16 ? fromBf16(halves[i]) : floats[i];
  }
  double input(int64_t row, int64_t k) const {
    const uint8_t *from = x.data() + row * spec.rowBytes();
    return spec.format == WeightFormat::Bf16 ? fromBf16(reinterpret_cast<const uint16_t *>(from)[k])
                                             : reinterpret_cast<const float *>(from)[k];
  }
  std::vector<char> packed() const {
    const void *numbers = spec.format == WeightFormat::S8Rows ? static_cast<const void *>(codes.data())
                          : spec.format == WeightFormat::Bf16 ? static_cast<const void *>(halves.data())
                                                              : floats.data();
    return nvptx::packFragments(spec, {numbers, scales.data(), bias.data()});
  }

  void check(int64_t row, int64_t n, float found) const {
    if (spec.format == WeightFormat::S8Rows)
      return checkExact(row, n, found);
    double sum = spec.bias ? bias[n] : 0, size = std::fabs(sum);
    for (int64_t k = 0; k < spec.inputs; ++k) {
      sum += weight(n, k) * input(row, k);
      size += std::fabs(weight(n, k) * input(row, k));
    }
    // Sums of f32 in any order: each addition rounds at most by 2^-24 of what has been added so far.
    ASSERT_NEAR(found, sum, std::ldexp(size * double(spec.inputs + 1), -24)) << row << ", " << n;
  }
  void checkExact(int64_t row, int64_t n, float found) const {
    int32_t sum = 0, ofCodes = 0;
    for (int64_t k = 0; k < spec.inputs; ++k) {
      sum += x[row * spec.rowBytes() + k] * codes[n * spec.inputs + k];
      ofCodes += codes[n * spec.inputs + k];
    }
    volatile float scaled = float(sum - zeros[row] * ofCodes) * (rowScales[row] * scales[n]); // no fused operation
    ASSERT_EQ(found, spec.bias ? scaled + bias[n] : scaled) << row << ", " << n;
  }
};

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_LINEARPROBLEM_H
