// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Trees of neurons on the interpreter against plain loops in f64: one tree and several, more than are walked together,
// one level to many, widths around those of sectors and stretches; every function; ways through ties, sums that vanish,
// sums of which f32 says nothing, NaN, infinite, huge and tiny numbers, in which a way must be the reference's to the
// last decision. Plain and strict.
#include "codegen/ptx/conditional/NeuronTree.h"
#include "test/unit/codegen/ptx/ConditionalProblem.h"

using namespace lmopt;
using namespace lmopt::kerneltest;

namespace {

struct TreeProblem {
  nvptx::NeuronTreeSpec spec;
  Matrix x, keys, values;
  std::vector<float> bias;

  TreeProblem(int64_t trees, int64_t levels, int64_t inputs, int64_t outputs, int64_t rows, Activation kind,
              bool tieRight)
      : x(rows, inputs, 1), keys(trees * ((int64_t(1) << levels) - 1), inputs, 2), values(keys.rows(), outputs, 3),
        bias(size_t(keys.rows())) {
    spec.rows = {keys.rows(), inputs, outputs};
    spec.trees = trees, spec.levels = levels, spec.kind = kind, spec.tieRight = tieRight;
    std::mt19937 random(4);
    for (size_t n = 0; n < bias.size(); ++n)
      bias[n] = n % 2 ? std::normal_distribution<float>()(random) / 4 : 0;
  }

  std::vector<char> weights() const {
    return packNeurons(spec.rows, {keys.data(), bias.data(), nullptr, values.data(), nullptr});
  }
  reference::Tensor expected() const {
    return reference::neuronTree(x.tensor, {spec.trees, spec.levels, keys.weight(), values.weight(), bias.data(),
                                            spec.kind, spec.tieRight, nullptr});
  }
  std::vector<char> found() const {
    EmittedKernel kernel =
        emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return neuronTreeKernel(kernels, spec); });
    size_t bytes = size_t(x.rows() * spec.rows.valueBytes());
    return run(kernel, {uint32_t(x.rows()), 1, 1},
               {memory(padded(x.tensor)), memory(weights()), result(bytes), number(spec.trees)})
        .result;
  }
};

TEST(PtxNeuronTree, ShapesAndFunctions) {
  struct Shape {
    int64_t trees, levels, inputs, outputs;
    Activation kind;
    bool tieRight;
  };
  for (const Shape &s :
       {Shape{1, 4, 48, 48, Activation::Gelu, false}, Shape{3, 3, 48, 44, Activation::Gelu, true},
        Shape{1, 1, 7, 5, Activation::Relu, false}, Shape{9, 2, 132, 130, Activation::Silu, false},
        Shape{2, 5, 1100, 24, Activation::GeluTanh, true}, Shape{1, 8, 129, 8, Activation::Tanh, false}}) {
    SCOPED_TRACE(testing::Message() << s.trees << " trees of " << s.levels << ", " << s.inputs << " to " << s.outputs);
    TreeProblem problem(s.trees, s.levels, s.inputs, s.outputs, 12, s.kind, s.tieRight);
    expectRows(problem.found(), problem.expected(), 3e-6 * std::sqrt(double(s.inputs)));
  }
}

// 12 x 171 visits and more do not fit at once.
TEST(PtxNeuronTree, MoreTreesThanAreWalkedTogether) {
  TreeProblem problem(700, 3, 16, 12, 2, Activation::Gelu, false);
  ASSERT_LT(problem.spec.treesTogether(), problem.spec.trees);
  expectRows(problem.found(), problem.expected(), 1e-5);
}

/// Values tell the way: column n has what neuron n gives.
TreeProblem wayProblem(int64_t inputs, bool tieRight) {
  TreeProblem problem(1, 5, inputs, 31, 48, Activation::Relu, tieRight);
  for (int64_t n = 0; n < 31; ++n)
    for (int64_t m = 0; m < 31; ++m)
      problem.values.at(n, m) = n == m ? 1 : 0;
  return problem;
}

TEST(PtxNeuronTree, TiesAndZeros) {
  for (bool tieRight : {false, true}) {
    TreeProblem problem = wayProblem(40, tieRight);
    for (int64_t k = 0; k < 40; ++k) {
      problem.x.at(0, k) = 0;                // only biases
      problem.x.at(1, k) = k < 2 ? 1.0F : 0; // opposite weights: vanishes
      problem.x.at(2, k) = -0.0F;
    }
    for (int64_t n = 0; n < 31; ++n) {
      problem.keys.at(n, 1) = -problem.keys.at(n, 0);
      if (n % 3 == 0)
        problem.bias[size_t(n)] = 0;
    }
    expectRows(problem.found(), problem.expected(), 1e-5);
  }
}

// All sums vanish, or nearly: each number is the one in f64, or its error would be thousands of times itself.
TEST(PtxNeuronTree, SumsThatF32CannotTell) {
  for (bool tieRight : {false, true}) {
    TreeProblem problem = wayProblem(200, tieRight);
    makeVanish(problem.x, problem.keys, problem.bias);
    std::vector<float> found = as<float>(problem.found()), expected = padded(problem.expected());
    for (size_t i = 0; i < found.size(); ++i)
      ASSERT_NEAR(found[i], expected[i], 1e-6F * expected[i]) << i;
  }
}

TEST(PtxNeuronTree, NoNumbersAndHugeOnes) {
  for (bool tieRight : {false, true}) {
    TreeProblem problem = wayProblem(72, tieRight);
    problem.spec.rows.outputs = 31;
    for (int64_t row = 0; row < 48; ++row)
      for (int64_t k = 0; k < 72; ++k) {
        float &x = problem.x.at(row, k);
        float special[] = {k == 3 ? std::nanf("") : x,
                           k == 5 ? kInfinity : x,
                           k == 6 ? -kInfinity : x,
                           x * 1e38F,
                           x * 1e-25F,
                           x * 1e-42F};
        x = special[row % 6];
      }
    std::vector<float> found = as<float>(problem.found()), expected = padded(problem.expected());
    for (size_t i = 0; i < found.size(); ++i) // 0 times infinity is no number in either, in all columns
      ASSERT_TRUE(std::isfinite(expected[i])
                      ? std::fabs(found[i] - expected[i]) <= 1e-4F * std::fabs(expected[i]) + 1e-30F
                      : !std::isfinite(found[i]))
          << i << ": " << found[i] << " " << expected[i];
  }
}

// A row gives the same bits, whatever other rows there are.
TEST(PtxNeuronTree, RowsDoNotMeet) {
  TreeProblem many(2, 4, 56, 40, 9, Activation::Gelu, false), one = many;
  one.x = Matrix(1, 56, 1);
  for (int64_t k = 0; k < 56; ++k)
    one.x.at(0, k) = many.x.at(6, k);
  std::vector<char> all = many.found(), alone = one.found();
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), all.begin() + std::ptrdiff_t(6 * alone.size())));
}

} // namespace
