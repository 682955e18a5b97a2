// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Int8 products whose weights are stored without their zeros: packed weights against the codes, and results, for each
// CPU whose kernels differ, bit for bit against the dense kernel on the same codes and against plain loops, for any
// number of rows and any shares of rows and panels.
#include "codegen/cpu/linear/LinearModel.h"
#include "test/unit/codegen/KernelHarness.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace lmopt;
using test::Memory;

namespace {

constexpr int64_t kMaxRows = 17, kPaddedRows = 24;

struct Shape {
  int64_t outputs, inputs;
  bool bias;
  bool exact;     ///< rows of the result follow one another without padding
  int64_t stored; ///< of 100 steps of a panel, and of 100 codes of these
};

const Shape kShapes[] = {{16, 16, false, false, 50}, {48, 64, true, false, 30}, {80, 30, false, false, 70},
                         {37, 50, true, true, 50},   {100, 17, false, true, 0}, {7, 3, true, true, 100},
                         {200, 96, false, true, 50}, {64, 21, true, true, 90}};

/// A matrix with zeros: whole blocks, and codes in the others; every third panel has all of its steps, or none.
lm::WeightData makeMatrix(const Shape &shape, test::Random &random) {
  lm::WeightData data;
  data.shape = {shape.outputs, shape.inputs};
  data.s8.resize(shape.outputs * shape.inputs);
  for (int64_t n = 0; n < shape.outputs; ++n)
    data.scales.push_back(std::abs(random.real()) / 100);
  for (int64_t panel = 0; panel * 16 < shape.outputs; ++panel)
    for (int64_t step = 0; step * 4 < shape.inputs; ++step) {
      int64_t share = panel % 3 == 2 ? (panel % 2 ? 100 : 0) : shape.stored;
      if (random.below(100) >= share)
        continue;
      for (int64_t n = 16 * panel; n < std::min(16 * panel + 16, shape.outputs); ++n)
        for (int64_t k = 4 * step; k < std::min(4 * step + 4, shape.inputs); ++k)
          data.s8[n * shape.inputs + k] = random.below(100) < share ? random.below(255) - 127 : 0;
    }
  return data;
}

int64_t countStored(const lm::WeightData &data, cpu::WeightFormat format) {
  int64_t rows = data.rows(), columns = data.columns(), count = 0;
  int64_t blockRows = format == cpu::WeightFormat::Blocks ? 16 : 1, blockColumns = blockRows == 16 ? 4 : 1;
  for (int64_t n = 0; n < rows; n += blockRows)
    for (int64_t k = 0; k < columns; k += blockColumns) {
      bool any = false;
      for (int64_t i = n; i < std::min(n + blockRows, rows); ++i)
        for (int64_t j = k; j < std::min(k + blockColumns, columns); ++j)
          any = any || data.s8[i * columns + j] != 0;
      count += any;
    }
  return count;
}

cpu::LinearSpec specOf(const Shape &shape, cpu::WeightFormat format) {
  cpu::LinearSpec spec;
  spec.outputs = shape.outputs;
  spec.inputs = shape.inputs;
  spec.format = format;
  spec.bias = shape.bias;
  spec.outStride = shape.exact ? 4 * shape.outputs : cpu::floatRowBytes(shape.outputs);
  return spec;
}

/// The dense weights by the words of LinearSpec.h.
Memory packDense(const cpu::LinearSpec &s, const lm::WeightData &data) {
  Memory packed(s.bytes());
  for (int64_t n = 0; n < s.outputs; ++n) {
    packed.floats(s.scaleOffset())[n] = data.scales[n];
    for (int64_t k = 0; k < s.inputs; ++k) {
      packed.data()[s.unitOffset(n / 16, k / 4) + n % 16 * 4 + k % 4] = data.s8[n * s.inputs + k];
      packed.ints(s.sumOffset())[n] += data.s8[n * s.inputs + k];
    }
  }
  return packed;
}

Memory packSparse(const cpu::LinearSpec &spec, const lm::WeightData &data) {
  std::vector<char> bytes(spec.bytes());
  cpu::packSparse(spec, data, bytes);
  Memory packed(spec.bytes());
  std::memcpy(packed.data(), bytes.data(), bytes.size());
  return packed;
}

Memory makeRows(const cpu::LinearSpec &spec, test::Random &random) {
  Memory in(kPaddedRows * spec.inStride());
  for (int64_t r = 0; r < kMaxRows; ++r) {
    char *row = in.data() + r * spec.inStride();
    float scale = std::abs(random.real());
    int32_t zero = random.below(256);
    std::memcpy(row, &scale, 4);
    std::memcpy(row + 4, &zero, 4);
    for (int64_t k = 0; k < cpu::roundUp(spec.inputs, 64); ++k) // what lies beyond K must not matter
      row[64 + k] = static_cast<char>(r % 4 == 0 ? 255 : random.below(256));
  }
  return in;
}

struct Problem {
  cpu::LinearSpec dense, sparse;
  lm::WeightData data;
  Memory in, denseWeights, sparseWeights;
  int denseKernel = 0, sparseKernel = 0;
};

Problem makeProblem(const Shape &shape, cpu::WeightFormat format, uint64_t seed) {
  test::Random random(seed);
  cpu::LinearSpec dense = specOf(shape, cpu::WeightFormat::S8Rows), sparse = specOf(shape, format);
  lm::WeightData data = makeMatrix(shape, random);
  sparse.stored = countStored(data, format);
  Memory in = makeRows(sparse, random), denseWeights = packDense(dense, data), sparseWeights = packSparse(sparse, data);
  for (int64_t n = 0; shape.bias && n < shape.outputs; ++n)
    denseWeights.floats(dense.biasOffset())[n] = sparseWeights.floats(sparse.biasOffset())[n] = random.real();
  return {dense, sparse, std::move(data), std::move(in), std::move(denseWeights), std::move(sparseWeights)};
}

//===--- Packing ---===//

/// The codes that a packed weight says, by the words of LinearSpec.h.
std::vector<int8_t> unpack(const cpu::LinearSpec &s, const Memory &packed) {
  std::vector<int8_t> codes(s.panels() * 16 * s.sparseSteps() * 4);
  auto *begins = reinterpret_cast<const int64_t *>(packed.data() + s.beginsOffset());
  auto *stored = reinterpret_cast<const int8_t *>(packed.data() + s.storedOffset());
  auto put = [&](int64_t panel, int64_t step, int64_t byte, int8_t code) {
    codes[(panel * 16 + byte / 4) * s.sparseSteps() * 4 + step * 4 + byte % 4] = code;
  };
  for (int64_t panel = 0; panel < s.panels(); ++panel)
    if (s.format == cpu::WeightFormat::Blocks) {
      auto *places = reinterpret_cast<const uint16_t *>(packed.data() + s.placesOffset());
      for (int64_t block = begins[panel]; block < begins[panel + 1]; ++block)
        for (int64_t byte = 0; byte < 64; ++byte)
          put(panel, places[block], byte, stored[64 * block + byte]);
    } else {
      auto *masks = reinterpret_cast<const uint64_t *>(packed.data() + s.placesOffset()) + panel * s.sparseSteps();
      for (int64_t step = 0, next = begins[panel]; step < s.sparseSteps(); ++step)
        for (int64_t byte = 0; byte < 64; ++byte)
          if (masks[step] >> byte & 1)
            put(panel, step, byte, stored[next++]);
    }
  EXPECT_EQ(begins[s.panels()], s.stored);
  return codes;
}

TEST(SparsePacking, HoldsTheCodes) {
  uint64_t seed = 1;
  for (cpu::WeightFormat format : {cpu::WeightFormat::Blocks, cpu::WeightFormat::Codes})
    for (const Shape &shape : kShapes) {
      SCOPED_TRACE(testing::Message() << int(format) << " N " << shape.outputs << " K " << shape.inputs);
      Problem p = makeProblem(shape, format, seed++);
      std::vector<int8_t> codes = unpack(p.sparse, p.sparseWeights);
      for (int64_t n = 0; n < p.sparse.panels() * 16; ++n)
        for (int64_t k = 0; k < p.sparse.sparseSteps() * 4; ++k)
          ASSERT_EQ(codes[n * p.sparse.sparseSteps() * 4 + k],
                    n < shape.outputs && k < shape.inputs ? p.data.s8[n * shape.inputs + k] : 0)
              << n << " " << k;
    }
}

TEST(SparsePacking, TakesBytesOfWhatIsStored) {
  cpu::LinearSpec spec = specOf({576, 576, false, false, 50}, cpu::WeightFormat::Blocks);
  spec.stored = 2592;                                                  // half of the blocks
  EXPECT_EQ(spec.bytes(), 2 * 36 * 64 + 5 * 64 + 81 * 64 + 2592 * 64); // outputs, 37 begins, places, blocks
  spec.format = cpu::WeightFormat::Codes;
  spec.stored = 576 * 288;
  EXPECT_EQ(spec.bytes(), 2 * 36 * 64 + 5 * 64 + 36 * 144 * 8 + 576 * 288 + 64);
}

//===--- Kernels ---===//

/// All problems for one CPU; compiled once for all tests.
struct Library {
  test::KernelHarness harness;
  std::vector<Problem> problems;

