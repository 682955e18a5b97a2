// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One block; see SplitPlan.h.
#include "passes/split-ffn/SplitPlan.h"

#include "passes/split-ffn/FitRouter.h"

#include "llvm/Support/FormatVariadic.h"

namespace lmopt::lm {

std::string tooMany(double firing, double most, bool isAssumed) {
  return llvm::formatv("{0:F3} of its neurons fire{1}; at most {2:F3} may", firing,
                       isAssumed ? ", as is assumed without 'stats'" : "", most);
}

static InputMoments momentsOf(const ValueStatistics &sums) {
  InputMoments moments = {sums.sums, centredMoments(sums.products, sums.sums, sums.tokens)};
  for (double &mean : moments.mean)
    mean /= double(sums.tokens);
  for (double &number : moments.covariance.numbers)
    number /= double(sums.tokens);
  return moments;
}

namespace {

class Planner {
public:
  Planner(mlir::MLIRContext *context, const DenseBlock &block, const SplitWishes &wishes,
          const BlockStatistics *statistics)
      : context(context), block(block), wishes(wishes), statistics(statistics) {}

  std::optional<SplitPlan> run(double firing) {
    plan.firing = firing;
    plan.count = wishes.count;
    if (!statistics)
      plan.clusters = clustersOf(block.first);
    else if (!measure())
      return std::nullopt;
    return std::move(plan);
  }

private:
  mlir::MLIRContext *context;
  const DenseBlock &block;
  const SplitWishes &wishes;
  const BlockStatistics *statistics;
  SplitPlan plan;

  bool measure() {
    std::optional<BlockRows> rows;
    if (wishes.fits)
      rows = BlockRows::measured(statistics->rows, block.width());
    if (!rows)
      rows = BlockRows::drawn(momentsOf(statistics->input));
    if (!rows)
      return false;
    BlockProducts products(block);
    if (!rows->areMeasured) {
      plan.clusters = clustersOf(block.first);
    } else if (!fitClusters(products, *rows)) {
      plan.reason = "what its clusters give is beyond the range of f32";
      return true;
    }
    LeftOut left = plan.count ? findLeftOut(products, *rows, plan.clusters, plan.count) : findCount(products, *rows);
    judge(products, *rows, left);
    return true;
  }

  NeuronClusters clustersOf(NeuronRows rows) const {
    return wishes.isTree ? clustersByTree(context, rows, wishes.experts)
                         : clustersByMeans(context, rows, wishes.experts);
  }

  /// Neurons that give something on the same rows, and a router that tells from a row who will.
  bool fitClusters(const BlockProducts &products, const BlockRows &rows) {
    std::vector<float> profiles = firingProfiles(products, rows);
    auto width = static_cast<int64_t>(profiles.size()) / block.neurons();
    plan.clusters = clustersOf({profiles.data(), block.neurons(), width});
    plan.isFitted = fitRouter(products, rows, plan.clusters);
    return plan.isFitted;
  }

  double errorOf(const LeftOut &left) const { return wishes.repairs ? left.error : left.plainError; }

  /// The least count whose error is within the limit, by halving: an expert more loses less.
  LeftOut findCount(const BlockProducts &products, const BlockRows &rows) {
    LeftOut best = findLeftOut(products, rows, plan.clusters, wishes.experts);
    int64_t low = 0, high = wishes.experts;
    while (high - low > 1) {
      int64_t middle = (low + high) / 2;
      LeftOut left = findLeftOut(products, rows, plan.clusters, middle);
      bool isWithin = errorOf(left) <= wishes.limit;
      (isWithin ? high : low) = middle;
      if (isWithin)
        best = std::move(left);
    }
    plan.count = high;
    if (plan.isWhole())
      plan.reason =
          llvm::formatv("with one expert fewer than all its results would be off by more than {0:F3}", wishes.limit);
    return best;
  }

  void judge(const BlockProducts &products, const BlockRows &rows, const LeftOut &left) {
    if (block.up)
      plan.firing = left.firing;
    if (!std::isfinite(left.plainError) || !std::isfinite(left.error))
      plan.reason = "on rows like those of the statistics its results are beyond the range of f32";
    else if (plan.firing > wishes.most)
      plan.reason = tooMany(plan.firing, wishes.most);
    if (!plan.reason.empty())
      return;
    plan.retained = retainedEnergy(left);
    plan.error = errorOf(left);
    if (wishes.repairs && !plan.isWhole())
      repair(products, rows, left);
    if (!plan.isWhole() && plan.error > wishes.limit)
      plan.reason =
          llvm::formatv("its results would be off by {0:F3}; at most {1:F3} is allowed", plan.error, wishes.limit);
  }

  void repair(const BlockProducts &products, const BlockRows &rows, const LeftOut &left) {
    if (!plan.isFitted) {
      plan.shifts = meanLeftOut(left);
      return;
    }
    std::optional<Repair> repair = fitRepair(products, rows, plan.clusters, plan.count);
    if (!repair) {
      plan.reason = "what makes up for the experts that are not used is beyond the range of f32";
      return;
    }
    plan.error = repair->error;
    plan.values = std::move(repair->values);
    plan.shifts = std::move(repair->shifts);
  }

  /// Of sum_i E[a_i²] |w_i|², w_i column i of the last matrix.
  double retainedEnergy(const LeftOut &left) const {
    double all = 0, lost = 0;
    for (auto [i, norm] : llvm::enumerate(block.squaredNorms())) {
      double energy = norm * statistics->neurons.product(int64_t(i), int64_t(i));
      all += energy;
      lost += energy * left.squares[i];
    }
    return all > 0 ? 1 - lost / all : 1;
  }

  /// W (share * E[a]): each neuron's measured mean, as far as the drawn rows leave it out.
  std::vector<float> meanLeftOut(const LeftOut &left) const {
    std::vector<float> shift;
    const ValueStatistics &given = statistics->neurons;
    for (int64_t m = 0; m < block.outputs(); ++m) {
      double sum = 0;
      for (int64_t i = 0; i < block.neurons(); ++i)
        sum += block.last.row(m)[i] * left.share[size_t(i)] * given.sums[size_t(i)] / double(given.tokens);
      shift.push_back(float(sum));
    }
    return shift;
  }
};

} // namespace

std::optional<SplitPlan> planSplit(mlir::MLIRContext *context, const DenseBlock &block, const SplitWishes &wishes,
                                   const BlockStatistics *statistics, double firing) {
  return Planner(context, block, wishes, statistics).run(firing);
}

} // namespace lmopt::lm
