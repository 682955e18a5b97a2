// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears on bf16 weights and bf16 activations. In: lm.linear on f32 weights. Out: lm.narrow + lm.narrow_linear on bf16
// weights, labelled approximate. Bound: relative error 2^-9 of each factor, so a result is off by at most 2^-8 of the
// sum of magnitudes of its products. Tested by test/passes/narrow-weights.
#include "passes/narrow-weights/NarrowWeights.h"

#include "dialects/lm/PartNames.h"

#include "passes/analysis/GroupedExperts.h"
#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMNARROWWEIGHTSPASS
#include "passes/narrow-weights/NarrowWeights.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-narrow-weights";

namespace {

struct NarrowWeights : impl::LmNarrowWeightsPassBase<NarrowWeights> {
  using LmNarrowWeightsPassBase::LmNarrowWeightsPassBase;

  void runOnOperation() override {
    narrowed.clear();
    FailureOr<LayerSelection> selection = LayerSelection::create(getOperation(), layers, skip);
    if (failed(selection))
      return signalPassFailure();
    ParamUses uses(getOperation());
    for (ParamOp weight : findLinearWeights(getOperation(), *selection, uses))
      narrow(weight, uses.users(weight), *selection);
    if (layers.empty())
      warnOfExperts(findOps<ExpertsOp>(getOperation()), kPass);
  }

  void narrow(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
    for (const std::string &reason : {reasonToKeepCodes(weight), reasonToStayF32(users, selection)})
      if (!reason.empty())
        return tellKept(kPass, "KeptFloat", users, reason);
    weight.setValueAttr(NarrowAttr::get(&getContext(), weight.getValue()));
    weight.setType(cast<RankedTensorType>(weight.getType()).clone(BFloat16Type::get(&getContext())));
    weight.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, std::nullopt));
    for (Operation *user : llvm::to_vector(users))
      if (auto linear = dyn_cast<LinearOp>(user))
        replace(linear, weight);
  }

  void replace(LinearOp linear, ParamOp weight) {
    tellPassed(kPass, "NarrowedWeight", linear) << remark::metric("Weight", weight.getSymName().str());
    OpBuilder builder(linear);
    auto product =
        NarrowLinearOp::create(builder, linear.getLoc(), getNarrowed(linear.getInput()), weight, linear.getBiasAttr());
    takePartName(product, linear);
    linear.getResult().replaceAllUsesWith(product.getResult());
    linear.erase();
  }

  /// One rounding for each value, whoever reads it.
  NarrowOp getNarrowed(Value input) {
    NarrowOp &op = narrowed[input];
    if (!op) {
      OpBuilder builder(input.getContext());
      builder.setInsertionPointAfterValue(input);
      op = NarrowOp::create(builder, input.getLoc(), input);
      nameAfter(op, input, "narrow");
    }
    return op;
  }

  llvm::DenseMap<Value, NarrowOp> narrowed;
};

} // namespace

} // namespace lmopt::lm
