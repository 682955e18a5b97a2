// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits one entry point of a plan; see EntryPoints.cpp.
#ifndef LMOPT_CODEGEN_LOWER_ENTRYPOINTS_H
#define LMOPT_CODEGEN_LOWER_ENTRYPOINTS_H

#include "codegen/cpu/KernelLibrary.h"
#include "codegen/lower/Schedule.h"

namespace lmopt::lower {

/// Appends the function `name` to `module` and returns the kernel of each step. `arenaBytes` and `threadBytes` are
/// those of the whole artifact (the largest of its entries), since all entries share one arena.
std::vector<std::string> emitEntryPoint(mlir::ModuleOp module, mlir::StringRef name, const Plan &plan,
                                        const Schedule &schedule, cpu::KernelLibrary &kernels, int64_t arenaBytes,
                                        int64_t threadBytes);

} // namespace lmopt::lower

#endif
