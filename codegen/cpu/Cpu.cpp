// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Cpu.h.
#include "codegen/cpu/Cpu.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::cpu;

#include "codegen/cpu/CpuDialect.cpp.inc"
#include "codegen/cpu/Interfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "codegen/cpu/CpuLayouts.cpp.inc"

void CpuDialect::initialize() { registerAttributes(); }

void CpuDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "codegen/cpu/CpuLayouts.cpp.inc"
      >();
}

// The build lists the models that it finds (codegen/cpu/CMakeLists.txt).
namespace lmopt::cpu {
#define MODEL(family) void register##family##Models(mlir::DialectRegistry &);
#include "codegen/cpu/CpuModels.inc"
#undef MODEL
} // namespace lmopt::cpu

void cpu::registerModels(DialectRegistry &registry) {
#define MODEL(family) register##family##Models(registry);
#include "codegen/cpu/CpuModels.inc"
#undef MODEL
}

SmallVector<PackedUse> cpu::packedWeightsOf(Operation *op, plan::ProgramOp program) {
  SmallVector<PackedUse> uses;
  if (auto kernel = dyn_cast<KernelOpInterface>(op))
    kernel.getPackedWeights(program, uses);
  else
    cast<RowOpInterface>(op).getPackedWeights(program, uses);
  return uses;
}

int64_t cpu::paddedRowBytes(plan::RowsType rows) {
  Type element = rows.getElement();
  RowFormat format = rows.getGroup()    ? RowFormat::Groups
                     : element.isF32()  ? RowFormat::F32
                     : element.isBF16() ? RowFormat::Bf16
                                        : RowFormat::U8;
  return rowBytes(format, rows.getWidth(), rows.getGroup());
}

int64_t cpu::rowStride(Value rows) {
  if (cast<plan::StepOp>(plan::getMaker(rows).getOwner()).getPlaces())
    return plan::getPlace(rows).getRowBytes();
  return paddedRowBytes(cast<plan::RowsType>(rows.getType()));
}
