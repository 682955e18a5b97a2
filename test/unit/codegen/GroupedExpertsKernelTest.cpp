// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Experts in codes against a composition of the kernels that they are made of, to the bit: the products of all rows
// with each expert's matrices, the row program between them, the sum over experts in order. For each CPU whose kernels
// differ: few rows and many, results without padding, gates that are zero, tokens without an expert, rows dealt out in
// any way.
#include "codegen/cpu/conditional/Experts.h"
#include "codegen/cpu/quantize/QuantizeRows.h"
#include "test/unit/codegen/KernelHarness.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace lmopt;
using test::Memory;

namespace {

constexpr int64_t kRows = 75, kExperts = 6, kNeurons = 64, kInputs = 96;

/// A format of codes.
struct Form {
  int64_t bits, group;
  bool hasMin, smallScales;
};

struct Mixture {
  const char *name;
  Form first, second, last;
  bool up;
  int64_t outputs;
  Activation kind;
};

constexpr Form kFour{4, 32, true, false}, kSmall{4, 32, true, true}, kSix{6, 16, false, false},
    kEight{8, 32, false, false};
constexpr Mixture kMixtures[] = {
    {"as K-quants", kFour, kFour, kSix, true, 48, Activation::Silu},
    {"of eight bits", kEight, kEight, kEight, false, 20, Activation::Gelu},
    {"of two formats", kSmall, kEight, kSmall, true, 20, Activation::Relu},
};

cpu::LinearSpec specOf(const Form &form, int64_t outputs, int64_t inputs) {
  cpu::LinearSpec spec;
  spec.outputs = outputs;
  spec.inputs = inputs;
  spec.format = cpu::WeightFormat::Grouped;
  spec.outStride = cpu::floatRowBytes(outputs);
  spec.bits = form.bits;
  spec.group = form.group;
  spec.hasMin = form.hasMin;
  spec.smallScales = form.smallScales;
  return spec;
}

cpu::ExpertsSpec specOf(const Mixture &mixture) {
  cpu::ExpertsSpec spec;
  spec.experts = kExperts;
  spec.neurons = kNeurons;
  spec.inputs = kInputs;
  spec.outputs = mixture.outputs;
  spec.up = mixture.up;
  spec.kind = mixture.kind;
  spec.outStride = 4 * mixture.outputs;
  spec.mostTokens = 40;
  spec.grouped = {specOf(mixture.first, kNeurons, kInputs), specOf(mixture.second, kNeurons, kInputs),
                  specOf(mixture.last, mixture.outputs, kNeurons)};
  return spec;
}

/// Any codes; scales and minima that f16 has, from 2^-7 to 2^-6.
void fill(char *to, const cpu::LinearSpec &spec, test::Random &random) {
  for (int64_t panel = 0; panel < spec.panels(); ++panel)
    for (int64_t g = 0; g < spec.inputs / spec.group; ++g) {
      char *block = to + spec.unitOffset(panel, g);
      for (int64_t i = 0; i < spec.blockBytes(); ++i)
        block[i] = static_cast<char>(random.below(256));
      auto *halves = reinterpret_cast<uint16_t *>(block + spec.groupCodeBytes());
      for (int64_t i = 0; !spec.smallScales && i < 16 * (spec.hasMin ? 2 : 1); ++i)
        halves[i] = static_cast<uint16_t>(0x2000 + random.below(0x400));
    }
  for (int64_t n = 0; spec.smallScales && n < spec.panels() * 16; ++n)
    reinterpret_cast<float *>(to + spec.unitsOffset())[n] = 0x1p-14f;
}

struct Problem {
  Problem(const Mixture &mixture, uint64_t seed)
      : mixture(mixture), spec(specOf(mixture)), random(seed), floats(kRows * cpu::floatRowBytes(kInputs)),
        in(kPadded * spec.first().inStride()), gates(kRows * 64), weights(spec.bytes()), scratch(spec.scratchBytes()) {
    for (int64_t i = 0; i < floats.size() / 4; ++i)
      floats.floats()[i] = random.real();
    for (int64_t r = 0; r < kRows; ++r) // row 2 has none, row 3 all, some are negative
      for (int64_t e = 0; e < kExperts; ++e)
        gates.floats(r * 64)[e] = r != 3 && (r == 2 || (e * 7 + r) % 3) ? 0 : random.real();
    for (int64_t e = 0; e < kExperts; ++e) {
      char *to = weights.data() + e * spec.expertBytes();
      fill(to, spec.first(), random);
      fill(to + spec.lastOffset(), spec.last(), random);
      if (spec.up)
        fill(to + spec.upOffset(), spec.second(), random);
    }
  }

