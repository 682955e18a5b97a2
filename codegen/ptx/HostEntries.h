// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the host does in an artifact for GPUs: one function for each program, a straight list of launches. In: a
// scheduled program, its launches (Launches.h), kernels. Out: a function (step, thread, threads) in a module of code
// for CPUs that has them launched by the runtime (lmopt_device_t). Tested by test/codegen/ptx and all models compiled
// for GPUs.
#ifndef LMOPT_CODEGEN_PTX_HOSTENTRIES_H
#define LMOPT_CODEGEN_PTX_HOSTENTRIES_H

#include "codegen/cpu/Target.h"
#include "codegen/ptx/Ptx.h"

namespace lmopt::nvptx {

/// The function of this name. `host`: the CPU that the code runs on.
void emitHostEntry(mlir::ModuleOp module, llvm::StringRef name, plan::ProgramOp program,
                   llvm::ArrayRef<Launch> launches, const KernelLibrary &kernels, const cpu::Target &host);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_HOSTENTRIES_H
