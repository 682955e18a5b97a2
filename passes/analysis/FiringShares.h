// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How much of an activation fires, for passes that leave out what does not.
//
// In: a module, a file of statistics or none. Out: the share of the numbers of a value that are positive, over the text
// of the statistics; half without a file. Tested by test/passes/skip-zeros, test/passes/split-ffn.
#ifndef LMOPT_PASSES_ANALYSIS_FIRINGSHARES_H
#define LMOPT_PASSES_ANALYSIS_FIRINGSHARES_H

#include "passes/analysis/Statistics.h"

namespace lmopt::lm {

class FiringShares {
public:
  /// Of numbers that are positive as often as not.
  static constexpr double kAssumed = 0.5;

  /// `path` empty: no file. Look before anything is rewritten.
  static mlir::FailureOr<FiringShares> open(mlir::ModuleOp module, const std::string &path);

  /// An error at what makes the value where it was not measured.
  mlir::FailureOr<double> of(mlir::Value value) const;

  /// What linears read, by value; null where no linear reads it as rows.
  const ObservedValue *find(mlir::Value value) const;
  /// Null without a file.
  const Statistics *statistics() const { return opened ? &*opened : nullptr; }

private:
  std::optional<Statistics> opened;
  llvm::SmallVector<ObservedValue> observed;
};

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_FIRINGSHARES_H
