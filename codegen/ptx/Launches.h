// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is launched for a step of a model, one kernel after another. In: a scheduled program, kernels. Out: launches as
// data, each with the numbers of rows and positions that it is for; groups of steps (LaunchGroups.h) are one launch
// where that costs less, else one for each step. Tested by test/codegen/ptx and all models compiled for GPUs.
#ifndef LMOPT_CODEGEN_PTX_LAUNCHES_H
#define LMOPT_CODEGEN_PTX_LAUNCHES_H

#include "codegen/ptx/Ptx.h"

namespace lmopt::nvptx {

/// On a step once launchesOf has seen it: the numbers of the kernels that are launched for it, in order (i64s).
inline constexpr llvm::StringLiteral kLaunchesAttribute = "ptx.launches";

/// The launches of a program in order, with its kernels in the library. Names the kernels of its steps.
std::vector<Launch> launchesOf(plan::ProgramOp program, KernelLibrary &kernels);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LAUNCHES_H
