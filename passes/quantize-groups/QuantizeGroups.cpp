// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears on 4-bit or 8-bit weights in short groups. In: lm.linear on f32 weights. Out: lm.quantize_groups +
// lm.grouped_linear on !lm.grouped weights, labelled approximate. From techniques 10 (round to nearest; GPTQ with
// statistics). Bound of a weight that is rounded to nearest: half a step of its group, and the rounding of scale and
// minimum to f16 (2^-11 of each). Tested by
// test/passes/quantize-groups.
#include "passes/quantize-groups/QuantizeGroups.h"

#include "passes/analysis/FitWeights.h"
#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMQUANTIZEGROUPSPASS
#include "passes/quantize-groups/QuantizeGroups.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-quantize-groups";

namespace {

struct QuantizeGroups : impl::LmQuantizeGroupsPassBase<QuantizeGroups> {
  using LmQuantizeGroupsPassBase::LmQuantizeGroupsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(checkOptions()))
      return signalPassFailure();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return signalPassFailure();
    ParamUses uses(module);
    auto reason = [&](ParamOp weight) { return reasonAgainst(weight, uses.users(weight), *selection); };
    llvm::SmallVector<ParamOp> weights = findWeightsToChange(module, *selection, uses, kPass, "NotQuantized", reason);
    FailureOr<WeightFits> fits = fitWeights(module, weights, uses, {kPass, stats, damping, /*keepZeros=*/!hasMin});
    if (failed(fits))
      return signalPassFailure();
    for (ParamOp weight : weights)
      quantize(weight, uses.users(weight), fits->lookup(weight));
    if (layers.empty())
      warnOfExperts(module, kPass);
  }

  LogicalResult checkOptions() {
    auto fail = [&](const Twine &message) { return emitError(getOperation().getLoc()) << kPass << ": " << message; };
    if (bits != 4 && bits != 8)
      return fail("option 'bits' must be 4 or 8, found " + Twine(bits));
    if (group != 32 && group != 64 && group != 128)
      return fail("option 'group' must be 32, 64 or 128, found " + Twine(group));
    if (hasMin && bits != 4)
      return fail("option 'min' goes with bits=4 only");
    if (scaleBits != 16 && !(scaleBits == 8 && hasMin))
      return fail("option 'scales' must be 16, or 8 with min=true, found " + Twine(scaleBits));
    return success();
  }

  std::string reasonAgainst(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
    if (int64_t width = weight.getShape().back(); width % group != 0)
      return llvm::formatv("groups of {0} do not divide its width {1}", group.getValue(), width);
    if (std::string reason = reasonToKeepCodes(weight); !reason.empty())
      return reason;
    return reasonToStayF32(users, selection);
  }

  void quantize(ParamOp weight, ArrayRef<Operation *> users, FitAttr fit) {
    weight.setValueAttr(QuantizeGroupsAttr::get(&getContext(), weight.getValue(), bits, group, hasMin, scaleBits, fit));
    weight.setType(
        GroupedType::get(&getContext(), weight.getShape()[0], weight.getShape()[1], bits, group, hasMin, scaleBits));
    weight.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, std::nullopt));
    for (Operation *user : llvm::to_vector(users))
      if (auto linear = dyn_cast<LinearOp>(user)) {
        tellPassed(kPass, "QuantizedGroups", linear) << remark::metric("Weight", weight.getSymName().str());
        replaceByGroupedProduct(linear, weight);
      }
  }
};

} // namespace

} // namespace lmopt::lm
