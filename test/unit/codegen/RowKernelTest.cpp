// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row programs against plain double loops: every kind of operation, widths that fill registers and widths that do not,
// gathered inputs, results in memory that ends with the last number. Each operation has its own bound, counted in float
// roundings (N: width); lanes beyond the width must stay zero, rows beyond the range untouched. Rows that become codes
// or bf16 are in RowQuantizeTest.cpp.
#include "codegen/cpu/RowInfo.h"
#include "codegen/cpu/elementwise/ElementwiseRows.h"
#include "codegen/cpu/embedding/EmbeddingRows.h"
#include "codegen/cpu/norm/NormRows.h"
#include "codegen/cpu/quantize/QuantizeRows.h"
#include "codegen/cpu/rows/RowProgram.h"
#include "test/unit/codegen/RowExpectations.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>

using namespace lmopt;
using cpu::RowFunctionRef;
using namespace lmopt::test;

namespace {

constexpr int64_t kVocabulary = 61, kPositions = 70;

struct Inputs {
  Row a, b;
  int64_t token = 0, position = 0;
};

/// One program of one operation with all that a call needs.
struct Case {
  std::string name;
  cpu::RowProgram program;
  std::vector<Memory> weights;
  std::function<Expected(const Inputs &)> expected;
  int64_t width = 0;
  int kernel = 0;
};

double activation(Activation kind, double x) {
  switch (kind) {
  case Activation::Gelu:
    return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
  case Activation::GeluTanh:
    return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case Activation::Silu:
    return x / (1 + std::exp(-x));
  case Activation::Relu:
    return std::max(x, 0.0);
  case Activation::Tanh:
    return std::tanh(x);
  }
  return 0;
}

/// From the bounds of VectorMathTest: erf 6e-7, tanh 2e-7, sigmoid 1.5e-7, times the factor x, and two roundings. The
/// cubic of the tanh form moves its argument by some roundings of |u|, which the slope of the sigmoid damps below 4
/// eps. The bounds of the formulas for 8 bits are those of VectorMath.cpp.
double activationError(Activation kind, bool for8Bits, double x) {
  if (for8Bits && kind == Activation::Gelu)
    return 4e-5 * std::max(1.0, std::abs(x));
  if (for8Bits && kind == Activation::Silu) // and the roundings of its argument
    return 2.4e-5 + std::abs(x) * 4 * kEps;
  switch (kind) {
  case Activation::Gelu:
    return std::abs(x) * (3e-7 + 2 * kEps);
  case Activation::GeluTanh:
    return std::abs(x) * (1.5e-7 + 6 * kEps);
  case Activation::Silu:
    return std::abs(x) * (1.5e-7 + 2 * kEps);
  case Activation::Relu:
    return 0;
  case Activation::Tanh:
    return 2e-7;
  }
  return 0;
}

class CaseMaker {
public:
  std::vector<Case> cases;

  void all() {
    for (int64_t width : {16, 30, 64, 80, 576}) {
      elementwise(width);
      norms(width);
      tables(width);
    }
    for (int64_t width : {30, 64})
      for (int kind = 0; kind < 5; ++kind)
        for (bool for8Bits : {false, true})
          activations(width, static_cast<Activation>(kind), for8Bits);
    for (auto [size, heads] : {std::pair<int64_t, int64_t>(16, 1), {16, 5}, {48, 3}, {64, 9}, {80, 2}, {256, 2}})
      headNorms(size, heads);
    for (int64_t width : {30, 64})
      softCaps(width);
    for (int64_t block = 2; block <= 512; block *= 2)
      rotation(1024, block);
    rotation(30, 2);
    rotation(24, 8);
    rotation(80, 16);
    rotation(576, 64);
  }

private:
  test::Random random{11};

  Case &start(const std::string &name, RowFunctionRef function, int64_t width, int64_t operands,
              std::vector<Memory> weights = {}) {
    Case one;
    one.width = width;
    one.name = name + " " + std::to_string(width);
    cpu::RowOp op{std::move(function), {}, operands, width};
    for (int64_t i = 0; i < operands; ++i) {
      op.operands.push_back(i);
      one.program.inputs.push_back({i, cpu::floatRowBytes(width), false});
      one.program.widths.push_back(width);
    }
    one.program.widths.push_back(width);
    one.program.outputs = {{operands, cpu::floatRowBytes(width)}};
    for (size_t i = 0; i < weights.size(); ++i)
      op.weights.push_back(i);
    one.program.weightCount = weights.size();
    one.weights = std::move(weights);
    one.program.ops = {op};
    cases.push_back(std::move(one));
    return cases.back();
  }

