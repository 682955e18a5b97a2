// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Neurons row by row as plans name them (#ptx.neurons), for the models of conditional layers. Tested by
// all models compiled for GPUs.
#ifndef LMOPT_CODEGEN_PTX_CONDITIONAL_CONDITIONALMODEL_H
#define LMOPT_CODEGEN_PTX_CONDITIONAL_CONDITIONALMODEL_H

#include "codegen/ptx/Ptx.h"
#include "codegen/ptx/conditional/NeuronRows.h"

namespace lmopt::nvptx {

NeuronRows neuronRows(NeuronsAttr layout);

/// The params of neurons; null where there are none.
struct NeuronParams {
  mlir::FlatSymbolRefAttr keys, bias, up, values, added;
};
plan::PackedUse packedNeurons(mlir::Operation *user, const NeuronParams &given);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_CONDITIONAL_CONDITIONALMODEL_H
