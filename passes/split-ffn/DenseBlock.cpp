// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of a dense block; see DenseBlock.h.
#include "passes/split-ffn/DenseBlock.h"

#include "dialects/lm/elementwise/Reference.h"

#include <algorithm>

namespace lmopt::lm {

std::vector<double> DenseBlock::squaredNorms() const {
  std::vector<double> norms(static_cast<size_t>(neurons()));
  for (int64_t m = 0; m < outputs(); ++m)
    for (size_t i = 0; i < norms.size(); ++i)
      norms[i] += double(last.row(m)[i]) * last.row(m)[i];
  return norms;
}

BlockProducts::BlockProducts(const DenseBlock &block)
    : dense(block), first(block.first.numbers, block.neurons(), block.width()),
      last(block.last.numbers, block.outputs(), block.neurons()) {
  if (block.up)
    up.emplace(block.up, block.neurons(), block.width());
}

std::vector<float> multiplyRows(const PanelMatrix &matrix, const float *rows, int64_t count) {
  std::vector<float> padded(static_cast<size_t>(count * matrix.stride())), results;
  matrix.multiply(rows, count, padded.data());
  for (auto row = padded.begin(); row != padded.end(); row += matrix.stride())
    results.insert(results.end(), row, row + matrix.rows());
  return results;
}

Activations BlockProducts::activations(const float *rows, int64_t count) const {
  Activations given = {multiplyRows(first, rows, count)};
  auto neurons = static_cast<size_t>(dense.neurons());
  for (size_t at = 0; at < given.numbers.size(); ++at) {
    float u = given.numbers[at] + (dense.firstBias ? dense.firstBias[at % neurons] : 0);
    given.firing += u > 0;
    given.numbers[at] = static_cast<float>(reference::apply(dense.kind, u));
  }
  if (!up)
    return given;
  std::vector<float> factors = multiplyRows(*up, rows, count);
  std::transform(given.numbers.begin(), given.numbers.end(), factors.begin(), given.numbers.begin(),
                 std::multiplies<>());
  return given;
}

std::vector<float> BlockProducts::results(const std::vector<float> &neurons) const {
  return multiplyRows(last, neurons.data(), static_cast<int64_t>(neurons.size()) / dense.neurons());
}

} // namespace lmopt::lm
