// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One number of what each thread of a block has, in all of them: lanes by shuffles, then warps in their order. Tested
// by the kernels (test/unit/codegen/ptx/ClassLogitsTest.cpp, CertifiedMarksTest.cpp).
#ifndef LMOPT_CODEGEN_PTX_RANKING_BLOCKREDUCE_H
#define LMOPT_CODEGEN_PTX_RANKING_BLOCKREDUCE_H

#include "codegen/ptx/Emitter.h"

namespace lmopt::nvptx {

/// `list`: shared memory for a number of each of the `warps`, which nobody else uses before the next barrier but one.
inline mlir::Value acrossBlock(Emitter &e, mlir::Value own, mlir::Value list, int64_t warps,
                               llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine) {
  mlir::Value ofWarp = e.acrossLanes(own, {16, 8, 4, 2, 1}, combine);
  e.ifThen(e.equal(e.lane(), e.number(0)), [&] { e.store(ofWarp, e.at(list, e.mul(e.warp(), 4))); });
  e.barrier();
  mlir::Value result = e.load(own.getType(), list);
  for (int64_t warp = 1; warp < warps; ++warp)
    result = combine(result, e.load(own.getType(), e.at(list, 4 * warp)));
  return result;
}

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_BLOCKREDUCE_H
