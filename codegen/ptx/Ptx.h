// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect `ptx`, the interfaces of ops that become launches on GPUs, and what the models of all families need.
// Tested by test/codegen/ptx.
#ifndef LMOPT_CODEGEN_PTX_PTX_H
#define LMOPT_CODEGEN_PTX_PTX_H

#include "codegen/plan/ChooseLayouts.h"
#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/Launch.h"
#include "codegen/ptx/LaunchGroups.h"
#include "dialects/lm/LmDialect.h"

#include "mlir/IR/DialectRegistry.h"

namespace lmopt::nvptx {

class RowProgramBuilder;

/// Makes the models of all ops known (attached when their dialects are loaded).
void registerModels(mlir::DialectRegistry &registry);

/// Where `rows` that a step made lie, `part` of them: 0 the numbers; of codes 1 the scales and 2 the zero points, or
/// what belongs to groups.
Argument placeOf(mlir::Value rows, int64_t part = 0);
/// The same of what an op of `step` reads.
Argument rowsOf(plan::StepOp step, mlir::Value inside, int64_t part = 0);
/// Numbers of tokens that are an argument of the program: ids, or an input beside them.
Argument tokensOf(mlir::Value ids);

/// Where the packed weights of a step lie.
Argument weightOf(plan::StepOp step, const plan::PackedUse &use);
/// Memory that only the launches of one step need.
Argument scratchOf(plan::StepOp step, int64_t offset = 0);

/// The launches of a group of steps under construction.
class LaunchBuilder {
public:
  LaunchBuilder(KernelLibrary &kernels, const LaunchGroup &group, std::vector<Launch> &launches)
      : kernels(kernels), group(group), step(group.steps.front()), launches(launches) {}

  KernelLibrary &kernels;
  const LaunchGroup &group;
  plan::StepOp step; ///< whose launches are added
  Launch window;     ///< rows and positions that launches are added for

  /// Where the rows that an op of the step reads, and those that the step makes, lie.
  Argument rowsOf(mlir::Value inside, int64_t part = 0) { return nvptx::rowsOf(step, inside, part); }
  Argument result(unsigned number = 0);
  Argument weight(const plan::PackedUse &use) { return weightOf(step, use); }
  Argument scratch(int64_t offset = 0) { return scratchOf(step, offset); }
  /// Where this layer lies in a block of positions of the cache, and the bytes of a block, as LayerCache wants them.
  Argument stateOffset();
  Argument stateBlockBytes();
  /// Of the program: no step has more.
  int64_t mostRows();
  void add(Launch launch);

private:
  std::vector<Launch> &launches;
};

/// Bytes from one row to the next: of padded rows, or of the caller's memory.
int64_t paddedRowBytes(plan::RowsType rows);
int64_t rowStride(mlir::Value rows);
/// Bytes that a row takes in all: of codes with its scale and zero point.
int64_t placedRowBytes(plan::RowsType rows);

} // namespace lmopt::nvptx

#include "codegen/ptx/Interfaces.h.inc"
#include "codegen/ptx/PtxDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "codegen/ptx/PtxLayouts.h.inc"

namespace lmopt::nvptx {

/// The op of a step that is launched by itself; ptx-choose-layouts has seen that it has this interface.
inline KernelOpInterface kernelOf(plan::StepOp step) { return mlir::cast<KernelOpInterface>(step.getKernelOp()); }

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_PTX_H
