// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is made anew of a head in f32 is made of. In: the head, statistics of the model. Out: its weights, what it read
// for some tokens, how likely each word is; and params beside its own. Tested by test/unit/models/ClassSoftmaxTest.cpp.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_HEADNUMBERS_H
#define LMOPT_PASSES_FACTORIZESOFTMAX_HEADNUMBERS_H

#include "dialects/lm/Lm.h"
#include "passes/analysis/Statistics.h"

#include <string>
#include <vector>

namespace lmopt::lm {

/// Statistics, and what in them is the value that the head reads. Errors: they are of another model, or the value is
/// none that they can have.
struct HeadStatistics {
  Statistics statistics;
  ObservedValue input;
};
mlir::FailureOr<HeadStatistics> findHeadStatistics(mlir::Operation *head, mlir::Value input, const std::string &stats);

struct HeadNumbers {
  HeadRows rows;
  std::vector<float> weight, bias; ///< [words][width]; [words], or none

  /// The bias in the order of `words`; none where there is none.
  std::vector<float> biasOf(llvm::ArrayRef<int64_t> words) const;
};

/// Errors: no statistics of this model, too few rows to tell what a fit is worth, numbers that are not finite.
mlir::FailureOr<HeadNumbers> readHeadNumbers(mlir::ModuleOp module, LinearOp head, const std::string &stats,
                                             const std::string &base);

/// The mean probability of each word over rows of the statistics.
mlir::FailureOr<std::vector<double>> frequenciesOf(LinearOp head, const HeadNumbers &numbers);

/// A param of f32 next to the one that it is made of, called NAME.SUFFIX where that is free.
ParamOp makeParamBeside(ParamOp beside, llvm::StringRef suffix, llvm::ArrayRef<int64_t> shape, mlir::Attribute value);

/// The same of what is approximate.
ParamOp makeApproximateBeside(ParamOp beside, llvm::StringRef suffix, llvm::ArrayRef<int64_t> shape,
                              mlir::Attribute value);

/// The same of fitted numbers.
ParamOp makeFittedBeside(ParamOp beside, llvm::StringRef suffix, llvm::ArrayRef<int64_t> shape,
                         llvm::ArrayRef<float> numbers);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_HEADNUMBERS_H
