// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gates, experts and products without zeros against their meanings (dialects/lm/conditional/Reference.h), for each CPU
// whose kernels differ: few rows and many, results without padding, equal scores, NaN, gates that are zero, one or
// neither, tokens without an expert, rows dealt out in any way.
#include "codegen/cpu/conditional/Experts.h"
#include "codegen/cpu/conditional/Gates.h"
#include "codegen/cpu/conditional/NonzeroLinear.h"
#include "dialects/lm/conditional/Reference.h"
#include "test/unit/codegen/KernelHarness.h"

#include "gtest/gtest.h"

#include <cmath>
#include <functional>
#include <limits>
#include <set>

using namespace lmopt;
namespace reference = lmopt::lm::reference;
using test::Memory;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Rows of floats as kernels want them, and as the reference does.
struct Rows {
  Rows(int64_t rows, int64_t width) : tensor(reference::Tensor::ofF32({1, rows, width})) {}
  reference::Tensor tensor;
  float &at(int64_t r, int64_t k) { return tensor.f32[r * tensor.width() + k]; }
  Memory padded() const {
    int64_t stride = cpu::floatRowBytes(tensor.width());
    Memory memory(tensor.rows() * stride);
    for (int64_t r = 0; r < tensor.rows(); ++r)
      std::copy_n(&tensor.f32[r * tensor.width()], tensor.width(), memory.floats(r * stride));
    return memory;
  }
};

Rows randomRows(int64_t rows, int64_t width, uint64_t seed) {
  Rows made(rows, width);
  test::Random random(seed);
  for (float &x : made.tensor.f32)
    x = random.real();
  return made;
}

reference::Weight weightOf(const Rows &rows) {
  reference::Weight weight;
  weight.rows = rows.tensor.rows();
  weight.columns = rows.tensor.width();
  weight.f32 = rows.tensor.f32.data();
  return weight;
}

/// A matrix as panels (LinearSpec.h).
void packPanels(char *to, const cpu::LinearSpec &spec, const std::function<float(int64_t, int64_t)> &number) {
  for (int64_t n = 0; n < spec.outputs; ++n)
    for (int64_t k = 0; k < spec.inputs; ++k)
      *reinterpret_cast<float *>(to + spec.unitOffset(n / 16, k) + n % 16 * 4) = number(n, k);
}

/// The kernels of one problem: called with rows from .. to, gives results of `width` numbers without or with padding.
using Call = std::function<void(const test::KernelHarness &, Memory &out, int64_t begin, int64_t end)>;

struct Problem {
  std::string name;
  int64_t width = 0, stride = 0; ///< of the result
  reference::Tensor expected;
  double tolerance = 0;
  Call call;
};

struct Library {
  explicit Library(const std::string &cpu) : harness(cpu) {
    for (int64_t count : {1, 2, 5, 16})
      addTreeGates(count);
    addTopGates(3, "chosen", cpu::TopGatesSpec::Softmax::Chosen);
    addTopGates(21, "all", cpu::TopGatesSpec::Softmax::All);
    addTopGates(1, "none", cpu::TopGatesSpec::Softmax::None);
    addExperts(true, false, true, 20);
    addExperts(false, true, false, 48);
    for (auto format : {cpu::RowNumber::F32, cpu::RowNumber::Bf16, cpu::RowNumber::S8})
      addNonzero(format, format != cpu::RowNumber::Bf16);
    harness.build();
  }
  test::KernelHarness harness;
  std::vector<Problem> problems;

  static constexpr int64_t kRows = 75;

