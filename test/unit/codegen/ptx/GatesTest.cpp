// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gates on the interpreter against their meaning: trees of hyperplanes with one leaf, several and all; ties, rows of
// zeros, equal costs, NaN and infinite numbers; scores that are equal, no numbers or infinite, every softmax. Which is
// chosen must be as the reference says. Plain and strict.
#include "codegen/ptx/conditional/Gates.h"
#include "test/unit/codegen/ptx/ConditionalProblem.h"

using namespace lmopt;
using namespace lmopt::kerneltest;
using Softmax = nvptx::TopGatesSpec::Softmax;

namespace {

void expectTreeGates(Matrix x, Matrix keys, const std::vector<float> &bias, int64_t levels, int64_t count,
                     bool tieRight) {
  nvptx::TreeGatesSpec spec;
  spec.nodes = {keys.rows(), keys.width, 0};
  spec.levels = levels, spec.count = count, spec.tieRight = tieRight;
  EmittedKernel kernel = emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return treeGatesKernel(kernels, spec); });
  size_t bytes = size_t(x.rows() * nvptx::rowBytes(spec.leaves(), 4));
  Finished finished =
      run(kernel, {uint32_t(x.rows()), 1, 1},
          {memory(padded(x.tensor)),
           memory(packNeurons(spec.nodes, {keys.data(), bias.data(), nullptr, nullptr, nullptr})), result(bytes)});
  expectRows(finished.result, reference::treeGates(x.tensor, keys.weight(), bias.data(), count, tieRight), 0);
}

TEST(PtxTreeGates, OneLeafSeveralAndAll) {
  for (int64_t levels : {1, 2, 4, 7})
    for (int64_t count : {1, 2, 3, 16, 128})
      for (bool tieRight : {false, true}) {
        if (count > (int64_t(1) << levels))
          continue;
        SCOPED_TRACE(testing::Message() << count << " of 2^" << levels << (tieRight ? ", ties right" : ""));
        int64_t nodes = (int64_t(1) << levels) - 1;
        Matrix x(7, 37, 1), keys(nodes, 37, 2);
        std::vector<float> bias(size_t(nodes), 0);
        bias[size_t(nodes / 2)] = 0.3F;
        for (int64_t k = 0; k < 37; ++k) {
          x.at(3, k) = 0; // all costs but some are zero
          x.at(4, k) = k == 2 ? std::nanf("") : x.at(4, k);
          x.at(5, k) = k == 2 ? kInfinity : x.at(5, k);
          x.at(6, k) *= 1e38F;
        }
        expectTreeGates(x, keys, bias, levels, count, tieRight);
      }
}

TEST(PtxTreeGates, SumsThatF32CannotTell) {
  for (bool tieRight : {false, true})
    for (int64_t count : {1, 3}) {
      Matrix x(48, 202, 1), keys(63, 202, 2);
      std::vector<float> bias(63);
      makeVanish(x, keys, bias);
      expectTreeGates(x, keys, bias, 6, count, tieRight);
    }
}

// The same row again and again: equal numbers at many nodes.
TEST(PtxTreeGates, EqualCosts) {
  Matrix x(5, 52, 5), keys(31, 52, 6);
  for (int64_t n = 0; n < 31; ++n)
    for (int64_t k = 0; k < 52; ++k)
      keys.at(n, k) = keys.at(n % 2, k);
  expectTreeGates(x, keys, std::vector<float>(31), 5, 7, false);
}

void expectTopGates(Matrix scores, int64_t count, Softmax softmax, const char *word) {
  SCOPED_TRACE(testing::Message() << count << " of " << scores.width << ", " << word);
  nvptx::TopGatesSpec spec = {scores.width, count, softmax};
  EmittedKernel kernel = emit("sm_80", [&](nvptx::KernelLibrary &kernels) { return topGatesKernel(kernels, spec); });
  std::vector<float> rows = padded(scores.tensor);
  Finished finished = run(kernel, {uint32_t(scores.rows()), 1, 1}, {memory(rows), result(4 * rows.size())});
  expectRows(finished.result, reference::topGates(scores.tensor, count, word), 2e-6);
}

TEST(PtxTopGates, EverySoftmax) {
  for (int64_t experts : {1, 5, 8, 64, 300})
    for (int64_t count : {1, 2, 5}) {
      if (count > experts)
        continue;
      Matrix scores(6, experts, 1);
      for (int64_t i = 0; i < experts; ++i) {
        scores.at(1, i) = 0.5F; // all equal
        scores.at(2, i) = i % 2 ? 0.0F : -0.0F;
        scores.at(3, i) = i % 4 == 1 ? 2 : float(i % 2);
        scores.at(4, i) *= 10;
      }
      expectTopGates(scores, count, Softmax::Chosen, "chosen");
      expectTopGates(scores, count, Softmax::All, "all");
      expectTopGates(scores, count, Softmax::None, "none");
    }
}

TEST(PtxTopGates, NoNumbersComeLast) {
  Matrix scores(3, 12, 9);
  for (int64_t i = 0; i < 12; ++i) {
    scores.at(0, i) = i % 3 ? std::nanf("") : scores.at(0, i);
    scores.at(1, i) = std::nanf("");
    scores.at(2, i) = i == 4 ? -kInfinity : i == 5 ? std::nanf("") : scores.at(2, i);
  }
  expectTopGates(scores, 4, Softmax::None, "none");
  expectTopGates(scores, 6, Softmax::None, "none");
  expectTopGates(scores, 11, Softmax::None, "none");
  expectTopGates(scores, 4, Softmax::Chosen, "chosen");
  expectTopGates(scores, 6, Softmax::Chosen, "chosen");
  expectTopGates(scores, 2, Softmax::All, "all");
}

} // namespace
