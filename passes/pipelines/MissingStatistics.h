// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which passes of a pipeline want statistics (option `stats`) that nobody has named, and the same passes with them.
//
// In: a pass manager. Out: its passes one by one, as texts that lmopt-opt reads. A text, because it is the one form in
// which every pass tells and takes all its options: whoever adds a pass with an option `stats` adds nothing here.
// Used by `lmopt compile --calibrate`. Tested by test/unit/passes/MissingStatisticsTest.cpp.
#ifndef LMOPT_PASSES_PIPELINES_MISSINGSTATISTICS_H
#define LMOPT_PASSES_PIPELINES_MISSINGSTATISTICS_H

#include "mlir/Support/LLVM.h"

#include <string>
#include <vector>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace lmopt {

/// Each pass with all its options, e.g. "lm-rotate{block=64}".
std::vector<std::string> passTexts(mlir::OpPassManager &manager);

/// Whether the pass has an option `stats` that is empty, and a method that reads them.
bool lacksStatistics(llvm::StringRef pass);

/// The same pass with that option; `path` without quotes, braces and backslashes, which have no spelling there.
std::string withStatistics(llvm::StringRef pass, llvm::StringRef path);

} // namespace lmopt

#endif // LMOPT_PASSES_PIPELINES_MISSINGSTATISTICS_H
