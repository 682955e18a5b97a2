// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One number of what each thread of a block has, in all of them: lanes by shuffles, then warps in their order. Tested
// by the kernels (test/unit/codegen/ptx/ClassLogitsTest.cpp, CertifiedMarksTest.cpp).
#ifndef LMOPT_CODEGEN_PTX_RANKING_BLOCKREDUCE_H
#define LMOPT_CODEGEN_PTX_RANKING_BLOCKREDUCE_H

#include "codegen/ptx/Emitter.h"

namespace lmopt::nvptx {

/// `list`: see Emitter::acrossWarps.
inline mlir::Value acrossBlock(Emitter &e, mlir::Value own, mlir::Value list, int64_t warps,
                               llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine) {
  return e.acrossWarps(e.acrossLanes(own, {16, 8, 4, 2, 1}, combine), list, warps, combine);
}

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_BLOCKREDUCE_H