  explicit Library(const std::string &cpu) : harness(cpu) {
    if (!harness.runsHere())
      return;
    uint64_t seed = 1;
    for (cpu::WeightFormat format : {cpu::WeightFormat::Blocks, cpu::WeightFormat::Codes})
      for (const Shape &shape : kShapes) {
        if (!harness.target().native() && &shape != &kShapes[1] && &shape != &kShapes[3])
          continue; // long to compile, where registers are few
        Problem &p = problems.emplace_back(makeProblem(shape, format, seed++));
        p.denseKernel = harness.add(cpu::linearKernel(harness.library(), p.dense));
        p.sparseKernel = harness.add(cpu::linearKernel(harness.library(), p.sparse));
      }
    harness.build();
  }
};

class SparseKernel : public test::KernelTest<Library> {
protected:
  /// With rows and panels from where to where.
  void call(const Problem &p, bool sparse, const test::Argument &out, std::vector<test::Argument> ranges) {
    std::vector<test::Argument> arguments = {p.in, sparse ? p.sparseWeights : p.denseWeights, out};
    arguments.insert(arguments.end(), ranges.begin(), ranges.end());
    if (sparse)
      arguments.push_back(p.sparse.stored);
    library->harness.call(sparse ? p.sparseKernel : p.denseKernel, arguments);
  }

