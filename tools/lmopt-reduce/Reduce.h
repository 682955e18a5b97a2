// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes a module smaller while it stays interesting: delta debugging over the ops of lm.
// In: a module and a predicate. Out: a module from which no single op can be taken. An op is taken out by putting
// operands of the same types in its place (norm(x) becomes x), so layers fall out of the middle of a model; what
// nothing uses any more goes with it. Why not mlir-reduce: that of LLVM 22 crashes on any module with two functions (it
// visits ops it has erased). Cost: about 2 n runs of the predicate for n ops when little can go, log n when most can.
// Tested by test/tools/reduce.test.

#ifndef LMOPT_TOOLS_LMOPT_REDUCE_REDUCE_H
#define LMOPT_TOOLS_LMOPT_REDUCE_REDUCE_H

#include "dialects/lm/Lm.h"

namespace lmopt {

mlir::OwningOpRef<mlir::ModuleOp> reduceModule(mlir::OwningOpRef<mlir::ModuleOp> module,
                                               llvm::function_ref<bool(mlir::ModuleOp)> isInteresting);

} // namespace lmopt

#endif // LMOPT_TOOLS_LMOPT_REDUCE_REDUCE_H