  Memory table(int64_t rows, int64_t width) {
    Memory memory(rows * cpu::floatRowBytes(width));
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < width; ++i)
        memory.floats(r * cpu::floatRowBytes(width))[i] = random.heavy();
    return memory;
  }

  void elementwise(int64_t width) {
    start("copy", cpu::copyRow(), width, 1).expected = [](const Inputs &in) {
      return mapRow(in.a, [&](size_t i) { return std::pair(in.a[i], 0.0); });
    };
    start("add", cpu::add(), width, 2).expected = [](const Inputs &in) {
      return mapRow(in.a, [&](size_t i) { return std::pair(double(float(in.a[i] + in.b[i])), 0.0); });
    };
    std::vector<Memory> weights;
    weights.push_back(table(1, width));
    float *bias = weights[0].floats();
    start("bias", cpu::biasAdd(), width, 1, std::move(weights)).expected = [bias](const Inputs &in) {
      return mapRow(in.a, [&](size_t i) { return std::pair(double(float(in.a[i] + bias[i])), 0.0); });
    };
  }

  void norms(int64_t width) {
    auto one = [](size_t) { return 1.0; };
    auto none = [](size_t) { return 0.0; };
    const float epsilon = 1e-5f, small = 1e-12f;
    start("rmsnorm", cpu::rmsNorm(epsilon), width, 1).expected = [=](const Inputs &in) {
      return rmsNorm(in.a, epsilon, one);
    };
    start("layernorm", cpu::layerNorm(small), width, 1).expected = [=](const Inputs &in) {
      return layerNorm(in.a, small, one, none);
    };
    std::vector<Memory> weights;
    weights.push_back(table(1, width));
    float *gamma = weights[0].floats();
    start("rmsnorm*gamma", cpu::rmsNorm(epsilon), width, 1, std::move(weights)).expected = [=](const Inputs &in) {
      return rmsNorm(in.a, epsilon, [gamma](size_t i) -> double { return gamma[i]; });
    };
    weights.clear();
    weights.push_back(table(1, width));
    weights.push_back(table(1, width));
    float *scale = weights[0].floats(), *beta = weights[1].floats();
    start("layernorm*gamma+beta", cpu::layerNorm(epsilon), width, 1, std::move(weights)).expected =
        [=](const Inputs &in) {
          return layerNorm(
              in.a, epsilon, [scale](size_t i) -> double { return scale[i]; }, [beta](size_t i) { return beta[i]; });
        };
    start("l2norm", cpu::l2Normalize(), width, 1).expected = [](const Inputs &in) {
      double squares = 0;
      for (double x : in.a)
        squares += x * x;
      double factor = 1 / std::max(std::sqrt(squares), 1e-12);
      return mapRow(in.a, [&](size_t i) {
        return std::pair(in.a[i] * factor, (in.a.size() / 2.0 + 4) * kEps * std::abs(in.a[i] * factor));
      });
    };
  }

  void headNorms(int64_t size, int64_t heads) {
    const float epsilon = 1e-5f;
    auto expected = [=](const Inputs &in, const std::function<double(size_t)> &gamma) {
      Expected all;
      for (int64_t head = 0; head < heads; ++head) {
        Expected one = rmsNorm({in.a.begin() + head * size, in.a.begin() + (head + 1) * size}, epsilon, gamma);
        all.value.insert(all.value.end(), one.value.begin(), one.value.end());
        all.tolerance.insert(all.tolerance.end(), one.tolerance.begin(), one.tolerance.end());
      }
      return all;
    };
    start("headnorm", cpu::headRmsNorm(size, epsilon), size * heads, 1).expected = [=](const Inputs &in) {
      return expected(in, [](size_t) { return 1.0; });
    };
    std::vector<Memory> weights;
    weights.push_back(table(1, size));
    float *gamma = weights[0].floats();
    start("headnorm*gamma", cpu::headRmsNorm(size, epsilon), size * heads, 1, std::move(weights)).expected =
        [=](const Inputs &in) { return expected(in, [gamma](size_t i) -> double { return gamma[i]; }); };
  }

