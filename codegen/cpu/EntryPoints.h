// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits one entry point of an artifact; see EntryPoints.cpp. Tested by test/codegen/lower and the end-to-end tests.
#ifndef LMOPT_CODEGEN_CPU_ENTRYPOINTS_H
#define LMOPT_CODEGEN_CPU_ENTRYPOINTS_H

#include "codegen/cpu/KernelLibrary.h"
#include "dialects/plan/Plan.h"

namespace lmopt::cpu {

/// Memory of the team and of each of its threads, behind it; the entries of an artifact share one, so these are the
/// largest that one of them needs.
struct TeamMemory {
  int64_t arenaBytes = 0, threadBytes = 0;
};

/// Appends the function of a scheduled program to `module` and says in each step which kernel it calls.
void emitEntryPoint(mlir::ModuleOp module, plan::ProgramOp program, KernelLibrary &kernels, const TeamMemory &memory);

} // namespace lmopt::cpu

#endif