  void addTreeGates(int64_t count) {
    auto x = std::make_shared<Rows>(randomRows(kRows, 37, 1)), w = std::make_shared<Rows>(randomRows(15, 37, 2));
    for (int64_t k = 0; k < 37; ++k)
      x->at(3, k) = 0;
    std::vector<float> bias(15, 0);
    bias[4] = 0.3f;
    Problem problem{"tree gates " + std::to_string(count), 16, count % 2 ? 64 : 64, {}, 0, {}};
    problem.expected = reference::treeGates(x->tensor, weightOf(*w), bias.data(), count, count == 2);
    auto in = std::make_shared<Memory>(x->padded());
    if (count == 1)
      problem.call = oneLeaf(in, *w, bias);
    else
      problem.call = severalLeaves(in, *w, bias, count);
    problems.push_back(std::move(problem));
  }
  Call oneLeaf(const std::shared_ptr<Memory> &in, Rows &w, const std::vector<float> &bias) {
    cpu::TreeGatesSpec spec;
    spec.descent.rows = {15, 37, 0};
    spec.descent.levels = 4;
    spec.descent.mostTokens = 64;
    spec.outStride = 64;
    auto weights = std::make_shared<Memory>(spec.descent.rows.bytes());
    for (int64_t n = 0; n < 15; ++n) {
      double squares = 0;
      for (int64_t k = 0; k < 37; ++k) {
        weights->floats(n * spec.descent.rows.rowBytes())[k] = w.at(n, k);
        squares += double(w.at(n, k)) * w.at(n, k);
      }
      float *numbers = weights->floats(spec.descent.rows.numbersOffset() + n * cpu::NeuronRows::kNumbersBytes);
      numbers[0] = bias[n];
      numbers[1] = static_cast<float>(std::sqrt(squares) * 1.0001) + cpu::kLeastNorm;
    }
    auto scratch = std::make_shared<Memory>(spec.descent.scratchBytes());
    int kernel = harness.add(cpu::treeGatesKernel(harness.library(), spec));
    return [=](const test::KernelHarness &h, Memory &out, int64_t begin, int64_t end) {
      h.call(kernel, {*in, *weights, out, *scratch, begin, end});
    };
  }
  Call severalLeaves(const std::shared_ptr<Memory> &in, Rows &w, const std::vector<float> &bias, int64_t count) {
    cpu::SeveralGatesSpec spec;
    spec.nodes = {15, 37, cpu::WeightFormat::F32, true, 64};
    spec.count = count;
    spec.tieRight = count == 2;
    spec.outStride = 64;
    auto weights = std::make_shared<Memory>(spec.nodes.bytes());
    packPanels(weights->data(), spec.nodes, [&](int64_t n, int64_t k) { return w.at(n, k); });
    std::copy(bias.begin(), bias.end(), weights->floats(spec.nodes.biasOffset()));
    auto scratch = std::make_shared<Memory>(spec.scratchBytes());
    int kernel = harness.add(cpu::severalGatesKernel(harness.library(), spec));
    return [=](const test::KernelHarness &h, Memory &out, int64_t begin, int64_t end) {
      h.call(kernel, {*in, *weights, out, *scratch, begin, end});
    };
  }

  // Rows with equal scores, with none that is a number, with infinite ones.
  void addTopGates(int64_t count, const char *softmax, cpu::TopGatesSpec::Softmax kind) {
    Rows x = randomRows(kRows, 21, 3);
    for (int64_t k = 0; k < 21; ++k) {
      x.at(1, k) = 0.5f;
      x.at(2, k) = static_cast<float>(k % 3);
      x.at(5, k) = k % 2 ? -0.0f : 0.0f;
    }
    x.at(4, 20) = -kInfinity;
    if (kind == cpu::TopGatesSpec::Softmax::None) // sums of powers are no numbers with these
      for (int64_t k = 0; k < 21; ++k)
        x.at(3, k) = std::nanf(""), x.at(6, k) = k == 7 ? -kInfinity : std::nanf("");
    cpu::TopGatesSpec spec{21, count, kind, 21 * 4};
    Problem problem{std::string("top gates ") + softmax,           21,   spec.outStride,
                    reference::topGates(x.tensor, count, softmax), 1e-6, {}};
    auto in = std::make_shared<Memory>(x.padded()), scratch = std::make_shared<Memory>(spec.scratchBytes());
    int kernel = harness.add(cpu::topGatesKernel(harness.library(), spec));
    problem.call = [=](const test::KernelHarness &h, Memory &out, int64_t begin, int64_t end) {
      h.call(kernel, {*in, out, *scratch, begin, end});
    };
    problems.push_back(std::move(problem));
  }

