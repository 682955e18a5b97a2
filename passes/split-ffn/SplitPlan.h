// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How one block would be split, and what that would lose.
//
// In: the weights of a block, what calibration measured of it, the options of the pass. Out: clusters with a router,
// how many each row uses, what makes up for the others, and the errors; or why the block stays dense. Uses nothing of
// the IR, so blocks are worked on in parallel. Tested by test/passes/split-ffn.
#ifndef LMOPT_PASSES_SPLITFFN_SPLITPLAN_H
#define LMOPT_PASSES_SPLITFFN_SPLITPLAN_H

#include "passes/analysis/Statistics.h"
#include "passes/split-ffn/FitRepair.h"

namespace lmopt::lm {

/// What the options ask for.
struct SplitWishes {
  int64_t experts = 0; ///< of this block
  int64_t count = 0;   ///< 0: as few as keep the limit
  bool isTree = false, fits = true, repairs = true;
  double most = 1;  ///< of the neurons that fire
  double limit = 0; ///< of the error
};

/// What calibration measured of a block.
struct BlockStatistics {
  ValueStatistics input, neurons;
  std::vector<float> rows; ///< of the input; may be empty
};

struct SplitPlan {
  std::string reason; ///< to stay dense; empty: it is split
  NeuronClusters clusters;
  int64_t count = 0;
  double firing = 0;
  // With statistics:
  double retained = 1, error = 0;
  std::vector<float> values; ///< [neurons in the order of the clusters, outputs] to add to what neurons add; or empty
  std::vector<float> shifts; ///< [outputs] for all that are used together, or [experts, outputs]; or empty
  bool isFitted = false;     ///< to rows that calibration has kept

  bool isWhole() const { return count == clusters.experts; }
};

/// `statistics` null: nothing was measured. An empty plan: the moments are not finite or not positive definite.
std::optional<SplitPlan> planSplit(mlir::MLIRContext *context, const DenseBlock &block, const SplitWishes &wishes,
                                   const BlockStatistics *statistics, double firing);

/// Why so many neurons that fire are too many.
std::string tooMany(double firing, double most, bool isAssumed = false);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_SPLITFFN_SPLITPLAN_H
