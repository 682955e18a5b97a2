// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the host does in an artifact for GPUs: one function for each program, a straight list of launches. In: a
// scheduled program, kernels. Out: launches as data; and a function (step, thread, threads) in a module of code for
// CPUs that has them launched by the runtime (lmopt_device_t). Tested by test/codegen/ptx and all models compiled for
// GPUs.
#ifndef LMOPT_CODEGEN_PTX_HOSTENTRIES_H
#define LMOPT_CODEGEN_PTX_HOSTENTRIES_H

#include "codegen/cpu/Target.h"
#include "codegen/ptx/Ptx.h"

namespace lmopt::nvptx {

/// On a step once launchesOf has seen it: the numbers of the kernels that are launched for it, in order (i64s).
inline constexpr llvm::StringLiteral kLaunchesAttribute = "ptx.launches";

/// The launches of a program in order, with its kernels in the library. Names the kernels of its steps.
std::vector<Launch> launchesOf(plan::ProgramOp program, KernelLibrary &kernels);

/// `host`: the CPU that the code runs on.
void emitHostEntry(mlir::ModuleOp module, plan::ProgramOp program, llvm::ArrayRef<Launch> launches,
                   const KernelLibrary &kernels, const cpu::Target &host);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_HOSTENTRIES_H
