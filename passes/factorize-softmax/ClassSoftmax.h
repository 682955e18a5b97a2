// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The two passes over a head by classes: a dense head becomes one, and one gives its greatest logits alone. What they
// do stands in FactorizeSoftmax.td. Tested by test/passes/factorize-softmax.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_CLASSSOFTMAX_H
#define LMOPT_PASSES_FACTORIZESOFTMAX_CLASSSOFTMAX_H

#include "dialects/lm/Lm.h"

#include <string>

namespace lmopt::lm {

struct ClassOptions {
  std::string stats, by, base;
  int64_t classes = 0; ///< 0: the root of the number of words
  double limit = 0;    ///< of the KL in nats
};

/// Puts a softmax of two levels in the place of a head in f32.
mlir::LogicalResult factorizeByClasses(mlir::ModuleOp module, LinearOp head, const ClassOptions &options);

/// The `count` greatest of such logits, as a value behind them; null after an error has been told.
mlir::Value addTopClassLinear(ClassLogitsOp logits, int64_t count);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_CLASSSOFTMAX_H
