// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which neurons of a feed-forward block go together, and the router that tells which of them a row needs.
//
// In: the rows of the first matrix. Out: the neurons, cluster after cluster, all of one size, and the rows of a linear
// of scores or of a tree of hyperplanes. From techniques 6.4 (i to iii); clusters are balanced spherical k-means
// (passes/factorize-softmax/WordClasses.h). Deterministic. Tested by test/passes/split-ffn.
#ifndef LMOPT_PASSES_SPLITFFN_NEURONCLUSTERS_H
#define LMOPT_PASSES_SPLITFFN_NEURONCLUSTERS_H

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace lmopt::lm {

/// Rows of a matrix: those of the neurons.
struct NeuronRows {
  const float *numbers;
  int64_t count, width;

  const float *row(int64_t i) const { return numbers + i * width; }
};

struct NeuronClusters {
  int64_t experts = 0;
  bool isTree = false;
  std::vector<int64_t> order; ///< neurons of the first cluster, of the second, ...; ascending in each
  /// [experts, width], a row for each score; of a tree [experts - 1, width], the nodes level by level.
  std::vector<float> router;
  std::vector<float> routerBias; ///< for each row of the router, or empty

  int64_t routerRows() const { return isTree ? experts - 1 : experts; }
  int64_t size() const { return static_cast<int64_t>(order.size()) / experts; }
  llvm::ArrayRef<int64_t> members(int64_t e) const { return llvm::ArrayRef(order).slice(e * size(), size()); }
  /// The clusters that `count` gates let through for a row with these products with the rows of the router.
  std::vector<int64_t> choose(const float *products, int64_t count) const;
};

/// Neurons in the same direction; the score of a cluster is the cosine with its mean direction, up to the length of x.
/// `experts` divides the neurons.
NeuronClusters clustersByMeans(mlir::MLIRContext *context, NeuronRows neurons, int64_t experts);

/// Halves of halves, each by two means; a node is the difference of the mean directions of its halves. `experts` is a
/// power of two that divides the neurons.
NeuronClusters clustersByTree(mlir::MLIRContext *context, NeuronRows neurons, int64_t experts);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SPLITFFN_NEURONCLUSTERS_H