  /// tanh is off by 2e-7, its argument by a rounding that its slope does not make larger; then a product.
  void softCaps(int64_t width) {
    const float cap = 1.5f;
    start("softcap", cpu::softCap(cap), width, 1).expected = [=](const Inputs &in) {
      return mapRow(in.a, [&](size_t i) {
        return std::pair(cap * std::tanh(in.a[i] / cap),
                         2e-7 * cap + 2 * kEps * std::min<double>(cap, std::abs(in.a[i])));
      });
    };
  }

  void tables(int64_t width) {
    auto addTable = [&](const char *name, RowFunctionRef function, int64_t rows,
                        int64_t operands) -> std::pair<Case &, float *> {
      std::vector<Memory> weights;
      weights.push_back(table(rows, width));
      float *data = weights[0].floats();
      return {start(name, std::move(function), width, operands, std::move(weights)), data};
    };
    int64_t stride = cpu::floatRowBytes(width) / 4;
    auto [embedding, rows] = addTable("embedding", cpu::embedding(), kVocabulary, 0);
    embedding.expected = [=, from = rows](const Inputs &in) {
      return mapRow(in.a, [&](size_t i) { return std::pair(double(from[in.token * stride + i]), 0.0); });
    };
    auto [positions, places] = addTable("positions", cpu::addPositions(), kPositions, 1);
    positions.expected = [=, from = places](const Inputs &in) {
      return mapRow(in.a,
                    [&](size_t i) { return std::pair(double(float(in.a[i] + from[in.position * stride + i])), 0.0); });
    };
    // Four panels, of which three alternate.
    cpu::LinearSpec floats{kVocabulary, width, cpu::WeightFormat::F32, false, 0},
        halves{kVocabulary, width, cpu::WeightFormat::Bf16, false, 0},
        codes{kVocabulary, width, cpu::WeightFormat::S8Rows, false, 0};
    std::vector<Memory> weights;
    weights.emplace_back(floats.bytes());
    float *panels = weights[0].floats();
    for (int64_t i = 0; i < floats.bytes() / 4; ++i)
      panels[i] = random.real();
    start("embedpanels", cpu::embedding(floats), width, 0, std::move(weights)).expected = [=](const Inputs &in) {
      return mapRow(in.a, [&](size_t i) {
        return std::pair(double(panels[floats.unitOffset(in.token / 16, i) / 4 + in.token % 16]), 0.0);
      });
    };
    weights.clear();
    weights.emplace_back(halves.bytes());
    auto *pairs = reinterpret_cast<uint16_t *>(weights[0].data());
    for (int64_t i = 0; i < halves.bytes() / 2; ++i)
      pairs[i] = test::toBf16(random.real());
    start("embedbf16", cpu::embedding(halves), width, 0, std::move(weights)).expected = [=](const Inputs &in) {
      return mapRow(in.a, [&](size_t i) {
        int64_t place = halves.unitOffset(in.token / 16, i / 2) / 2 + in.token % 16 * 2 + i % 2;
        return std::pair(double(test::fromBf16(pairs[place])), 0.0);
      });
    };
    weights.clear();
    weights.emplace_back(codes.bytes());
    char *bytes = weights[0].data();
    float *scales = weights[0].floats(codes.scaleOffset());
    auto code = [=](int64_t n, int64_t k) -> int8_t & {
      return reinterpret_cast<int8_t &>(bytes[codes.unitOffset(n / 16, k / 4) + n % 16 * 4 + k % 4]);
    };
    for (int64_t n = 0; n < kVocabulary; ++n) {
      scales[n] = std::abs(random.real());
      for (int64_t k = 0; k < width; ++k)
        code(n, k) = random.below(255) - 127;
    }
    start("embeds8", cpu::embedding(codes), width, 0, std::move(weights)).expected = [=](const Inputs &in) {
      return mapRow(in.a, [&](size_t i) {
        return std::pair(double(scales[in.token] * static_cast<float>(code(in.token, i))), 0.0);
      });
    };
  }

  void activations(int64_t width, Activation kind, bool for8Bits) {
    std::string suffix = std::to_string(static_cast<int>(kind)) + (for8Bits ? " for 8 bits" : "");
    start("activation " + suffix, cpu::activation(kind, for8Bits), width, 1).expected = [=](const Inputs &in) {
      return mapRow(in.a, [&](size_t i) {
        return std::pair(activation(kind, in.a[i]), activationError(kind, for8Bits, in.a[i]));
      });
    };
    start("gated " + suffix, cpu::gatedProduct(kind, for8Bits), width, 2).expected = [=](const Inputs &in) {
      return mapRow(in.a, [&](size_t i) {
        double y = activation(kind, in.a[i]) * in.b[i];
        return std::pair(y, activationError(kind, for8Bits, in.a[i]) * std::abs(in.b[i]) + kEps * std::abs(y));
      });
    };
  }