  // Gates: most zero; row 2 has none, row 3 all, some are negative.
  void addExperts(bool bias, bool up, bool valuesBias, int64_t outputs) {
    constexpr int64_t kExperts = 18, kNeurons = 23, kInputs = 35;
    Rows x = randomRows(kRows, kInputs, 4), gates = randomRows(kRows, kExperts, 5);
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t g = 0; g < kExperts; ++g)
        if (r != 3 && (r == 2 || (g * 7 + r) % 6))
          gates.at(r, g) = 0;
    Rows w = randomRows(kExperts * kNeurons, kInputs, 6), u = randomRows(kExperts * kNeurons, kInputs, 7);
    Rows v = randomRows(kExperts * kNeurons, outputs, 8), b = randomRows(1, kExperts * kNeurons, 9);
    Rows c = randomRows(kExperts, outputs, 10);
    cpu::ExpertsSpec spec{kExperts, kNeurons,   kInputs,          outputs,     bias,
                          up,       valuesBias, Activation::Gelu, outputs * 4, 40};
    reference::Experts experts{weightOf(w),
                               weightOf(v),
                               bias ? b.tensor.f32.data() : nullptr,
                               up ? u.tensor.f32.data() : nullptr,
                               valuesBias ? c.tensor.f32.data() : nullptr,
                               Activation::Gelu};
    auto weights = std::make_shared<Memory>(spec.bytes());
    for (int64_t e = 0; e < kExperts; ++e) {
      char *to = weights->data() + e * spec.expertBytes();
      packPanels(to, spec.first(), [&](int64_t n, int64_t k) { return w.at(e * kNeurons + n, k); });
      packPanels(to + spec.lastOffset(), spec.last(), [&](int64_t n, int64_t k) { return v.at(e * kNeurons + k, n); });
      if (up)
        packPanels(to + spec.upOffset(), spec.second(),
                   [&](int64_t n, int64_t k) { return u.at(e * kNeurons + n, k); });
      for (int64_t n = 0; bias && n < kNeurons; ++n)
        reinterpret_cast<float *>(to + spec.first().biasOffset())[n] = b.at(0, e * kNeurons + n);
      for (int64_t m = 0; valuesBias && m < outputs; ++m)
        reinterpret_cast<float *>(to + spec.lastOffset() + spec.last().biasOffset())[m] = c.at(e, m);
    }
    Problem problem{"experts", outputs, spec.outStride, reference::experts(x.tensor, gates.tensor, experts), 0, {}};
    // Sums of 35 and 23 terms up to 1 and 6, then of up to 18 experts: 60 roundings of numbers up to 18 * 23 * 6.
    problem.tolerance = 60 * 0x1p-24 * 18 * 23 * (up ? 36 : 6);
    auto in = std::make_shared<Memory>(x.padded()), chosen = std::make_shared<Memory>(gates.padded());
    auto scratch = std::make_shared<Memory>(spec.scratchBytes());
    int kernel = harness.add(cpu::expertsKernel(harness.library(), spec));
    problem.call = [=](const test::KernelHarness &h, Memory &out, int64_t begin, int64_t end) {
      h.call(kernel, {*in, *chosen, *weights, out, *scratch, begin, end});
    };
    problems.push_back(std::move(problem));
  }

  // Two of three numbers are zero, of either sign; the weights of input 0, which always is, are infinite.
  void addNonzero(cpu::RowNumber format, bool bias) {
    constexpr int64_t kInputs = 53, kOutputs = 300;
    Rows x = randomRows(kRows, kInputs, 11), v = randomRows(kInputs, kOutputs, 12), b = randomRows(1, kOutputs, 13);
    for (int64_t r = 0; r < kRows; ++r)
      for (int64_t k = 0; k < kInputs; ++k)
        if (k == 0 || (r + k) % 3)
          x.at(r, k) = k % 2 ? -0.0f : 0.0f;
    cpu::NonzeroSpec spec;
    spec.rows = {kInputs, 0, kOutputs, cpu::RowNumber::F32, format};
    spec.bias = bias;
    spec.outStride = 4 * kOutputs;
    spec.mostTokens = 32;
    auto weights = std::make_shared<Memory>(spec.bytes());
    for (int64_t k = 0; k < kInputs; ++k)
      for (int64_t m = 0; m < kOutputs; ++m)
        storeWeight(*weights, spec, v, k, m);
    std::copy_n(b.tensor.f32.begin(), kOutputs, weights->floats(spec.biasOffset()));
    Problem problem{"nonzero", kOutputs, spec.outStride, {}, 53 * 0x1p-24 * 53, {}};
    problem.expected = reference::nonzeroLinear(x.tensor, weightOf(v), bias ? b.tensor.f32.data() : nullptr);
    auto in = std::make_shared<Memory>(x.padded()), scratch = std::make_shared<Memory>(spec.scratchBytes());
    int kernel = harness.add(cpu::nonzeroLinearKernel(harness.library(), spec));
    problem.call = [=](const test::KernelHarness &h, Memory &out, int64_t begin, int64_t end) {
      h.call(kernel, {*in, *weights, out, *scratch, begin, end});
    };
    problems.push_back(std::move(problem));
  }
  static void storeWeight(Memory &weights, const cpu::NonzeroSpec &spec, Rows &v, int64_t k, int64_t m) {
    char *row = weights.data() + k * spec.rows.rowBytes();
    float scale = static_cast<float>(1 + k % 3) / 256, &x = v.at(k, m);
    if (spec.rows.valueFormat == cpu::RowNumber::F32) {
      x = k ? x : kInfinity;
      reinterpret_cast<float *>(row)[m] = x;
    } else if (spec.rows.valueFormat == cpu::RowNumber::Bf16) {
      x = k ? test::fromBf16(test::toBf16(x)) : kInfinity;
      reinterpret_cast<uint16_t *>(row)[m] = test::toBf16(x);
    } else {
      row[m] = static_cast<char>(std::lround(x * 127));
      x = static_cast<float>(row[m]) * scale;
      weights.floats(spec.rows.numbersOffset() + k * cpu::NeuronRows::kNumbersBytes)[3] = scale;
    }
  }
};