  void add(test::KernelHarness &harness) {
    cpu::RowProgram codes;
    codes.widths = {kInputs, kInputs};
    codes.inputs = {{0, cpu::floatRowBytes(kInputs), false}};
    codes.outputs = {{1, spec.first().inStride()}};
    codes.ops = {{cpu::quantizeGroups(spec.first().group), {0}, 1, kInputs}};
    quantize = harness.add(cpu::rowsKernel(harness.library(), codes));
    experts = harness.add(cpu::expertsKernel(harness.library(), spec));
    first = harness.add(cpu::linearKernel(harness.library(), spec.first()));
    second = harness.add(cpu::linearKernel(harness.library(), spec.second()));
    last = harness.add(cpu::linearKernel(harness.library(), spec.last()));
    between = harness.add(cpu::rowsKernel(harness.library(), spec.between()));
  }

  void prepare(const test::KernelHarness &harness) const {
    Memory own(64);
    harness.call(quantize, {floats, in, own, nullptr, nullptr, nullptr, 0, kRows});
  }
  Memory run(const test::KernelHarness &harness, const std::vector<int64_t> &borders) const {
    Memory out(kRows * spec.outStride);
    std::fill_n(out.floats(), out.size() / 4, 7.0f); // whatever was there
    for (size_t i = 0; i + 1 < borders.size(); ++i)
      harness.call(experts, {in, gates, weights, out, scratch, borders[i], borders[i + 1]});
    return out;
  }

  /// What an expert gives for all rows.
  Memory resultsOf(const test::KernelHarness &harness, int64_t e) const {
    Memory numbers(kPadded * cpu::floatRowBytes(kNeurons)), upNumbers(kPadded * cpu::floatRowBytes(kNeurons));
    Memory codes(kPadded * spec.last().inStride()), results(kPadded * cpu::floatRowBytes(spec.outputs));
    Memory own(spec.between().scratchBytes());
    const char *matrices = weights.data() + e * spec.expertBytes();
    harness.call(first, {in, matrices, numbers, 0, kRows, 0, spec.first().panels()});
    if (spec.up)
      harness.call(second, {in, matrices + spec.upOffset(), upNumbers, 0, kRows, 0, spec.second().panels()});
    std::vector<test::Argument> arguments{numbers};
    if (spec.up)
      arguments.push_back(upNumbers);
    arguments.insert(arguments.end(), {codes, own, nullptr, nullptr, nullptr, 0, kRows});
    harness.call(between, arguments);
    harness.call(last, {codes, matrices + spec.lastOffset(), results, 0, kRows, 0, spec.last().panels()});
    return results;
  }
  Memory composed(const test::KernelHarness &harness) const {
    Memory out(kRows * spec.outStride);
    std::vector<bool> made(kRows, false);
    for (int64_t e = 0; e < kExperts; ++e) {
      Memory results = resultsOf(harness, e);
      for (int64_t r = 0; r < kRows; ++r)
        if (float gate = gates.floats(r * 64)[e]; gate != 0) {
          const float *result = results.floats(r * cpu::floatRowBytes(spec.outputs));
          float *to = out.floats(r * spec.outStride);
          for (int64_t m = 0; m < spec.outputs; ++m)
            to[m] = !made[r]                     ? gate * result[m]
                    : harness.target().shape.fma ? std::fma(gate, result[m], to[m])
                                                 : gate * result[m] + to[m];
          made[r] = true;
        }
    }
    return out;
  }

  static constexpr int64_t kPadded = 80; ///< rows of tiles
  const Mixture &mixture;
  cpu::ExpertsSpec spec;
  test::Random random;
  Memory floats, in, gates, weights, scratch;
  int quantize, experts, first, second, last, between;
};

class GroupedExperts : public test::KernelTest<test::CompiledProblems<Problem, kMixtures>> {};

TEST_P(GroupedExperts, AreTheirKernelsToTheBit) {
  for (const auto &problem : library->problems) {
    problem->prepare(library->harness);
    Memory found = problem->run(library->harness, {0, kRows}), wanted = problem->composed(library->harness);
    double largest = 0;
    for (int64_t i = 0; i < found.size() / 4; ++i) {
      ASSERT_EQ(found.floats()[i], wanted.floats()[i]) << problem->mixture.name << " row " << i / problem->spec.outputs;
      largest = std::max(largest, std::abs(double(found.floats()[i])));
    }
    EXPECT_GT(largest, 0.01) << problem->mixture.name;
  }
}

TEST_P(GroupedExperts, RowsMayBeDealtOutInAnyWay) {
  for (const auto &problem : library->problems) {
    problem->prepare(library->harness);
    Memory whole = problem->run(library->harness, {0, kRows});
    for (const std::vector<int64_t> &borders :
         {std::vector<int64_t>{0, 1, 4, 20, kRows}, {0, 37, kRows}, {0, 64, 74, kRows}}) {
      Memory parts = problem->run(library->harness, borders);
      ASSERT_EQ(std::memcmp(whole.data(), parts.data(), static_cast<size_t>(whole.size())), 0) << problem->mixture.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cpus, GroupedExperts,
    testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "skylake-avx512", "znver5"})), test::nameOfCpu);
} // namespace
