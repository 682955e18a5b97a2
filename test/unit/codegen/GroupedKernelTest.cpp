// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels on short groups against plain loops: products with weights of 4 to 8 bits and with codebooks, quantization
// of rows, rows of a grouped table; each for CPUs whose code differs. Products of integers are exact, groups are added
// up in f32: with G groups of which each takes three roundings, the error is below (3 G + 2) eps times the sum of
// magnitudes.
#include "codegen/cpu/embedding/EmbeddingRows.h"
#include "codegen/cpu/linear/LinearSpec.h"
#include "codegen/cpu/quantize/QuantizeRows.h"
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

struct Form {
  int64_t bits, group;
  bool hasMin, smallScales = false, codebook = false;
};
const Form kForms[] = {{4, 32, true},
                       {4, 32, false},
                       {8, 32, false},
                       {4, 128, true},
                       {8, 64, false},
                       {4, 16, true},
                       {4, 32, true, true},
                       {4, 32, false, false, true},
                       {3, 64, false, false, true},
                       {2, 48, false, false, true},
                       {5, 64, true},
                       {5, 32, false},
                       {6, 16, false},
                       {6, 32, false}};

struct Shape {
  int64_t outputs, groups; ///< inputs: groups x the form's group
  bool bias, exact;
};
// Below, at and beyond a panel and four panels; odd numbers of groups; results that end with the last number.
const Shape kShapes[] = {
    {16, 1, false, false}, {80, 3, true, false}, {37, 2, true, true}, {200, 5, false, true}, {128, 4, false, false}};

/// A number that f16 holds exactly, and its bits: sixteenths from -1 to 1 have few digits.
struct Half {
  float value;
  uint16_t bits;
};
Half makeHalf(test::Random &random) {
  int exponent = static_cast<int>(random.below(30)) + 1, fraction = static_cast<int>(random.below(1024));
  int sign = static_cast<int>(random.below(2));
  exponent = exponent > 15 ? exponent - 15 : exponent; // 2^-14 .. 2^0
  if (random.below(16) == 0)
    exponent = 0; // subnormal
  float value = exponent ? std::ldexp(1024.0f + fraction, exponent - 25) : std::ldexp(float(fraction), -24);
  return {sign ? -value : value, uint16_t(sign << 15 | exponent << 10 | fraction)};
}

/// A grouped matrix: numbers by element, and packed by the words of LinearSpec.h.
struct Matrix {
  cpu::LinearSpec spec;
  std::vector<int> codes;            // as the weight means them
  std::vector<float> scales, minima; // by output and group
  std::vector<float> bias;
  std::vector<int> entries; // of a codebook
  Memory packed;

  Matrix(const cpu::LinearSpec &spec, uint64_t seed) : spec(spec), packed(spec.bytes()) {
    test::Random random(seed);
    for (int64_t i = 0; spec.codebook && i < 1 << spec.bits; ++i) {
      entries.push_back(static_cast<int>(random.below(255)) - 127);
      packed.data()[spec.tableOffset() + i] = static_cast<char>(entries.back() + 128);
    }
    for (int64_t n = 0; n < spec.outputs; ++n) {
      for (int64_t k = 0; k < spec.inputs; ++k)
        putCode(n, k, random);
      if (spec.smallScales)
        putSmallScales(n, random);
      for (int64_t g = 0; !spec.smallScales && g < spec.inputs / spec.group; ++g) {
        scales.push_back(putHalf(n, g, 0, random));
        minima.push_back(spec.hasMin ? putHalf(n, g, 32, random) : 0);
      }
      bias.push_back(spec.bias ? random.real() : 0);
      if (spec.bias)
        packed.floats(spec.biasOffset())[n] = bias.back();
    }
  }

