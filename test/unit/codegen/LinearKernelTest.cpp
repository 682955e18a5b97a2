// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products against plain loops, for each CPU whose kernels differ: ragged outputs and depths, all tile
// remainders, results in memory that ends with the last number, shares of rows and panels, codes as words. Integer
// products must agree bit for bit, products of f32 and of bf16 within the rounding of their sum: K * eps * sum |x| |w|.
#include "codegen/cpu/linear/LinearSpec.h"
#include "test/unit/codegen/KernelHarness.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>

using namespace lmopt;
using test::Memory;

namespace {

constexpr int64_t kMaxRows = 17, kPaddedRows = 24;

struct Shape {
  int64_t outputs, inputs;
  bool bias;
  bool exact; ///< rows of the result follow one another without padding
};

// N below, at and beyond a panel, a tile of three and of four panels; K odd, not a multiple of 4 and of 16.
const Shape kShapes[] = {{16, 16, false, false}, {48, 64, true, false}, {80, 30, false, false}, {37, 50, true, true},
                         {100, 17, false, true}, {7, 3, true, true},    {200, 96, false, true}, {64, 21, true, true}};

struct Problem {
  cpu::LinearSpec spec;
  Memory in, weights;
  std::vector<float> matrix, bias, scales, x; // x: the floats of the input
  std::vector<int8_t> codes;
  int kernel = 0;
  int64_t rows = kMaxRows;
};

float *place(Memory &memory, int64_t offset) { return memory.floats(offset); }

// Packs by the words of LinearSpec.h, not by link::packWeight: layout and packing are tested against one another
// elsewhere.
void packFloat(Problem &p, test::Random &random) {
  const cpu::LinearSpec &s = p.spec;
  for (int64_t i = 0; i < s.outputs * s.inputs; ++i)
    p.matrix.push_back(random.real());
  for (int64_t n = 0; n < s.outputs; ++n)
    for (int64_t k = 0; k < s.inputs; ++k)
      place(p.weights, 0)[s.unitOffset(n / 16, k) / 4 + n % 16] = p.matrix[n * s.inputs + k];
  for (int64_t r = 0; r < kMaxRows; ++r)
    for (int64_t k = 0; k < s.inputs; ++k) {
      p.x.push_back(random.heavy());
      p.in.floats(r * cpu::floatRowBytes(s.inputs))[k] = p.x.back();
    }
}

void packHalves(Problem &p, test::Random &random) {
  const cpu::LinearSpec &s = p.spec;
  auto *weights = reinterpret_cast<uint16_t *>(p.weights.data());
  for (int64_t n = 0; n < s.outputs; ++n)
    for (int64_t k = 0; k < s.inputs; ++k) {
      uint16_t half = test::toBf16(random.real());
      p.matrix.push_back(test::fromBf16(half));
      weights[s.unitOffset(n / 16, k / 2) / 2 + n % 16 * 2 + k % 2] = half;
    }
  for (int64_t r = 0; r < kMaxRows; ++r)
    for (int64_t k = 0; k < s.inputs; ++k) {
      uint16_t half = test::toBf16(random.heavy());
      p.x.push_back(test::fromBf16(half));
      reinterpret_cast<uint16_t *>(p.in.data() + r * s.inStride())[k] = half;
    }
}

void packInteger(Problem &p, test::Random &random) {
  const cpu::LinearSpec &s = p.spec;
  for (int64_t n = 0; n < s.outputs; ++n) {
    int32_t sum = 0;
    for (int64_t k = 0; k < s.inputs; ++k) {
      int8_t code = n % 5 == 0 ? (n % 2 ? 127 : -127) : random.below(255) - 127;
      p.codes.push_back(code);
      sum += code;
      p.weights.data()[s.unitOffset(n / 16, k / 4) + n % 16 * 4 + k % 4] = code;
    }
    p.scales.push_back(std::abs(random.real()) / 100);
    place(p.weights, s.scaleOffset())[n] = p.scales.back();
    p.weights.ints(s.sumOffset())[n] = sum;
  }
  for (int64_t r = 0; r < p.rows; ++r) {
    char *row = p.in.data() + r * cpu::quantRowBytes(s.inputs);
    float scale = std::abs(random.real());
    int32_t zero = random.below(256);
    std::memcpy(row, &scale, 4);
    std::memcpy(row + 4, &zero, 4);
    for (int64_t k = 0; k < cpu::roundUp(s.inputs, 64); ++k) // what lies beyond K must not matter
      row[64 + k] = static_cast<char>(r % 4 == 0 ? 255 : random.below(256));
  }
}

Problem makeProblem(const Shape &shape, cpu::WeightFormat format, uint64_t seed, int64_t rows = kMaxRows) {
  cpu::LinearSpec spec;
  spec.outputs = shape.outputs;
  spec.inputs = shape.inputs;
  spec.format = format;
  spec.bias = shape.bias;
  spec.outStride = shape.exact ? 4 * shape.outputs : cpu::floatRowBytes(shape.outputs);
  const int64_t padded = std::max(kPaddedRows, cpu::roundUp(rows, 8));
  Problem p{spec, Memory(padded * spec.inStride()), Memory(spec.bytes()), {}, {}, {}, {}, {}};
  p.rows = rows;
  test::Random random(seed);
  if (spec.integer())
    packInteger(p, random);
  else if (spec.bf16())
    packHalves(p, random);
  else
    packFloat(p, random);
  for (int64_t n = 0; spec.bias && n < spec.outputs; ++n) {
    p.bias.push_back(random.real());
    place(p.weights, spec.biasOffset())[n] = p.bias.back();
  }
  return p;
}

void expectInteger(const Problem &p, int64_t r, int64_t n, float found) {
  const char *row = p.in.data() + r * cpu::quantRowBytes(p.spec.inputs);
  float scale;
  int32_t zero, sum = 0;
  std::memcpy(&scale, row, 4);
  std::memcpy(&zero, row + 4, 4);
  for (int64_t k = 0; k < p.spec.inputs; ++k)
    sum += (static_cast<uint8_t>(row[64 + k]) - zero) * p.codes[n * p.spec.inputs + k];
  float wanted = static_cast<float>(sum) * (scale * p.scales[n]);
  if (p.spec.bias)
    wanted += p.bias[n];
  EXPECT_EQ(found, wanted) << "row " << r << " output " << n;
}

void expectFloat(const Problem &p, int64_t r, int64_t n, float found) {
  double sum = 0, magnitude = 0;
  for (int64_t k = 0; k < p.spec.inputs; ++k) {
    double product = double(p.x[r * p.spec.inputs + k]) * p.matrix[n * p.spec.inputs + k];
    sum += product;
    magnitude += std::abs(product);
  }
  if (p.spec.bias) {
    sum += p.bias[n];
    magnitude += std::abs(p.bias[n]);
  }
  EXPECT_NEAR(found, sum, (p.spec.inputs + 1) * FLT_EPSILON * magnitude) << "row " << r << " output " << n;
}

/// All problems for one CPU; compiled once for all tests.
struct Library {
  test::KernelHarness harness;
  std::vector<Problem> problems;

