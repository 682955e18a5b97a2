// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of doubles and what norms and rotations should make of them, programs that are a chain, and the fixture of the
// tests of row programs: a harness for the CPU that the parameter names.
#ifndef LMOPT_TEST_UNIT_CODEGEN_ROWEXPECTATIONS_H
#define LMOPT_TEST_UNIT_CODEGEN_ROWEXPECTATIONS_H

#include "codegen/cpu/rows/RowProgram.h"
#include "test/unit/codegen/KernelHarness.h"

#include "gtest/gtest.h"

#include <cfloat>
#include <cmath>
#include <functional>
#include <vector>

namespace lmopt::test {

constexpr int64_t kRows = 6;
constexpr double kEps = FLT_EPSILON;
using Row = std::vector<double>;

/// What an operation should give for one row, and how far it may be off, element by element.
struct Expected {
  Row value, tolerance;
};

inline Expected mapRow(const Row &a, const std::function<std::pair<double, double>(size_t)> &element) {
  Expected e;
  for (size_t i = 0; i < a.size(); ++i) {
    auto [value, tolerance] = element(i);
    e.value.push_back(value);
    e.tolerance.push_back(tolerance);
  }
  return e;
}

inline Expected rmsNorm(const Row &a, double epsilon, const std::function<double(size_t)> &gamma) {
  double squares = 0;
  for (double x : a)
    squares += x * x;
  double factor = 1 / std::sqrt(squares / a.size() + epsilon);
  return mapRow(a, [&](size_t i) {
    double y = a[i] * factor * gamma(i);
    return std::pair(y, (a.size() / 2.0 + 6) * kEps * std::abs(y)); // N roundings of the sum, halved by the root
  });
}

inline Expected layerNorm(const Row &a, double epsilon, const std::function<double(size_t)> &gamma,
                          const std::function<double(size_t)> &beta) {
  double mean = 0, squares = 0, largest = 0;
  for (double x : a) {
    mean += x / a.size();
    largest = std::max(largest, std::abs(x));
  }
  for (double x : a)
    squares += (x - mean) * (x - mean);
  double factor = 1 / std::sqrt(squares / a.size() + epsilon);
  return mapRow(a, [&](size_t i) {
    double y = (a[i] - mean) * factor * gamma(i);
    // The mean is off by at most N eps max|x|, which the factor scales; the rest is relative.
    double off = a.size() * kEps * largest * factor * std::abs(gamma(i)) + (a.size() / 2.0 + 8) * kEps * std::abs(y);
    return std::pair(y + beta(i), off + 2 * kEps * std::abs(y + beta(i)));
  });
}

inline Expected rotateRow(const Row &a, size_t block) {
  double norm = 1 / std::sqrt(double(block));
  return mapRow(a, [&](size_t i) {
    double sum = 0, magnitude = 0;
    for (size_t j = i / block * block; j < i / block * block + block; ++j) {
      sum += __builtin_parityll((i % block) & (j % block)) ? -a[j] : a[j];
      magnitude += std::abs(a[j]);
    }
    return std::pair(sum * norm, (std::log2(block) + 2) * kEps * magnitude * norm); // a rounding at every stage
  });
}

inline Memory makeRows(int64_t width, uint64_t seed) {
  Memory rows(kRows * cpu::floatRowBytes(width));
  test::Random random(seed);
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t i = 0; i < width; ++i)
      rows.floats(r * cpu::floatRowBytes(width))[i] = random.heavy();
  return rows;
}
inline Row rowOf(const Memory &rows, int64_t width, int64_t r) {
  const float *from = rows.floats(r * cpu::floatRowBytes(width));
  return Row(from, from + width);
}

/// Each function takes what the one before made; the last result leaves the program.
inline cpu::RowProgram chain(int64_t width, const std::vector<cpu::RowFunctionRef> &functions, int64_t outStride) {
  cpu::RowProgram program;
  program.inputs = {{0, cpu::floatRowBytes(width), false}};
  program.widths = {width};
  for (const cpu::RowFunctionRef &function : functions) {
    int64_t value = program.ops.size();
    program.ops.push_back({function, {value}, value + 1, width});
    program.widths.push_back(width);
  }
  program.outputs = {{int64_t(functions.size()), outStride}};
  return program;
}

class RowProgramTest : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    harness = std::make_unique<KernelHarness>(GetParam());
    if (!harness->runsHere())
      GTEST_SKIP() << "this CPU lacks instructions of " << GetParam();
  }
  std::unique_ptr<KernelHarness> harness;
};

} // namespace lmopt::test

#endif
