// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns a function into one that code generation takes, and says on which tokens it runs to give the same numbers:
//
//     func.func @add() -> tensor<2x3x8xf32> {            lm.param @x : tensor<6x8xf32> = ...     // and @z
//       %x = arith.constant ... : tensor<2x3x8xf32>      func.func @forward(%ids: tensor<2x3xi32>, %cache: !lm.cache)
//       ... { %z = arith.constant ... : tensor<2x3x8xf32>  =>    %x = lm.embedding %ids, @x : ... %y = lm.add %x, %z %z
//       = lm.embedding %ids, @z : ... return %y                                          %y = lm.add %x, %z
//     }                                                    return %y                   // tokens 0, 1, 2 and 3, 4, 5
//
// What it changes is only how rows come in and go out:
//   - A constant becomes a table with a row for each token (FunctionInputs.h).
//   - A function with lengths, pooling or vectors becomes an encoder, others a decoder; attentions that follow one
//     another in a cache become calls that do (Slice.h).
//   - A decoder's result has a number for each token id. Where rows are shorter, they go through a product with the
//     unit matrix, which changes no finite number.
//   - An encoder gives what its function gives: a vector for each sequence, or a row for each token.
// All other ops are cloned as they are: what code generation cannot do, it refuses.
//
// In: a function of one block, one of its results, token ids for its argument. Out: a module and a TokenRun, or a
// located error. Tested by test/codegen/run-compiled.
#ifndef LMOPT_TOOLS_RUNCOMPILED_PREPAREFUNCTION_H
#define LMOPT_TOOLS_RUNCOMPILED_PREPAREFUNCTION_H

#include "tools/run-compiled/TokenRun.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace lmopt {

struct PreparedFunction {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  TokenRun run;
  std::vector<int64_t> shape; ///< of the result
};

mlir::FailureOr<PreparedFunction> prepareFunction(mlir::func::ReturnOp op, unsigned result,
                                                  llvm::ArrayRef<int32_t> ids);

} // namespace lmopt

#endif // LMOPT_TOOLS_RUNCOMPILED_PREPAREFUNCTION_H