  /// In the instructions of a lesser CPU: long to compile, where registers are few.
  bool isSpelled() const { return !harness.target().native(); }
  /// What AVX512_BF16 does not change is then the code of a CPU without it.
  std::vector<cpu::WeightFormat> formats() const {
    if (isSpelled() && harness.target().shape.bf16)
      return {cpu::WeightFormat::Bf16};
    return {cpu::WeightFormat::F32, cpu::WeightFormat::Bf16, cpu::WeightFormat::S8Rows};
  }

  void addProblem(Problem problem, bool words = false) {
    problem.spec.words = words;
    problem.kernel = harness.add(cpu::linearKernel(harness.library(), problem.spec));
    problems.push_back(std::move(problem));
  }

  explicit Library(const std::string &cpu) : harness(cpu) {
    if (!harness.runsHere())
      return;
    uint64_t seed = 1;
    for (cpu::WeightFormat format : formats())
      for (const Shape &shape : kShapes) {
        if (isSpelled() && &shape != &kShapes[1] && &shape != &kShapes[3] && &shape != &kShapes[4])
          continue; // a tile of three panels with nothing beyond, all that is ragged, two tiles and a panel
        addProblem(makeProblem(shape, format, seed++));
        if (problems.back().spec.hasWords() && harness.target().shape.words)
          addProblem(makeProblem(shape, format, seed++), /*words=*/true);
      }
    harness.build();
  }
};

/// The arguments of a kernel: (in, weights, out, [scratch,] rows, panels).
std::vector<test::Argument> arguments(const Problem &p, const Memory &out, const Memory &scratch, int64_t rowBegin,
                                      int64_t rowEnd, int64_t panelBegin, int64_t panelEnd) {
  std::vector<test::Argument> all = {p.in, p.weights, out};
  if (p.spec.usesScratch())
    all.push_back(scratch);
  for (int64_t number : {rowBegin, rowEnd, panelBegin, panelEnd})
    all.push_back(number);
  return all;
}

class LinearKernel : public test::KernelTest<Library> {
protected:
  /// The result of rows [0, rows), dealt out in shares of whole row units and of panels.
  Memory run(const Problem &p, int64_t rows, int64_t rowShares = 1, int64_t panelShares = 1) {
    bool exact = p.spec.outStride == 4 * p.spec.outputs;
    Memory out(p.spec.outStride * (exact ? rows : kPaddedRows)), scratch(cpu::linearScratchBytes(p.spec));
    int64_t units = (rows + 7) / 8;
    for (int64_t i = 0; i < rowShares; ++i)
      for (int64_t j = 0; j < panelShares; ++j)
        library->harness.call(p.kernel,
                              arguments(p, out, scratch, units * i / rowShares * 8,
                                        std::min(units * (i + 1) / rowShares * 8, rows),
                                        p.spec.panels() * j / panelShares, p.spec.panels() * (j + 1) / panelShares));
    return out;
  }
};

TEST_P(LinearKernel, AgreesWithPlainLoops) {
  for (const Problem &p : library->problems)
    for (int64_t rows : {1, 2, 7, 8, 9, 17}) {
      SCOPED_TRACE(testing::Message() << (p.spec.integer() ? "u8s8"
                                          : p.spec.bf16()  ? "bf16"
                                                           : "f32")
                                      << " N " << p.spec.outputs << " K " << p.spec.inputs << " rows " << rows);
      Memory out = run(p, rows);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t n = 0; n < p.spec.outputs; ++n) {
          float found = out.floats(r * p.spec.outStride)[n];
          if (p.spec.integer())
            expectInteger(p, r, n, found);
          else
            expectFloat(p, r, n, found);
        }
    }
}

