// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect `cpu`, the interfaces of ops that become code for CPUs, and what the models of all families need.
// Tested by test/codegen/cpu.
#ifndef LMOPT_CODEGEN_CPU_CPU_H
#define LMOPT_CODEGEN_CPU_CPU_H

#include "codegen/cpu/Kernel.h"
#include "codegen/cpu/Rows.h"
#include "codegen/plan/ChooseLayouts.h"
#include "dialects/lm/LmDialect.h"
#include "dialects/plan/Plan.h"

#include "mlir/IR/DialectRegistry.h"

namespace lmopt::cpu {

class KernelLibrary;
class RowProgramBuilder;

using plan::PackedUse;
using plan::stateMaker;
using plan::weightNumber;

/// Makes the models of all ops known (attached when their dialects are loaded).
void registerModels(mlir::DialectRegistry &registry);

/// The packed weights of an op of a program, by whichever interface it has.
llvm::SmallVector<PackedUse> packedWeightsOf(mlir::Operation *op, plan::ProgramOp program);

/// Number, among the inputs of its step, of a value that an op of the step reads.
inline int64_t inputNumber(mlir::Value inside) { return mlir::cast<mlir::BlockArgument>(inside).getArgNumber(); }

/// Bytes from one row to the next: of the place where the program is scheduled, else of padded rows.
int64_t rowStride(mlir::Value rows);
int64_t paddedRowBytes(plan::RowsType rows);

/// Where a packed weight has floats.
inline float *floatsAt(std::vector<char> &bytes, int64_t offset) {
  return reinterpret_cast<float *>(bytes.data() + offset);
}

} // namespace lmopt::cpu

#include "codegen/cpu/CpuDialect.h.inc"
#include "codegen/cpu/Interfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "codegen/cpu/CpuLayouts.h.inc"

namespace lmopt::cpu {

/// The op of a step that is a kernel of its own; cpu-choose-layouts has seen that it has this interface.
inline KernelOpInterface kernelOf(plan::StepOp step) { return mlir::cast<KernelOpInterface>(step.getKernelOp()); }

} // namespace lmopt::cpu

#endif
