// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a row program is cut into passes over the row; see RowKernels.cpp, which emits them.
#ifndef LMOPT_CODEGEN_CPU_ROWPASSES_H
#define LMOPT_CODEGEN_CPU_ROWPASSES_H

#include "codegen/cpu/KernelLibrary.h"
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
};

std::vector<Pass> planPasses(const RowProgram &program);

/// 1 / sqrt(block): makes the rotation orthonormal.
float rotationNorm(const RowOp &op);

/// By value number: a factor that its maker leaves to its readers. The norm of a rotation that is only quantized goes
/// into the extremes and the reciprocal of the scale, where it is a power of two (blocks of 16, 64, 256): the codes
/// stay the same to the last bit.
std::vector<float> pendingFactors(const RowProgram &program);

/// Addresses of the values of one row, by number. `args`: of the kernel, see rowsKernel.
std::vector<mlir::Value> rowAddresses(Emitter &e, const RowProgram &program, mlir::ValueRange args, mlir::Value row,
                                      mlir::Value scratch, mlir::Value outputRows);

} // namespace lmopt::cpu

#endif