TEST_P(LinearKernel, KeepsRowsBeyondTheRangeAndLanesBeyondTheWidth) {
  for (const Problem &p : library->problems) {
    if (p.spec.outStride == 4 * p.spec.outputs)
      continue;
    Memory out = run(p, 9);
    for (int64_t r = 0; r < kPaddedRows; ++r)
      for (int64_t n = r < 9 ? p.spec.outputs : 0; n < p.spec.panels() * 16; ++n)
        ASSERT_EQ(out.floats(r * p.spec.outStride)[n], 0.0f) << "row " << r << " lane " << n;
  }
}

// Who computes what never changes a bit: shares of panels, shares of rows (one thread's share may be a single row,
// which another kernel body serves), and a row alone against the same row among others.
TEST_P(LinearKernel, SharesGiveTheSameBits) {
  for (const Problem &p : library->problems) {
    SCOPED_TRACE(testing::Message() << (p.spec.integer() ? "u8s8"
                                        : p.spec.bf16()  ? "bf16"
                                                         : "f32")
                                    << " N " << p.spec.outputs << " K " << p.spec.inputs);
    for (int64_t rows : {1, 9, 17}) {
      Memory whole = run(p, rows);
      for (int64_t panelShares = 1; panelShares <= 5; ++panelShares)
        for (int64_t rowShares = 1; rowShares <= 3; ++rowShares) {
          Memory shared = run(p, rows, rowShares, panelShares);
          ASSERT_EQ(std::memcmp(whole.data(), shared.data(), rows * p.spec.outStride), 0)
              << rows << " rows, " << panelShares << " shares of panels, " << rowShares << " of rows";
        }
    }
    Memory one = run(p, 1), many = run(p, 17);
    ASSERT_EQ(std::memcmp(one.data(), many.data(), 4 * p.spec.outputs), 0);
  }
}