  int64_t block(int64_t n, int64_t g) const {
    int64_t panel = n / 16, whole = (spec.outputs + 15) / 16 / 4 * 4, groups = spec.inputs / spec.group;
    int64_t size = 16 * spec.group * spec.bits / 8 + (spec.hasMin && !spec.smallScales ? 64 : 32);
    return size * (panel < whole ? panel / 4 * 4 * groups + g * 4 + panel % 4 : panel * groups + g);
  }
  /// Lines of 64 bytes for 32 inputs, fours of inputs from the lowest bits on; of three bits the upper ones apart.
  void putNumber(int64_t n, int64_t k, test::Random &random) {
    int64_t inGroup = k % spec.group, four = inGroup % 32 / 4, low = spec.bits == 3 ? 2 : spec.bits;
    auto number = static_cast<uint8_t>(random.below(1 << spec.bits));
    char *to = packed.data() + block(n, k / spec.group) + inGroup / 32 * 64 * spec.bits + n % 16 * 4 + inGroup % 4;
    char &lower = to[four * low / 8 * 64], &upper = to[2 * 64];
    lower = static_cast<char>(lower | (number & ((1 << low) - 1)) << four * low % 8);
    if (spec.bits == 3)
      upper = static_cast<char>(upper | number >> 2 << four);
    codes.push_back(entries[number]);
  }
  /// Lower four bits of as many inputs as have one line of upper bits: 32 with one each, 16 with two.
  void putPlanes(int64_t n, int64_t k, test::Random &random) {
    int64_t together = spec.bits == 5 ? 32 : 16, four = k % together / 4, upper = spec.bits - 4;
    int stored = static_cast<int>(random.below(1 << spec.bits));
    char *to = packed.data() + block(n, k / spec.group) + k % spec.group / together * (together * 8 + 64) + n % 16 * 4;
    char &low = to[four / 2 * 64 + k % 4], &high = to[together * 8 + k % 4];
    low = static_cast<char>(low | (stored & 15) << four % 2 * 4);
    high = static_cast<char>(high | stored >> 4 << four * upper);
    codes.push_back(stored - (spec.hasMin ? 0 : spec.bits == 5 ? 16 : 32));
  }
  void putCode(int64_t n, int64_t k, test::Random &random) {
    if (spec.codebook)
      return putNumber(n, k, random);
    if (spec.bits == 5 || spec.bits == 6)
      return putPlanes(n, k, random);
    int stored = static_cast<int>(random.below(spec.bits == 8 ? 256 : 16)), inGroup = static_cast<int>(k % spec.group);
    char *to = packed.data() + block(n, k / spec.group);
    if (spec.bits == 8) {
      to[inGroup / 4 * 64 + n % 16 * 4 + inGroup % 4] = static_cast<char>(stored);
    } else {
      char &byte = to[inGroup / 8 * 64 + n % 16 * 4 + inGroup % 4];
      byte = static_cast<char>(byte | (inGroup % 8 < 4 ? stored : stored << 4));
    }
    codes.push_back(stored - (spec.bits == 8 ? 128 : spec.hasMin ? 0 : 8));
  }
  /// Any codes, zero among them; a unit for the row.
  void putSmallScales(int64_t n, test::Random &random) {
    float unit = std::ldexp(static_cast<float>(random.below(65536)), -22);
    packed.floats(spec.unitsOffset())[n] = unit;
    for (int64_t g = 0; g < spec.inputs / spec.group; ++g) {
      auto *to = reinterpret_cast<uint8_t *>(packed.data() + block(n, g) + 16 * spec.group * spec.bits / 8 + n % 16);
      to[0] = static_cast<uint8_t>(random.below(256));
      to[16] = static_cast<uint8_t>(random.below(256));
      scales.push_back(unit * to[0]);
      minima.push_back(-(scales.back() * to[16]) / 16);
    }
  }
  float putHalf(int64_t n, int64_t g, int64_t offset, test::Random &random) {
    Half half = makeHalf(random);
    std::memcpy(packed.data() + block(n, g) + 16 * spec.group * spec.bits / 8 + offset + n % 16 * 2, &half.bits, 2);
    return half.value;
  }
};

cpu::LinearSpec makeSpec(const Form &form, const Shape &shape) {
  cpu::LinearSpec spec;
  spec.outputs = shape.outputs;
  spec.inputs = shape.groups * form.group;
  spec.format = cpu::WeightFormat::Grouped;
  spec.bias = shape.bias;
  spec.outStride = shape.exact ? 4 * shape.outputs : cpu::floatRowBytes(shape.outputs);
  spec.bits = form.bits;
  spec.group = form.group;
  spec.hasMin = form.hasMin;
  spec.smallScales = form.smallScales;
  spec.codebook = form.codebook;
  return spec;
}

