// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels on codebooks of 256 f32 entries against plain loops: products and rows of a table, each for CPUs whose code
// differs. A sum of K products, each with one rounding (two without fused multiply-add), then a scale and a bias: the
// error is below (2 K + 2) eps times the sum of magnitudes.
#include "codegen/cpu/embedding/EmbeddingRows.h"
#include "codegen/cpu/linear/LinearSpec.h"
#include "codegen/cpu/rows/RowProgram.h"
#include "test/unit/codegen/KernelHarness.h"

#include "gtest/gtest.h"

#include <cfloat>
#include <cmath>
#include <cstring>

using namespace lmopt;
using test::Memory;

namespace {

constexpr int64_t kMaxRows = 35, kPaddedRows = 40;

struct Shape {
  int64_t outputs, inputs;
  bool bias, exact;
};
const Shape kShapes[] = {{16, 1, false, false}, {37, 45, true, true}, {80, 64, true, false}};

/// A matrix of numbers of entries, packed by the words of LinearSpec.h.
struct Matrix {
  cpu::LinearSpec spec;
  std::vector<float> numbers; // entries, not scaled
  std::vector<float> scales, bias;
  Memory packed;

  Matrix(const cpu::LinearSpec &spec, uint64_t seed) : spec(spec), packed(spec.bytes()) {
    test::Random random(seed);
    float *entries = packed.floats(spec.tableOffset());
    for (int64_t i = 0; i < 256; ++i)
      entries[i] = random.real();
    for (int64_t n = 0; n < spec.outputs; ++n) {
      for (int64_t k = 0; k < spec.inputs; ++k) {
        auto code = static_cast<uint8_t>(random.below(256));
        packed.data()[(n / 16 * spec.inputs + k) * 16 + n % 16] = static_cast<char>(code);
        numbers.push_back(entries[code]);
      }
      scales.push_back(packed.floats(spec.scaleOffset())[n] = random.real());
      bias.push_back(spec.bias ? random.real() : 0);
      if (spec.bias)
        packed.floats(spec.biasOffset())[n] = bias.back();
    }
  }
};

cpu::LinearSpec makeSpec(const Shape &shape) {
  cpu::LinearSpec spec;
  spec.outputs = shape.outputs;
  spec.inputs = shape.inputs;
  spec.format = cpu::WeightFormat::Codebook;
  spec.bias = shape.bias;
  spec.outStride = shape.exact ? 4 * shape.outputs : cpu::floatRowBytes(shape.outputs);
  return spec;
}

struct Problem {
  Matrix matrix;
  Memory in;
  int kernel;
};

struct Library {
  test::KernelHarness harness;
  std::vector<Problem> problems;

  explicit Library(const std::string &cpu) : harness(cpu) {
    if (!harness.runsHere())
      return;
    uint64_t seed = 1;
    for (const Shape &shape : kShapes) {
      cpu::LinearSpec spec = makeSpec(shape);
      Memory in(kPaddedRows * spec.inStride());
      test::Random random(seed + 100);
      for (int64_t r = 0; r < kMaxRows; ++r)
        for (int64_t k = 0; k < spec.inputs; ++k)
          in.floats(r * spec.inStride())[k] = random.heavy();
      problems.push_back({Matrix(spec, seed++), std::move(in), 0});
      problems.back().kernel = harness.add(cpu::linearKernel(harness.library(), spec));
    }
    harness.build();
  }
};

class CodebookKernel : public test::KernelTest<Library> {
protected:
  Memory run(const Problem &p, int64_t rows, int64_t rowShares = 1, int64_t panelShares = 1) {
    const cpu::LinearSpec &spec = p.matrix.spec;
    Memory out(spec.outStride * (spec.outStride == 4 * spec.outputs ? rows : kPaddedRows)), scratch(64 * spec.inputs);
    int64_t units = (rows + 7) / 8;
    for (int64_t i = 0; i < rowShares; ++i)
      for (int64_t j = 0; j < panelShares; ++j)
        library->harness.call(p.kernel, {p.in, p.matrix.packed, out, scratch, units * i / rowShares * 8,
                                         std::min(units * (i + 1) / rowShares * 8, rows),
                                         spec.panels() * j / panelShares, spec.panels() * (j + 1) / panelShares});
    return out;
  }

