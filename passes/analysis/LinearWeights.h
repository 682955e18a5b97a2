// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes that change the form of the weights of linears have in common: a weight is changed for all its users or
// for none, so the work goes weight by weight.
// In: a module and a selection of layers. Out: weights in the order of the model, reasons to leave one alone, and the
// ops around grouped weights. Tested by test/passes/quantize-weights, quantize-groups, keep-native.
#ifndef LMOPT_PASSES_ANALYSIS_LINEARWEIGHTS_H
#define LMOPT_PASSES_ANALYSIS_LINEARWEIGHTS_H

#include "passes/analysis/LayerSelection.h"
#include "passes/analysis/ParamUses.h"

#include <string>

namespace lmopt::lm {

/// The weights of the selected f32 linears, each once, in the order of the model.
llvm::SmallVector<ParamOp> findLinearWeights(mlir::ModuleOp module, const LayerSelection &selection,
                                             const ParamUses &uses);

/// Whether it is a linear behind the pooling: a head over one vector a sequence. Such heads stay in f32.
bool readsVectors(mlir::Operation *op);

/// Whether it is the router of a mixture of experts: a linear whose numbers lm.top_gates compares.
bool choosesExperts(mlir::Operation *op);

/// Whether there are zeros in it that lm-sparsify has made.
bool isSparsified(ParamOp weight);

/// Why a weight with these users must stay in f32, or an empty string: only selected linears and embeddings may use it.
std::string reasonToStayF32(llvm::ArrayRef<mlir::Operation *> users, const LayerSelection &selection);

/// Those of findLinearWeights that nothing speaks against; the others are told as missed: `remark`, with the reason.
llvm::SmallVector<ParamOp> findWeightsToChange(mlir::ModuleOp module, const LayerSelection &selection,
                                               const ParamUses &uses, llvm::StringRef pass, llvm::StringRef remark,
                                               llvm::function_ref<std::string(ParamOp)> reasonAgainst);

/// Tells a missed remark about each linear among the users.
void tellKept(llvm::StringRef pass, llvm::StringRef remark, llvm::ArrayRef<mlir::Operation *> users,
              llvm::StringRef reason);

/// A quantization of the value, made by an OpT that `fits`, which `reader` can read too; or null. Asked of the IR and
/// not of a map from values: the linear that makes a value may be replaced between two of its readers.
template <typename OpT>
OpT findQuantized(mlir::Value input, mlir::Operation *reader, llvm::function_ref<bool(OpT)> fits) {
  for (mlir::Operation *user : input.getUsers())
    if (auto made = llvm::dyn_cast<OpT>(user); made && fits(made))
      if (made->getBlock() == reader->getBlock() && made->isBeforeInBlock(reader))
        return made;
  return {};
}

/// Its codes in such groups: one quantization serves all that read a value in the same groups.
mlir::Value getQuantizedGroups(mlir::Value input, int64_t group, mlir::Operation *reader);

/// Puts lm.quantize_groups + lm.grouped_linear in the place of the linear, whose weight is one of integers in groups
/// already (integerGroup).
void replaceByGroupedProduct(LinearOp linear, ParamOp weight);

/// Makes an f32 matrix the transposed one; what a file holds the other way round already is read as it is.
void transposeWeight(ParamOp weight);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_LINEARWEIGHTS_H