/// Rows of codes with the numbers that belong to them.
Memory makeRows(const cpu::LinearSpec &spec, uint64_t seed) {
  cpu::GroupedRow row{spec.inputs, spec.group};
  Memory rows(kPaddedRows * row.bytes());
  test::Random random(seed);
  for (int64_t r = 0; r < kMaxRows; ++r) {
    char *at = rows.data() + r * row.bytes();
    for (int64_t g = 0; g < row.groups(); ++g) {
      int32_t sum = 0;
      for (int64_t k = 0; k < spec.group; ++k) {
        int code = r % 4 == 0 ? 127 : static_cast<int>(random.below(255)) - 127;
        at[row.codeOffset() + g * spec.group + k] = static_cast<char>(code);
        sum += code;
      }
      float scale = std::ldexp(std::abs(random.real()), -static_cast<int>(random.below(25)));
      int64_t base = r * row.bytes() + g * 4;
      *rows.floats(base + cpu::GroupedRow::scaleOffset()) = scale;
      *rows.floats(base + row.sumOffset()) = scale * static_cast<float>(sum);
      *rows.ints(base + row.startOffset(4)) = -8 * sum;
      *rows.ints(base + row.startOffset(8)) = -128 * sum;
    }
  }
  return rows;
}

struct Problem {
  Matrix matrix;
  Memory in;
  int kernel;
};

struct Library {
  test::KernelHarness harness;
  std::vector<Problem> problems;

  /// The first form meets all shapes, the others two: code for narrow registers is long to compile, and longest that
  /// for wide ones in the instructions of a lesser CPU, where the first form meets two, the others one.
  bool isTested(int64_t form, int64_t shape) const {
    if (kForms[form].codebook || kForms[form].bits == 5 || kForms[form].bits == 6) // then comes the code of 8 bits
      return shape == 1;
    if (!harness.target().native())
      return shape == 1 || (form == 0 && shape == 3);
    return form == 0 || shape == 1 || shape == 3;
  }

  explicit Library(const std::string &cpu) : harness(cpu) {
    if (!harness.runsHere())
      return;
    uint64_t seed = 1;
    for (const Form &form : kForms)
      for (const Shape &shape : kShapes) {
        if (!isTested(&form - kForms, &shape - kShapes))
          continue;
        cpu::LinearSpec spec = makeSpec(form, shape);
        problems.push_back({Matrix(spec, seed), makeRows(spec, seed + 1), 0});
        problems.back().kernel = harness.add(cpu::linearKernel(harness.library(), spec));
        seed += 2;
      }
    harness.build();
  }
};

class GroupedKernel : public test::KernelTest<Library> {
protected:
  Memory run(const Problem &p, int64_t rows, int64_t rowShares = 1, int64_t panelShares = 1) {
    const cpu::LinearSpec &spec = p.matrix.spec;
    Memory out(spec.outStride * (spec.outStride == 4 * spec.outputs ? rows : kPaddedRows));
    int64_t units = (rows + 7) / 8;
    for (int64_t i = 0; i < rowShares; ++i)
      for (int64_t j = 0; j < panelShares; ++j)
        library->harness.call(p.kernel, {p.in, p.matrix.packed, out, units * i / rowShares * 8,
                                         std::min(units * (i + 1) / rowShares * 8, rows),
                                         spec.panels() * j / panelShares, spec.panels() * (j + 1) / panelShares});
    return out;
  }

  void expectProduct(const Problem &p, int64_t r, int64_t n, float found) {
    const cpu::LinearSpec &spec = p.matrix.spec;
    cpu::GroupedRow row{spec.inputs, spec.group};
    double wanted = p.matrix.bias[n], magnitude = std::abs(wanted);
    for (int64_t g = 0; g < row.groups(); ++g) {
      int64_t products = 0, total = 0;
      for (int64_t k = g * spec.group; k < (g + 1) * spec.group; ++k) {
        int code = static_cast<int8_t>(p.in.data()[r * row.bytes() + row.codeOffset() + k]);
        products += code * p.matrix.codes[n * spec.inputs + k];
        total += code;
      }
      double scale = *p.in.floats(r * row.bytes() + g * 4 + cpu::GroupedRow::scaleOffset());
      double first = scale * p.matrix.scales[n * row.groups() + g] * double(products);
      double second = scale * p.matrix.minima[n * row.groups() + g] * double(total);
      wanted += first + second;
      magnitude += std::abs(first) + std::abs(second);
    }
    ASSERT_NEAR(found, wanted, (3 * row.groups() + 2) * FLT_EPSILON * magnitude) << "row " << r << " output " << n;
  }
};