  /// The result of rows [0, rows), dealt out in shares of whole row units and of panels.
  Memory run(const Problem &p, bool sparse, int64_t rows, int64_t rowShares = 1, int64_t panelShares = 1) {
    const cpu::LinearSpec &spec = sparse ? p.sparse : p.dense;
    bool exact = spec.outStride == 4 * spec.outputs;
    Memory out(spec.outStride * (exact ? rows : kPaddedRows));
    int64_t units = (rows + 7) / 8;
    for (int64_t i = 0; i < rowShares; ++i)
      for (int64_t j = 0; j < panelShares; ++j)
        call(p, sparse, out,
             {units * i / rowShares * 8, std::min(units * (i + 1) / rowShares * 8, rows),
              spec.panels() * j / panelShares, spec.panels() * (j + 1) / panelShares});
    return out;
  }

  static float expected(const Problem &p, int64_t r, int64_t n) {
    const char *row = p.in.data() + r * p.sparse.inStride();
    float scale;
    int32_t zero, sum = 0;
    std::memcpy(&scale, row, 4);
    std::memcpy(&zero, row + 4, 4);
    for (int64_t k = 0; k < p.sparse.inputs; ++k)
      sum += (static_cast<uint8_t>(row[64 + k]) - zero) * p.data.s8[n * p.sparse.inputs + k];
    float y = static_cast<float>(sum) * (scale * p.data.scales[n]);
    return p.sparse.bias ? y + p.sparseWeights.floats(p.sparse.biasOffset())[n] : y;
  }
};

TEST_P(SparseKernel, AgreesWithPlainLoopsAndWithTheDenseKernel) {
  for (const Problem &p : library->problems)
    for (int64_t rows : {1, 2, 7, 8, 9, 17}) {
      SCOPED_TRACE(testing::Message() << int(p.sparse.format) << " N " << p.sparse.outputs << " K " << p.sparse.inputs
                                      << " rows " << rows);
      Memory out = run(p, true, rows), dense = run(p, false, rows);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t n = 0; n < p.sparse.outputs; ++n) {
          ASSERT_EQ(out.floats(r * p.sparse.outStride)[n], expected(p, r, n)) << "row " << r << " output " << n;
          ASSERT_EQ(std::memcmp(out.floats(r * p.sparse.outStride) + n, dense.floats(r * p.dense.outStride) + n, 4), 0);
        }
    }
}

