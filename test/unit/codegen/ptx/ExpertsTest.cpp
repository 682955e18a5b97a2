// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Experts and products without zeros on the interpreter against plain loops in f64: with and without second factors and
// biases, widths around those of sectors, warps and blocks; rows without an expert, gates that are no numbers, experts
// that are not used though they would give no numbers; rows of zeros only and of none. Plain and strict.
#include "codegen/ptx/conditional/Experts.h"
#include "codegen/ptx/conditional/NonzeroLinear.h"
#include "test/unit/codegen/ptx/ConditionalProblem.h"

using namespace lmopt;
using namespace lmopt::kerneltest;

namespace {

struct ExpertsProblem {
  nvptx::ExpertsSpec spec;
  Matrix x, gates, keys, up, values, added;
  std::vector<float> bias;

  ExpertsProblem(int64_t experts, int64_t neurons, int64_t inputs, int64_t outputs, Activation kind, bool hasUp,
                 bool hasAdded)
      : x(6, inputs, 1), gates(6, experts, 2), keys(experts * neurons, inputs, 3), up(experts * neurons, inputs, 4),
        values(experts * neurons, outputs, 5), added(experts, outputs, 6), bias(size_t(experts * neurons), 0.25F) {
    spec.rows = {experts * neurons, inputs, outputs, hasUp, hasAdded ? experts : 0};
    spec.experts = experts, spec.kind = kind;
    for (int64_t row = 0; row < 6; ++row)
      for (int64_t expert = 0; expert < experts; ++expert)
        if ((row + expert) % 3 || row == 4) // row 4 uses none
          gates.at(row, expert) = 0;
  }
  std::vector<char> weights() const {
    return packNeurons(spec.rows, {keys.data(), bias.data(), spec.rows.up ? up.data() : nullptr, values.data(),
                                   spec.rows.added ? added.data() : nullptr});
  }
  reference::Tensor expected() const {
    return reference::experts(x.tensor, gates.tensor,
                              {keys.weight(), values.weight(), bias.data(), spec.rows.up ? up.data() : nullptr,
                               spec.rows.added ? added.data() : nullptr, spec.kind});
  }
  std::vector<char> found() const {
    EmittedKernel first =
        emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return expertsHiddenKernel(kernels, spec); });
    EmittedKernel second =
        emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return expertsResultKernel(kernels, spec); });
    auto rows = uint32_t(x.rows());
    Argument weights = memory(this->weights()), gates = memory(padded(this->gates.tensor));
    std::vector<char> hidden =
        run(first, {uint32_t(spec.hiddenBlocks()), rows, 1},
            {memory(padded(x.tensor)), gates, weights, result(rows * size_t(spec.hiddenBytes()))})
            .result;
    return run(second, {uint32_t(spec.resultBlocks()), rows, 1},
               {gates, weights, memory(hidden), result(rows * size_t(spec.rows.valueBytes()))})
        .result;
  }
};

TEST(PtxExperts, ShapesAndParts) {
  struct Shape {
    int64_t experts, neurons, inputs, outputs;
    Activation kind;
    bool up, added;
  };
  for (const Shape &s :
       {Shape{4, 5, 48, 48, Activation::Relu, false, true}, Shape{3, 33, 20, 44, Activation::Silu, true, false},
        Shape{8, 128, 132, 32, Activation::Gelu, false, false}, Shape{1, 70, 36, 7, Activation::GeluTanh, true, true},
        Shape{5, 1, 520, 65, Activation::Tanh, true, true}}) {
    SCOPED_TRACE(testing::Message() << s.experts << " of " << s.neurons << ", " << s.inputs << " to " << s.outputs);
    ExpertsProblem problem(s.experts, s.neurons, s.inputs, s.outputs, s.kind, s.up, s.added);
    expectRows(problem.found(), problem.expected(), 1e-5);
  }
}

TEST(PtxExperts, WhatIsNotUsedIsNotComputed) {
  ExpertsProblem problem(3, 20, 24, 20, Activation::Gelu, false, true);
  for (int64_t n = 20; n < 40; ++n) // the second expert
    problem.keys.at(n, 0) = kInfinity, problem.values.at(n, 1) = std::nanf("");
  problem.added.at(1, 2) = std::nanf("");
  for (int64_t row = 0; row < 6; ++row)
    problem.gates.at(row, 1) = row == 1 ? 0.5F : row == 2 ? std::nanf("") : -0.0F;
  problem.gates.at(3, 0) = 1;
  expectRows(problem.found(), problem.expected(), 1e-5);
}

void expectProduct(Matrix x, Matrix values, bool hasBias) {
  std::vector<float> bias(size_t(values.width), 0.75F);
  nvptx::NeuronRows rows = {values.rows(), 0, values.width, false, hasBias ? 1 : 0};
  SCOPED_TRACE(testing::Message() << rows.neurons << " to " << rows.outputs);
  EmittedKernel kernel =
      emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return nonzeroLinearKernel(kernels, rows); });
  nvptx::NeuronNumbers numbers;
  numbers.values = values.data(), numbers.added = bias.data();
  Finished finished =
      run(kernel, {uint32_t(nonzeroBlocks(rows)), uint32_t(x.rows()), 1},
          {memory(padded(x.tensor)), memory(packNeurons(rows, numbers)), result(size_t(x.rows() * rows.valueBytes()))});
  expectRows(finished.result, reference::nonzeroLinear(x.tensor, values.weight(), hasBias ? bias.data() : nullptr),
             1e-5);
}

TEST(PtxNonzeroLinear, AnyShareOfZeros) {
  for (int64_t inputs : {1, 30, 64, 300, 1000})
    for (int64_t outputs : {8, 44, 70}) {
      Matrix x(5, inputs, 1), values(inputs, outputs, 2);
      for (int64_t k = 0; k < inputs; ++k) {
        x.at(0, k) = 0;
        x.at(1, k) = k % 2 ? 0.0F : -0.0F;
        x.at(2, k) = std::max(x.at(2, k), 0.0F);
        x.at(3, k) = x.at(3, k) > 1.3F ? x.at(3, k) : 0;
      }
      expectProduct(x, values, outputs != 44);
    }
}

// A row that is left out is not read as a number; NaN is not left out.
TEST(PtxNonzeroLinear, SkipsExactly) {
  Matrix x(3, 70, 3), values(70, 40, 4);
  for (int64_t k = 0; k < 70; ++k)
    for (int64_t m = 0; m < 40 && k % 5 == 0; ++m)
      values.at(k, m) = m % 2 ? kInfinity : std::nanf("");
  for (int64_t row = 0; row < 3; ++row)
    for (int64_t k = 0; k < 70; k += 5)
      x.at(row, k) = 0;
  x.at(1, 64) = std::nanf("");
  expectProduct(x, values, false);
}

} // namespace
