// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clusters of neurons; see NeuronClusters.h.
#include "passes/split-ffn/NeuronClusters.h"

#include "dialects/lm/conditional/Reference.h"
#include "passes/factorize-softmax/WordClasses.h"

#include "llvm/ADT/ArrayRef.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lmopt::lm {

using Direction = std::vector<double>;

/// Length 1; what has no direction stays zero.
static Direction normalized(Direction numbers) {
  double squares = 0;
  for (double x : numbers)
    squares += x * x;
  for (double &x : numbers)
    x = squares > 0 ? x / std::sqrt(squares) : 0;
  return numbers;
}

/// Of the sum of their directions: a long row counts no more than a short one.
static Direction meanDirection(NeuronRows neurons, llvm::ArrayRef<int64_t> members) {
  Direction sum(static_cast<size_t>(neurons.width));
  for (int64_t i : members) {
    Direction one = normalized(Direction(neurons.row(i), neurons.row(i) + neurons.width));
    std::transform(sum.begin(), sum.end(), one.begin(), sum.begin(), std::plus<>());
  }
  return normalized(std::move(sum));
}

NeuronClusters clustersByMeans(mlir::MLIRContext *context, NeuronRows neurons, int64_t experts) {
  NeuronClusters clusters;
  clusters.experts = experts;
  clusters.order =
      classesByDirection(context, neurons.numbers, neurons.count, neurons.width, experts, /*even=*/true).words;
  for (int64_t e = 0; e < experts; ++e) {
    Direction mean = meanDirection(neurons, clusters.members(e));
    clusters.router.insert(clusters.router.end(), mean.begin(), mean.end());
  }
  return clusters;
}

//===- Trees -----------------------------------------------------------------------------------------------------===//

namespace {

class Halving {
public:
  Halving(mlir::MLIRContext *context, NeuronRows neurons, NeuronClusters &clusters)
      : context(context), neurons(neurons), clusters(clusters) {}

  /// Level by level: the members of a node are as many as those of its neighbours, one behind the other.
  void run() {
    clusters.order.resize(static_cast<size_t>(neurons.count));
    std::iota(clusters.order.begin(), clusters.order.end(), 0);
    for (int64_t nodes = 1; nodes < clusters.experts; nodes *= 2)
      for (int64_t n = 0, size = neurons.count / nodes; n < nodes; ++n)
        halve(llvm::MutableArrayRef(clusters.order).slice(n * size, size));
  }

private:
  mlir::MLIRContext *context;
  NeuronRows neurons;
  NeuronClusters &clusters;

  void halve(llvm::MutableArrayRef<int64_t> members) {
    std::vector<float> rows;
    for (int64_t i : members)
      rows.insert(rows.end(), neurons.row(i), neurons.row(i) + neurons.width);
    auto count = static_cast<int64_t>(members.size());
    std::vector<int64_t> places =
        classesByDirection(context, rows.data(), count, neurons.width, /*classes=*/2, /*even=*/true).words;
    std::vector<int64_t> before(members.begin(), members.end());
    std::transform(places.begin(), places.end(), members.begin(), [&](int64_t place) { return before[place]; });
    addNode(members.take_front(count / 2), members.drop_front(count / 2));
  }

  void addNode(llvm::ArrayRef<int64_t> left, llvm::ArrayRef<int64_t> right) {
    Direction from = meanDirection(neurons, left), node = meanDirection(neurons, right);
    std::transform(node.begin(), node.end(), from.begin(), node.begin(), std::minus<>());
    node = normalized(std::move(node));
    clusters.router.insert(clusters.router.end(), node.begin(), node.end());
  }
};

} // namespace

NeuronClusters clustersByTree(mlir::MLIRContext *context, NeuronRows neurons, int64_t experts) {
  NeuronClusters clusters;
  clusters.experts = experts;
  clusters.isTree = true;
  Halving(context, neurons, clusters).run();
  return clusters;
}

//===- Choice ----------------------------------------------------------------------------------------------------===//

std::vector<int64_t> NeuronClusters::choose(const float *products, int64_t count) const {
  std::vector<float> scores(products, products + routerRows()), costs;
  if (!routerBias.empty())
    std::transform(scores.begin(), scores.end(), routerBias.begin(), scores.begin(), std::plus<>());
  if (isTree)
    costs = reference::leafCosts(scores.data(), routerRows(), /*tieRight=*/false);
  else
    std::transform(scores.begin(), scores.end(), std::back_inserter(costs), std::negate<>());
  std::vector<int64_t> chosen = reference::ascending(costs);
  chosen.resize(static_cast<size_t>(count));
  return chosen;
}

} // namespace lmopt::lm
