// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the lm module to code: builds the plan, its schedules and a new module with one function for each kernel and
// each entry point (prefill and decode, or encode), in scf, arith, vector, llvm (addresses) and lmk. No lm op is left
// in it. In: an optimized lm module. Out: LoweredModel. Tested by test/codegen/lower and the end-to-end tests.
#ifndef LMOPT_CODEGEN_LOWER_LOWER_H
#define LMOPT_CODEGEN_LOWER_LOWER_H

#include "codegen/cpu/Target.h"
#include "codegen/lower/Schedule.h"

#include "mlir/IR/OwningOpRef.h"

namespace lmopt::lower {

/// Most rows of one step. 512 tokens of prefill fill the register tiles and keep the arena near 10 MB for a model of
/// width 576; decode takes up to 16 sessions at a time: beyond, the matrix units, not memory, would be the limit.
constexpr int64_t kPrefillRows = 512;
constexpr int64_t kDecodeRows = 16;

struct LoweredModel {
  Plan plan;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  int64_t prefillRows = 0, decodeRows = 0;
  int64_t arenaBytes = 0, threadBytes = 0;
  int64_t barriersPrefill = 0, barriersDecode = 0;
  std::vector<std::string> kernels;       ///< by step, as in the first entry
  std::vector<std::string> decodeKernels; ///< by step, as in `decode`; empty for encoders
};

/// Emits a located error on failure; `unsupported` tells what is not supported from what went wrong.
mlir::LogicalResult lowerModel(mlir::ModuleOp module, const cpu::Target &target, LoweredModel &lowered,
                               bool &unsupported);

/// Makes `--lm-lower-to-cpu` known to lmopt-opt: replaces the lm module by its lowered form.
void registerLowerPass();

} // namespace lmopt::lower

#endif