  void expectProduct(const Problem &p, int64_t r, int64_t n, float found) {
    const cpu::LinearSpec &spec = p.matrix.spec;
    double sum = 0, magnitude = 0, scale = p.matrix.scales[n];
    for (int64_t k = 0; k < spec.inputs; ++k) {
      double product = double(p.in.floats(r * spec.inStride())[k]) * p.matrix.numbers[n * spec.inputs + k];
      sum += product;
      magnitude += std::abs(product);
    }
    double wanted = scale * sum + p.matrix.bias[n];
    magnitude = std::abs(scale) * magnitude + std::abs(p.matrix.bias[n]);
    ASSERT_NEAR(found, wanted, (2 * spec.inputs + 2) * FLT_EPSILON * magnitude) << "row " << r << " output " << n;
  }
};

TEST_P(CodebookKernel, AgreesWithPlainLoops) {
  for (const Problem &p : library->problems)
    for (int64_t rows : {1, 2, 4, 5, 8, 9, 16, 17, 35}) {
      SCOPED_TRACE(std::to_string(p.matrix.spec.outputs) + " outputs, rows " + std::to_string(rows));
      Memory out = run(p, rows);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t n = 0; n < p.matrix.spec.outputs; ++n)
          ASSERT_NO_FATAL_FAILURE(expectProduct(p, r, n, out.floats(r * p.matrix.spec.outStride)[n]));
    }
}

TEST_P(CodebookKernel, SharesGiveTheSameBits) {
  for (const Problem &p : library->problems) {
    Memory many = run(p, 35);
    for (int64_t rows : {1, 4, 9, 35}) {
      Memory whole = run(p, rows);
      ASSERT_EQ(std::memcmp(whole.data(), many.data(), 4 * p.matrix.spec.outputs), 0) << rows << " rows";
      for (int64_t shares = 1; shares <= 4; ++shares) {
        Memory shared = run(p, rows, (shares + 1) / 2, shares);
        ASSERT_EQ(std::memcmp(whole.data(), shared.data(), rows * p.matrix.spec.outStride), 0)
            << rows << " rows, " << shares << " shares";
      }
    }
  }
}

TEST_P(CodebookKernel, KeepsRowsBeyondTheRange) {
  for (const Problem &p : library->problems)
    if (p.matrix.spec.outStride != 4 * p.matrix.spec.outputs) {
      Memory out = run(p, 9);
      for (int64_t r = 9; r < kPaddedRows; ++r)
        for (int64_t n = 0; n < p.matrix.spec.panels() * 16; ++n)
          ASSERT_EQ(out.floats(r * p.matrix.spec.outStride)[n], 0.0f) << "row " << r << " lane " << n;
    }
}

TEST_P(CodebookKernel, ReadsRowsOfTables) {
  test::KernelHarness harness(GetParam());
  std::vector<int> kernels;
  for (const Problem &p : library->problems) {
    const int64_t width = p.matrix.spec.inputs;
    cpu::RowProgram program;
    program.ops = {{cpu::embedding(p.matrix.spec), {}, 0, width, {0}}};
    program.widths = {width};
    program.outputs = {{0, cpu::floatRowBytes(width)}};
    program.weightCount = 1;
    kernels.push_back(harness.add(cpu::rowsKernel(harness.library(), program)));
  }
  harness.build();
  for (size_t t = 0; t < kernels.size(); ++t) {
    const Matrix &table = library->problems[t].matrix;
    const int64_t width = table.spec.inputs, stride = cpu::floatRowBytes(width);
    std::vector<int32_t> ids = {0, 15, int32_t(table.spec.outputs - 1)};
    Memory out(int64_t(ids.size()) * stride);
    harness.call(kernels[t], {out, table.packed, nullptr, ids.data(), nullptr, nullptr, 0, int64_t(ids.size())});
    for (size_t r = 0; r < ids.size(); ++r)
      for (int64_t k = 0; k < stride / 4; ++k)
        ASSERT_EQ(out.floats(int64_t(r) * stride)[k],
                  k < width ? table.numbers[ids[r] * width + k] * table.scales[ids[r]] : 0.0f)
            << "id " << ids[r] << " element " << k;
  }
}

INSTANTIATE_TEST_SUITE_P(Cpus, CodebookKernel,
                         testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "skylake-avx512"})),
                         test::nameOfCpu);

} // namespace