class Experts : public test::KernelTest<Library> {
protected:
  Memory run(const Problem &problem, const std::vector<int64_t> &borders) const {
    Memory out(Library::kRows * problem.stride);
    std::fill_n(out.floats(0), out.size() / 4, 7.0f); // whatever was there
    for (size_t i = 0; i + 1 < borders.size(); ++i)
      problem.call(library->harness, out, borders[i], borders[i + 1]);
    return out;
  }
};

TEST_P(Experts, EqualTheirMeanings) {
  for (const Problem &problem : library->problems) {
    Memory out = run(problem, {0, Library::kRows});
    for (int64_t r = 0; r < Library::kRows; ++r)
      for (int64_t n = 0; n < problem.width; ++n)
        ASSERT_NEAR(out.floats(r * problem.stride)[n], problem.expected.f32[r * problem.width + n], problem.tolerance)
            << problem.name << " row " << r << " column " << n;
  }
}

TEST_P(Experts, RowsMayBeDealtOutInAnyWay) {
  for (const Problem &problem : library->problems) {
    Memory whole = run(problem, {0, Library::kRows});
    for (std::vector<int64_t> borders :
         {std::vector<int64_t>{0, 1, 4, 20, Library::kRows}, {0, 37, Library::kRows}, {0, 64, 74, Library::kRows}}) {
      Memory parts = run(problem, borders);
      ASSERT_EQ(std::memcmp(whole.data(), parts.data(), static_cast<size_t>(whole.size())), 0) << problem.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cpus, Experts, testing::ValuesIn(test::distinct({"native", "x86-64", "x86-64-v3", "skylake-avx512", "znver5"})),
    test::nameOfCpu);
} // namespace
