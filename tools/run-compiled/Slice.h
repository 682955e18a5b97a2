// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ops behind one result of a function, and the steps of a sequence among them: a function that attends twice to one
// cache (a prompt, then more tokens) is in compiled code one function that runs twice.
//
// In: a function of one block, a result of it. Out: its slices in the order in which they run; or an error at the op
// that fits into none. Tested by test/codegen/run-compiled.
#ifndef LMOPT_TOOLS_RUNCOMPILED_SLICE_H
#define LMOPT_TOOLS_RUNCOMPILED_SLICE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <vector>

namespace lmopt {

/// What computes `root`, in the order of the function, up to the cache that its first attention reads.
struct Slice {
  mlir::Value root;
  std::vector<mlir::Operation *> ops;
  mlir::Value cache; ///< an argument, or made by the step before; null: it reads none
};

/// The slice of operand `result`, preceded by those of the steps whose keys and values it sees. All are made of the
/// same ops with the same attributes; constants differ.
mlir::FailureOr<std::vector<Slice>> findSteps(mlir::func::ReturnOp op, unsigned result);

} // namespace lmopt

#endif // LMOPT_TOOLS_RUNCOMPILED_SLICE_H