TEST_P(LinearKernel, EmptyRangesTouchNothing) {
  Memory nothing(64), scratch(1 << 20); // long rows may be widened before it shows that there are no panels
  for (const Problem &p : library->problems) {
    library->harness.call(p.kernel, arguments(p, nothing, scratch, 8, 8, 0, p.spec.panels()));
    library->harness.call(p.kernel, arguments(p, nothing, scratch, 0, 8, 1, 1));
    library->harness.call(p.kernel, arguments(p, nothing, scratch, 0, 17, 1, 1));
    library->harness.call(p.kernel, arguments(p, nothing, scratch, 0, 1, 1, 1));
  }
}

// Rows in more than one block and inputs in more than one chunk, whose last is shorter; rows beyond the range stay.
TEST(LinearWords, WalkBlocksOfRowsAndChunksOfInputs) {
  test::KernelHarness harness("x86-64-v3");
  if (!harness.runsHere())
    GTEST_SKIP() << "this CPU lacks instructions of x86-64-v3";
  constexpr int64_t rows = 131, padded = 136;
  std::vector<Problem> problems;
  for (int64_t inputs : {641, 1403}) {
    problems.push_back(makeProblem({37, inputs, true, false}, cpu::WeightFormat::S8Rows, inputs, padded));
    problems.back().spec.words = true;
    problems.back().kernel = harness.add(cpu::linearKernel(harness.library(), problems.back().spec));
  }
  harness.build();
  for (const Problem &p : problems) {
    Memory out(p.spec.outStride * padded), scratch(cpu::linearScratchBytes(p.spec));
    harness.call(p.kernel, arguments(p, out, scratch, 0, rows, 0, p.spec.panels()));
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t n = 0; n < p.spec.outputs; ++n)
        expectInteger(p, r, n, out.floats(r * p.spec.outStride)[n]);
    EXPECT_EQ(std::count(out.floats(rows * p.spec.outStride), out.floats(padded * p.spec.outStride), 0.0f),
              (padded - rows) * p.spec.outStride / 4);
  }
}

INSTANTIATE_TEST_SUITE_P(Cpus, LinearKernel,
                         testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "alderlake",
                                                           "skylake-avx512", "znver5"})),
                         test::nameOfCpu);

TEST(LinearKernelNames, TellShapesTileAndIsa) {
  test::KernelHarness harness("icelake-server", cpu::DotIsa::Avx512Vnni);
  cpu::LinearSpec spec;
  spec.outputs = 960;
  spec.inputs = 576;
  spec.format = cpu::WeightFormat::S8Rows;
  spec.outStride = 4 * 960;
  EXPECT_EQ(cpu::linearKernel(harness.library(), spec), "linear_u8s8_n960_k576_tile8x3_avx512vnni");
  EXPECT_EQ(cpu::linearKernel(harness.library(), spec), "linear_u8s8_n960_k576_tile8x3_avx512vnni")
      << "asked for twice, made once";
  spec.outputs = 30;
  spec.outStride = 4 * 30;
  spec.bias = true;
  spec.format = cpu::WeightFormat::F32;
  EXPECT_EQ(cpu::linearKernel(harness.library(), spec), "linear_f32_n30_k576_bias_packed_tile8x3");
  spec.format = cpu::WeightFormat::Bf16;
  EXPECT_EQ(cpu::linearKernel(harness.library(), spec), "linear_bf16_n30_k576_bias_packed_tile8x3");
}

} // namespace
