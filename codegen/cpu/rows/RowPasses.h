// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a row program is cut into passes over the row; see RowKernels.cpp, which emits them. Inside this folder and its
// tests only.
#ifndef LMOPT_CODEGEN_CPU_ROWS_ROWPASSES_H
#define LMOPT_CODEGEN_CPU_ROWS_ROWPASSES_H

#include "codegen/cpu/rows/RowProgram.h"

namespace lmopt::cpu {

/// Rows that are at work together.
constexpr int64_t kRowsAtOnce = 2;

/// One walk over the row: makes the results of `maps` and gathers what `reduces` needs next (stage: layernorm needs the
/// mean before the variance).
struct Pass {
  std::vector<const RowOp *> maps;
  const RowOp *reduces = nullptr;
  int64_t stage = 0;
  int64_t width() const { // a pass without maps reduces; NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
    return maps.empty() ? reduces->width : maps.front()->width;
  }
  bool takes(const RowOp &op) const;
  int64_t chunkRegisters() const; ///< how much of the row is in registers at a time
};

std::vector<Pass> planPasses(const RowProgram &program);

/// By value number: whether a value is read again by a later pass, or is a result.
std::vector<bool> storedValues(const RowProgram &program, const std::vector<Pass> &passes);

/// By value number: a factor that its maker leaves to its readers; see RowFunction::factor.
std::vector<float> pendingFactors(const RowProgram &program);

} // namespace lmopt::cpu

#endif