  void rotation(int64_t width, int64_t block) {
    start("rotate" + std::to_string(block), cpu::rotate(block), width, 1).expected = [=](const Inputs &in) {
      return rotateRow(in.a, block);
    };
  }
};

/// Gathered input and exact stride: variants of every case that can have them.
cpu::RowProgram gathered(cpu::RowProgram program) {
  for (cpu::RowProgram::Input &input : program.inputs)
    input.gathered = true;
  return program;
}
cpu::RowProgram exactly(cpu::RowProgram program, int64_t width) {
  program.outputs[0].stride = 4 * width;
  return program;
}

struct StepData {
  std::vector<int32_t> tokens, outputRows;
  Memory rowInfo{kRows * cpu::kRowInfoBytes};
  StepData() {
    for (int64_t r = 0; r < kRows; ++r) {
      tokens.push_back(r == 0 ? kVocabulary - 1 : r * 7 % kVocabulary);
      outputRows.push_back(r * 5 % kRows);
      int64_t position = r == 1 ? kPositions - 1 : r * 13 % kPositions;
      std::memcpy(rowInfo.data() + r * cpu::kRowInfoBytes + 16, &position, 8);
    }
  }
  int64_t position(int64_t r) const {
    int64_t position;
    std::memcpy(&position, rowInfo.data() + r * cpu::kRowInfoBytes + 16, 8);
    return position;
  }
};

class RowKernel : public RowProgramTest {
protected:
  void build(const std::function<cpu::RowProgram(const Case &)> &variant) {
    CaseMaker maker;
    maker.all();
    cases = std::move(maker.cases);
    for (Case &one : cases) {
      one.program = variant(one);
      one.kernel = harness->add(cpu::rowsKernel(harness->library(), one.program));
    }
    harness->build();
  }

  /// Runs rows [begin, end) and checks them, and that no other row was touched.
  void check(const Case &one, int64_t begin, int64_t end) {
    int64_t stride = one.program.outputs[0].stride;
    Memory a = makeRows(one.width, 3), b = makeRows(one.width, 4), out(end * stride), scratch(64);
    StepData step;
    std::vector<Argument> arguments;
    for (size_t i = 0; i < one.program.inputs.size(); ++i)
      arguments.push_back(i == 0 ? a : b);
    arguments.push_back(out);
    arguments.insert(arguments.end(), one.weights.begin(), one.weights.end());
    arguments.insert(arguments.end(), {scratch, step.tokens.data(), step.outputRows.data(), step.rowInfo, begin, end});
    harness->call(one.kernel, arguments);
    bool gather = !one.program.inputs.empty() && one.program.inputs[0].gathered;
    for (int64_t r = 0; r < end; ++r) {
      const float *found = out.floats(r * stride);
      int64_t from = gather ? step.outputRows[r] : r;
      Inputs in{rowOf(a, one.width, from), rowOf(b, one.width, from), step.tokens[r], step.position(r)};
      Expected expected = one.expected(in);
      for (int64_t i = 0; i < stride / 4; ++i) {
        bool inside = r >= begin && i < one.width;
        double wanted = inside ? expected.value[i] : 0, tolerance = inside ? expected.tolerance[i] : 0;
        ASSERT_NEAR(found[i], wanted, tolerance) << one.name << " row " << r << " column " << i;
      }
    }
  }

  using Argument = test::Argument;
  std::vector<Case> cases;
};

TEST_P(RowKernel, EveryOperation) {
  build([](const Case &one) { return one.program; });
  for (const Case &one : cases)
    check(one, 1, kRows);
}

TEST_P(RowKernel, GatheredInputsAndExactOutputs) {
  build([](const Case &one) { return exactly(gathered(one.program), one.width); });
  for (const Case &one : cases)
    check(one, 0, kRows - 1);
}

INSTANTIATE_TEST_SUITE_P(Cpus, RowKernel, testing::Values("native", "x86-64"), nameOfCpu);

} // namespace
