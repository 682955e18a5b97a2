// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which loads read what no launch writes. A kernel says so of its arguments (llvm.noalias, llvm.readonly); where the
// address of weights comes from memory itself, as in the walker, each load that is derived from it is marked, so that
// it becomes ld.global.nc as in
// the kernel. In: addresses. Out: their loads, invariant. Addresses that a loop carries, or that are chosen among
// others, are not followed: what they load stays an ordinary load. Source: ptx.md 1.3. Tested by
// test/unit/codegen/ptx/WalkerTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_PERSISTENT_CONSTANTMEMORY_H
#define LMOPT_CODEGEN_PTX_PERSISTENT_CONSTANTMEMORY_H

#include "mlir/IR/ValueRange.h"

namespace lmopt::nvptx {

void markConstant(mlir::ValueRange addresses);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_PERSISTENT_CONSTANTMEMORY_H
