// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A dense feed-forward block as plain arrays, and its products with some rows at a time. In: its matrices, rows of what
// it reads. Out: what its neurons give, its results. Sums in a fixed order (RowProducts.h): the same on every machine.
// Tested by test/passes/split-ffn.
#ifndef LMOPT_PASSES_SPLITFFN_DENSEBLOCK_H
#define LMOPT_PASSES_SPLITFFN_DENSEBLOCK_H

#include "dialects/lm/Kinds.h"
#include "passes/factorize-softmax/RowProducts.h"
#include "passes/split-ffn/NeuronClusters.h"

#include <optional>

namespace lmopt::lm {

struct DenseBlock {
  NeuronRows first;                 ///< of a gated block the one that goes through the activation
  const float *firstBias = nullptr; ///< a number for each neuron, or null
  const float *up = nullptr;        ///< of a gated block, as large as the first; or null
  NeuronRows last;                  ///< a row for each result
  Activation kind;

  int64_t neurons() const { return first.count; }
  int64_t width() const { return first.width; }
  int64_t outputs() const { return last.count; }
  /// |w_i|² of what each neuron adds, w_i column i of the last matrix.
  std::vector<double> squaredNorms() const;
};

/// What the neurons of a block give for some rows.
struct Activations {
  std::vector<float> numbers; ///< [rows, neurons]
  int64_t firing = 0;         ///< results of the first matrix that are positive, bias included
};

/// Matrices cut into panels once, for many rows.
class BlockProducts {
public:
  explicit BlockProducts(const DenseBlock &block);

  const DenseBlock &block() const { return dense; }
  Activations activations(const float *rows, int64_t count) const;
  /// The last matrix times these, without its bias.
  std::vector<float> results(const std::vector<float> &neurons) const;

private:
  DenseBlock dense;
  PanelMatrix first, last;
  std::optional<PanelMatrix> up;
};

/// Rows of products without the padding of panels.
std::vector<float> multiplyRows(const PanelMatrix &matrix, const float *rows, int64_t count);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SPLITFFN_DENSEBLOCK_H
