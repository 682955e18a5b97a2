// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The option `stats` of passes that round the weights of linears: what the rounding of each is fitted to.
//
// In: weights with the linears that read them, before anything is rewritten; the options. Out: #lm.fit for each weight;
// an error at the module for bad options, at what makes a value that was not measured. Tested by
// test/passes/quantize-weights and test/passes/quantize-groups.
#ifndef LMOPT_PASSES_ANALYSIS_FITWEIGHTS_H
#define LMOPT_PASSES_ANALYSIS_FITWEIGHTS_H

#include "passes/analysis/ParamUses.h"

#include <string>

namespace lmopt::lm {

struct FitOptions {
  llvm::StringRef pass;
  std::string stats; ///< the file; empty: rounding to nearest
  double damping;
  bool keepZeros = true; ///< of weights that lm-sparsify has made: what has no number for zero cannot
};

using WeightFits = llvm::DenseMap<mlir::Operation *, FitAttr>;

/// A null attribute for each weight when there are no statistics.
mlir::FailureOr<WeightFits> fitWeights(mlir::ModuleOp module, llvm::ArrayRef<ParamOp> weights, const ParamUses &uses,
                                       const FitOptions &options);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_FITWEIGHTS_H