TEST_P(SparseKernel, KeepsRowsBeyondTheRangeAndLanesBeyondTheWidth) {
  for (const Problem &p : library->problems) {
    if (p.sparse.outStride == 4 * p.sparse.outputs)
      continue;
    Memory out = run(p, true, 9);
    for (int64_t r = 0; r < kPaddedRows; ++r)
      for (int64_t n = r < 9 ? p.sparse.outputs : 0; n < p.sparse.panels() * 16; ++n)
        ASSERT_EQ(out.floats(r * p.sparse.outStride)[n], 0.0f) << "row " << r << " lane " << n;
  }
}

TEST_P(SparseKernel, SharesGiveTheSameBits) {
  for (const Problem &p : library->problems) {
    SCOPED_TRACE(testing::Message() << int(p.sparse.format) << " N " << p.sparse.outputs << " K " << p.sparse.inputs);
    for (int64_t rows : {1, 9, 17}) {
      Memory whole = run(p, true, rows);
      for (int64_t panelShares = 1; panelShares <= 5; ++panelShares)
        for (int64_t rowShares = 1; rowShares <= 3; ++rowShares) {
          Memory shared = run(p, true, rows, rowShares, panelShares);
          ASSERT_EQ(std::memcmp(whole.data(), shared.data(), rows * p.sparse.outStride), 0)
              << rows << " rows, " << panelShares << " shares of panels, " << rowShares << " of rows";
        }
    }
    Memory one = run(p, true, 1), many = run(p, true, 17);
    ASSERT_EQ(std::memcmp(one.data(), many.data(), 4 * p.sparse.outputs), 0);
  }
}

TEST_P(SparseKernel, EmptyRangesTouchNothing) {
  for (const Problem &p : library->problems) {
    call(p, true, nullptr, {8, 8, 0, p.sparse.panels()});
    call(p, true, nullptr, {0, 8, 1, 1});
    call(p, true, nullptr, {0, 1, 1, 1});
  }
}

// Whatever a damaged file says of places, nothing outside is read: memory ends where it can no longer be touched.
TEST_P(SparseKernel, DamagedPlacesReadNothingOutside) {
  for (const Problem &p : library->problems) {
    char *places = p.sparseWeights.data() + p.sparse.beginsOffset();
    const std::vector<char> good(places, places + p.sparse.storedOffset() - p.sparse.beginsOffset());
    for (uint8_t byte : {0xff, 0x7f, 0x80, 0x01}) {
      std::memset(places, byte, good.size());
      for (int64_t rows : {1, 2, 17})
        run(p, true, rows);
    }
    std::memcpy(places, good.data(), good.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Cpus, SparseKernel,
                         testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "alderlake",
                                                           "skylake-avx512", "znver5"})),
                         test::nameOfCpu);

TEST(SparseKernelNames, TellTheFormat) {
  test::KernelHarness harness("icelake-server", cpu::DotIsa::Avx512Vnni);
  cpu::LinearSpec spec = specOf({960, 576, false, true, 50}, cpu::WeightFormat::Blocks);
  spec.stored = 100;
  std::string name = "linear_u8s8blocks_n960_k576_tile8x1_avx512vnni";
  EXPECT_EQ(cpu::linearKernel(harness.library(), spec), name);
  spec.stored = 200;
  EXPECT_EQ(cpu::linearKernel(harness.library(), spec), name) << "one kernel, whatever is stored";
  spec.format = cpu::WeightFormat::Codes;
  EXPECT_EQ(cpu::linearKernel(harness.library(), spec), "linear_u8s8codes_n960_k576_tile8x1_avx512vnni");
}

} // namespace
