// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a card is to choose among: kernels that do the same in other ways, one of which the compiler takes today.
//
// In: an architecture, sizes. Out: texts, each with its runs: what is launched, on memory with which contents. Runs of
// a group do the same; "picks" says of each number that the compiler assumes which candidate of the group each value of
// it would take, by the compiler's own code (LinearChoice.h). gpu-candidates (CandidatesMain.cpp) writes them,
// gpu-sweep (SweepMain.cpp) times them on a card, script/gpu_check/sweeps.py says which numbers to change. Source:
// ptx.md 6. Tested by the test gpu-check.
#ifndef LMOPT_TEST_PTX_SWEEP_CANDIDATES_H
#define LMOPT_TEST_PTX_SWEEP_CANDIDATES_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/linear/Fragments.h"

#include "llvm/Support/JSON.h"

#include <functional>

namespace lmopt::sweep {

/// The kernels of a text, and what is run of them.
struct Candidates {
  std::string file; ///< without an ending
  std::function<void(nvptx::KernelLibrary &, llvm::json::Array &runs)> define;
};

/// The numbers that the compiler assumes, and where each stands: [{"name", "file", "assumed", "values"}].
llvm::json::Array assumedNumbers();

/// All for one architecture, the most telling first; `isSmall`: of sizes that the interpreter does in a second.
std::vector<Candidates> candidatesFor(const nvptx::Target &target, bool isSmall);

} // namespace lmopt::sweep

#endif // LMOPT_TEST_PTX_SWEEP_CANDIDATES_H
