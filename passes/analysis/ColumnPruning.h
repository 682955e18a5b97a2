// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears of which inputs go, unit by unit: neurons of a feed-forward block, heads of attention. Chooses the units by
// what the results of the linear lose over the text of statistics, and refits what is left. In: linears, with the
// columns of each unit and the multiply-adds that go with it. Out: the units that are kept, the error, the linear
// rewritten; what computes the units is the pass's own business. From techniques 7.1, 7.3, 7.4, 15.2. Tested by
// test/passes/{prune-ffn,prune-heads}.
#ifndef LMOPT_PASSES_ANALYSIS_COLUMNPRUNING_H
#define LMOPT_PASSES_ANALYSIS_COLUMNPRUNING_H

#include "dialects/lm/Weights.h"
#include "dialects/lm/weights/LeastSquares.h"
#include "dialects/lm/weights/WeightData.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Statistics.h"

namespace lmopt::lm {

/// What goes together.
struct PruneUnit {
  std::vector<int64_t> columns;
  int64_t work = 0;   ///< multiply-adds for a row that go with it
  int64_t group = -1; ///< units of one group share further work, or -1
};

/// A linear that makes units, and which of its rows make each: what method `magnitude` looks at.
struct UnitMaker {
  LinearOp linear;
  std::vector<std::vector<int64_t>> rows;
};

struct PrunedLinear {
  LinearOp linear;
  ObservedValue input;
  std::vector<PruneUnit> units;
  llvm::SmallVector<UnitMaker, 2> makers;
  int64_t groupWork = 0; ///< multiply-adds for a row that go when the last unit of a group goes
  int64_t leave = 0;     ///< this many units are kept, with the same share everywhere
  int64_t multiple = 1;  ///< with one budget for all, what is kept is a multiple of it, or all
  // What was found out.
  std::vector<int64_t> order; ///< units in the order in which they go
  std::vector<double> lost;   ///< share of the power of the results that is lost when so many have gone, from 0 on
  std::vector<int64_t> work;  ///< multiply-adds that are saved then
  std::vector<int64_t> kept;  ///< units, ascending
  double error = 0;           ///< sqrt(lost / all) of the variance of the results, as measured with the final weights

  PrunedLinear(LinearOp linear, ObservedValue input) : linear(linear), input(std::move(input)) {}
  mlir::FlatSymbolRefAttr weight() const { return LinearOp(linear).getWeightAttr(); }
  /// Columns of the kept units, ascending.
  std::vector<int64_t> keptColumns() const;
};

/// The options that such passes have in common.
struct PruneOptions {
  llvm::StringRef pass;
  std::string stats, method, budget, base;
  double ratio, damping;
  bool repair;

  mlir::LogicalResult check(mlir::ModuleOp module) const;
  bool isGlobal() const { return budget == "global"; }
};

class ColumnPruning {
public:
  static mlir::FailureOr<ColumnPruning> create(mlir::ModuleOp module, PruneOptions options);

  /// The selected linears that read rows of the model, without units. Not those behind the pooling.
  static std::vector<PrunedLinear> find(mlir::ModuleOp module, const LayerSelection &selection);

  /// Fills in what was found out. Linears are worked on in parallel.
  mlir::LogicalResult choose(llvm::ArrayRef<PrunedLinear *> linears);
  /// Leaves only the kept columns in the linear, whose input the caller makes narrower.
  void narrow(const PrunedLinear &linear);

  const ParamUses &getUses() const { return uses; }

private:
  ColumnPruning(mlir::ModuleOp module, PruneOptions options, Statistics statistics);

  mlir::MLIRContext *context;
  PruneOptions options;
  Statistics statistics;
  ParamUses uses;
  std::shared_ptr<WeightReader> reader;

  struct Sources {
    WeightData weight;
    SquareMatrix moments;
  };
  mlir::FailureOr<Sources> read(const PrunedLinear &linear);
  mlir::LogicalResult rank(PrunedLinear &linear);
  mlir::LogicalResult rankByLeastSquares(PrunedLinear &linear, const Sources &sources);
  mlir::LogicalResult rankByScores(PrunedLinear &linear, const Sources &sources);
  mlir::FailureOr<std::vector<double>> scores(const PrunedLinear &linear, const Sources &sources);
  mlir::FailureOr<std::vector<double>> magnitudes(const PrunedLinear &linear, const WeightData &weight);
  mlir::LogicalResult shareBudget(llvm::ArrayRef<PrunedLinear *> linears);
  mlir::LogicalResult measure(PrunedLinear &linear);
  mlir::LogicalResult refuseMoments(const PrunedLinear &linear);
};

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_COLUMNPRUNING_H
