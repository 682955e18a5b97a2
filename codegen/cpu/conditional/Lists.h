// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lists of tokens, neurons and experts in the memory of a thread, and the walks over them that kernels of conditional
// layers share. Tested through these kernels.
#ifndef LMOPT_CODEGEN_CPU_CONDITIONAL_LISTS_H
#define LMOPT_CODEGEN_CPU_CONDITIONAL_LISTS_H

#include "codegen/cpu/KernelLibrary.h"

namespace lmopt::cpu {

/// An i32 of a list as i64, and back.
mlir::Value loadNumber(Emitter &e, mlir::Value list, mlir::Value i);
void storeNumber(Emitter &e, mlir::Value number, mlir::Value list, mlir::Value i);

/// from -> next(from) -> ... while `condition` holds; the first for which it does not.
mlir::Value repeat(Emitter &e, mlir::Value from, const std::function<mlir::Value(mlir::Value)> &condition,
                   const std::function<mlir::Value(mlir::Value)> &next);

/// Calls `body` with the place of each number of a padded row of `width` floats that is not zero, in their order. NaN
/// is not zero.
void forEachNonzero(Emitter &e, mlir::Value row, int64_t width, const std::function<void(mlir::Value)> &body);

} // namespace lmopt::cpu

#endif
