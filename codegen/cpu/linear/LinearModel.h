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

/// Whether there are kernels for blocks of that size.
bool hasSparseKernel(lm::SparseInt8Type type);

/// Whether a weight of the module is stored code by code, so that kernels expand bytes.
bool storesCodes(mlir::ModuleOp module);

/// Codes, places, scales and sums of a matrix of which the zeros are left out; `out` has the bytes of the spec, all
/// zero.
void packSparse(const LinearSpec &spec, const lm::WeightData &data, std::vector<char> &out);

/// What groups of a matrix must be a multiple of.
int64_t groupUnit(mlir::Type matrix);
/// Refuses groups and blocks for which there is no kernel.
mlir::LogicalResult checkFormat(mlir::Operation *user, mlir::FlatSymbolRefAttr matrix);

} // namespace lmopt::cpu

#endif
