// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a model was trained for, as the runtime reads it. In: lm.config (task, labels, score_activation) and the results
// of the plan. Out: the blob "head" of lmopt/abi.h. Tested by test/unit/codegen/ResultsTest.cpp.
#ifndef LMOPT_CODEGEN_LINK_HEAD_H
#define LMOPT_CODEGEN_LINK_HEAD_H

#include "codegen/lower/Plan.h"

namespace lmopt::link {

/// "" for a model without a task. Emits an error at the module when the config contradicts itself or the results.
mlir::FailureOr<std::string> makeHead(mlir::ModuleOp module, const lower::Plan &plan);

} // namespace lmopt::link

#endif