std::string nameOf(const cpu::LinearSpec &spec) {
  return "bits " + std::to_string(spec.bits) + " group " + std::to_string(spec.group) + (spec.hasMin ? " min" : "") +
         (spec.smallScales ? " small" : "") + (spec.codebook ? " codebook" : "") + " N " +
         std::to_string(spec.outputs) + " K " + std::to_string(spec.inputs);
}

TEST_P(GroupedKernel, AgreesWithPlainLoops) {
  for (const Problem &p : library->problems)
    for (int64_t rows : {1, 2, 3, 4, 5, 8, 9, 16, 17, 35}) {
      SCOPED_TRACE(nameOf(p.matrix.spec) + " rows " + std::to_string(rows));
      Memory out = run(p, rows);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t n = 0; n < p.matrix.spec.outputs; ++n)
          ASSERT_NO_FATAL_FAILURE(expectProduct(p, r, n, out.floats(r * p.matrix.spec.outStride)[n]));
    }
}

TEST_P(GroupedKernel, SharesGiveTheSameBits) {
  for (const Problem &p : library->problems) {
    SCOPED_TRACE(nameOf(p.matrix.spec));
    for (int64_t rows : {1, 4, 9, 35}) {
      Memory whole = run(p, rows);
      for (int64_t shares = 1; shares <= 5; ++shares) {
        Memory shared = run(p, rows, (shares + 1) / 2, shares);
        ASSERT_EQ(std::memcmp(whole.data(), shared.data(), rows * p.matrix.spec.outStride), 0)
            << rows << " rows, " << shares << " shares";
      }
    }
    Memory many = run(p, 35);
    for (int64_t rows : {1, 4, 9})
      ASSERT_EQ(std::memcmp(run(p, rows).data(), many.data(), 4 * p.matrix.spec.outputs), 0) << rows << " rows";
  }
}

TEST_P(GroupedKernel, KeepsRowsBeyondTheRange) {
  for (const Problem &p : library->problems)
    if (p.matrix.spec.outStride != 4 * p.matrix.spec.outputs) {
      Memory out = run(p, 9);
      for (int64_t r = 9; r < kPaddedRows; ++r)
        for (int64_t n = 0; n < p.matrix.spec.panels() * 16; ++n)
          ASSERT_EQ(out.floats(r * p.matrix.spec.outStride)[n], 0.0f) << "row " << r << " lane " << n;
    }
}

float largestOf(const float *x, int64_t count) {
  float largest = 0;
  for (int64_t k = 0; k < count; ++k)
    largest = std::max(largest, std::abs(x[k]));
  return largest;
}

/// Row `r` of `out` against the definition of lm.quantize_groups and GroupedRow.
void expectQuantized(const cpu::GroupedRow &row, const float *x, const Memory &out, int64_t r) {
  for (int64_t g = 0; g < row.groups(); ++g) {
    int64_t base = r * row.bytes() + g * 4;
    float largest = largestOf(x + g * row.group, row.group);
    bool zero = largest < 0x1p-90f;
    float factor = zero ? 0 : 127 / largest, scale = zero ? 0 : largest / 127;
    ASSERT_EQ(*out.floats(base + cpu::GroupedRow::scaleOffset()), scale) << g;
    int32_t sum = 0;
    for (int64_t k = g * row.group; k < (g + 1) * row.group; ++k) {
      int code = static_cast<int8_t>(out.data()[r * row.bytes() + row.codeOffset() + k]);
      ASSERT_EQ(code, std::nearbyint(x[k] * factor)) << k;
      sum += code;
    }
    EXPECT_EQ(*out.floats(base + row.sumOffset()), scale * static_cast<float>(sum));
    EXPECT_EQ(*out.ints(base + row.startOffset(4)), -8 * sum);
    EXPECT_EQ(*out.ints(base + row.startOffset(8)), -128 * sum);
  }
}

