// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lists of tokens, neurons and experts in the memory of a thread, and the walks over them that kernels of conditional
// layers share. Tested through these kernels.
#ifndef LMOPT_CODEGEN_CPU_CONDITIONAL_LISTS_H
#define LMOPT_CODEGEN_CPU_CONDITIONAL_LISTS_H

#include "codegen/cpu/KernelLibrary.h"

#include <utility>

namespace lmopt::cpu {

/// An i32 of a list as i64, and back.
mlir::Value loadNumber(Emitter &e, mlir::Value list, mlir::Value i);
void storeNumber(Emitter &e, mlir::Value number, mlir::Value list, mlir::Value i);

/// Adds one to an i32 of a list; what it was.
mlir::Value countUp(Emitter &e, mlir::Value list, mlir::Value i);
/// What a counting sort needs: how many there are of each becomes where each begins.
void countsToBegins(Emitter &e, mlir::Value counts, int64_t bins);

/// sum over `vectors` pairs of vectors of their products, in f32, in four chains: each addition waits four cycles for
/// the one before.
mlir::Value sumInChains(Emitter &e, int64_t vectors,
                        const std::function<std::pair<mlir::Value, mlir::Value>(mlir::Value)> &factors);

/// from -> next(from) -> ... while `condition` holds; the first for which it does not.
mlir::Value repeat(Emitter &e, mlir::Value from, const std::function<mlir::Value(mlir::Value)> &condition,
                   const std::function<mlir::Value(mlir::Value)> &next);

/// Calls `body` with the place of each number of a padded row of `width` floats that is not zero, in their order. NaN
/// is not zero.
void forEachNonzero(Emitter &e, mlir::Value row, int64_t width, const std::function<void(mlir::Value)> &body);

} // namespace lmopt::cpu

#endif
