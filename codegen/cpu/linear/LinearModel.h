// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What others must know of linears on CPUs: the spec of a packed matrix, and the layout of a table that linears use
// too.
#ifndef LMOPT_CODEGEN_CPU_LINEAR_LINEARMODEL_H
#define LMOPT_CODEGEN_CPU_LINEAR_LINEARMODEL_H

#include "codegen/cpu/Cpu.h"
#include "codegen/cpu/linear/LinearSpec.h"

namespace lmopt::cpu {

/// The product with a matrix of that type (#cpu.panels says which); the result in padded rows.
LinearSpec linearSpec(mlir::Type matrix, bool bias);

/// A matrix and its bias (null: none) in panels.
PackedUse packedPanels(mlir::Operation *user, mlir::FlatSymbolRefAttr matrix, mlir::FlatSymbolRefAttr bias);

/// What groups of a matrix must be a multiple of.
int64_t groupUnit(mlir::Type matrix);
/// Refuses groups for which there is no kernel.
mlir::LogicalResult checkGroups(mlir::Operation *user, mlir::FlatSymbolRefAttr matrix);

} // namespace lmopt::cpu

#endif