// The codes of a row of every temper: ordinary, nothing, huge, too small to divide by, one value.
TEST_P(GroupedKernel, QuantizesRows) {
  test::KernelHarness harness(GetParam());
  const struct {
    int64_t width, group;
  } sizes[] = {{32, 32}, {576, 32}, {96, 16}, {256, 64}, {640, 128}, {48, 48}};
  std::vector<int> kernels;
  for (auto [width, group] : sizes) {
    cpu::RowProgram program;
    program.ops = {{cpu::quantizeGroups(group), {0}, 1, width}};
    program.widths = {width, width};
    program.inputs = {{0, cpu::floatRowBytes(width), false}};
    program.outputs = {{1, cpu::GroupedRow{width, group}.bytes()}};
    kernels.push_back(harness.add(cpu::rowsKernel(harness.library(), program)));
  }
  harness.build();
  test::Random random(7);
  for (size_t s = 0; s < kernels.size(); ++s) {
    auto [width, group] = sizes[s];
    cpu::GroupedRow row{width, group};
    constexpr int64_t count = 5;
    Memory in(count * cpu::floatRowBytes(width)), out(count * row.bytes()), scratch(64);
    const float factors[count] = {1, 0, 1e38f, 1e-29f, 1};
    for (int64_t r = 0; r < count; ++r)
      for (int64_t k = 0; k < width; ++k)
        in.floats(r * cpu::floatRowBytes(width))[k] =
            r == 4 ? (k % group == 3 ? -2.5f : 0) : std::ldexp(random.heavy() / 8, -int(k / group) * 3) * factors[r];
    harness.call(kernels[s], {in, out, scratch, nullptr, nullptr, nullptr, 0, count});
    for (int64_t r = 0; r < count; ++r) {
      SCOPED_TRACE("width " + std::to_string(width) + " row " + std::to_string(r));
      expectQuantized(row, in.floats(r * cpu::floatRowBytes(width)), out, r);
    }
  }
}

TEST_P(GroupedKernel, ReadsRowsOfTables) {
  test::KernelHarness harness(GetParam());
  std::vector<std::unique_ptr<Matrix>> tables;
  std::vector<int> kernels;
  for (const Form &form : kForms)
    for (int64_t outputs : {64, 90}) {
      tables.push_back(std::make_unique<Matrix>(makeSpec(form, {outputs, 3, false, false}), outputs));
      cpu::RowProgram program;
      const int64_t width = tables.back()->spec.inputs;
      program.ops = {{cpu::embedding(tables.back()->spec), {}, 0, width, {0}}};
      program.widths = {width};
      program.outputs = {{0, cpu::floatRowBytes(width)}};
      program.weightCount = 1;
      kernels.push_back(harness.add(cpu::rowsKernel(harness.library(), program)));
    }
  harness.build();
  for (size_t t = 0; t < tables.size(); ++t) {
    const Matrix &table = *tables[t];
    const cpu::LinearSpec &spec = table.spec;
    std::vector<int32_t> ids = {0, 15, 16, 63, int32_t(spec.outputs - 1)};
    Memory out(int64_t(ids.size()) * cpu::floatRowBytes(spec.inputs));
    harness.call(kernels[t], {out, table.packed, nullptr, ids.data(), nullptr, nullptr, 0, int64_t(ids.size())});
    for (size_t r = 0; r < ids.size(); ++r)
      for (int64_t k = 0; k < spec.inputs; ++k) {
        int64_t group = (ids[r] * spec.inputs + k) / spec.group;
        float product = float(table.codes[ids[r] * spec.inputs + k]) * table.scales[group];
        ASSERT_EQ(out.floats(int64_t(r) * cpu::floatRowBytes(spec.inputs))[k], product + table.minima[group])
            << nameOf(spec) << " id " << ids[r] << " element " << k;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpus, GroupedKernel,
                         testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "alderlake",
                                                           "skylake-avx512"})),
                         test::nameOfCpu);

} // namespace
