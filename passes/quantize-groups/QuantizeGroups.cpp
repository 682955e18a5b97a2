// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears and experts on 4-bit or 8-bit weights in short groups. In: lm.linear and lm.experts on f32 weights. Out:
// lm.quantize_groups + lm.grouped_linear or lm.grouped_experts on !lm.grouped weights, labelled approximate. From
// techniques 10 (round to nearest; of linears GPTQ with statistics). Bound of a weight that is rounded to nearest: half
// a step of its group, and the rounding of scale and minimum to f16 (2^-11 of each). Tested by
// test/passes/quantize-groups.
#include "passes/quantize-groups/QuantizeGroups.h"

#include "passes/analysis/FitWeights.h"
#include "passes/analysis/GroupedExperts.h"
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
    FailureOr<LayerSelection> selection =
        LayerSelection::create(module, layers, skip, Selectable::Linears | Selectable::Experts);
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
    quantizeExperts(module, *selection, uses);
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

  std::string reasonAgainstWidth(int64_t width) {
    return width % group == 0
               ? std::string()
               : llvm::formatv("groups of {0} do not divide its width {1}", group.getValue(), width).str();
  }

  std::string reasonAgainst(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
    if (std::string reason = reasonAgainstWidth(weight.getShape().back()); !reason.empty())
      return reason;
    if (std::string reason = reasonToKeepCodes(weight); !reason.empty())
      return reason;
    return reasonToStayF32(users, selection);
  }

  void setGroups(ExpertMatrix matrix, FitAttr fit) {
    ParamOp weight = matrix.param;
    weight.setValueAttr(QuantizeGroupsAttr::get(&getContext(), matrix.value, bits, group, hasMin, scaleBits, fit));
    weight.setType(GroupedType::get(&getContext(), matrix.rows, matrix.columns, bits, group, hasMin, scaleBits));
    weight.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, std::nullopt));
  }

  void quantize(ParamOp weight, ArrayRef<Operation *> users, FitAttr fit) {
    setGroups({weight, weight.getValue(), weight.getShape()[0], weight.getShape()[1]}, fit);
    for (Operation *user : llvm::to_vector(users))
      if (auto linear = dyn_cast<LinearOp>(user)) {
        tellPassed(kPass, "QuantizedGroups", linear) << remark::metric("Weight", weight.getSymName().str());
        replaceByGroupedProduct(linear, weight);
      }
  }

  std::string reasonAgainst(const ExpertMatrices &matrices, const ParamUses &uses) {
    for (ExpertMatrix matrix : matrices.all) {
      if (std::string reason = reasonAgainstWidth(matrix.columns); !reason.empty())
        return reason + " (@" + matrix.param.getSymName().str() + ")";
      if (std::string reason = reasonToKeepCodes(matrix.param); !reason.empty())
        return reason;
    }
    return reasonToStayF32(matrices, uses);
  }

  void quantizeExperts(ModuleOp module, const LayerSelection &selection, const ParamUses &uses) {
    llvm::SmallVector<ExpertsOp> left;
    std::string firstReason;
    for (ExpertsOp experts : findOps<ExpertsOp>(module)) {
      if (!selection.contains(experts))
        continue;
      ExpertMatrices matrices(experts, uses);
      std::string reason = reasonAgainst(matrices, uses);
      if (reason.empty()) {
        quantize(matrices);
        continue;
      }
      tellMissed(kPass, "NotQuantized", experts, reason);
      firstReason = left.empty() ? reason : firstReason;
      left.push_back(experts);
    }
    if (layers.empty())
      warnOfExperts(left, kPass, firstReason);
  }

  void quantize(ExpertMatrices matrices) {
    tellPassed(kPass, "QuantizedGroups", matrices.experts)
        << remark::metric("Weight", matrices.experts.getWeight().str());
    for (ExpertMatrix matrix : matrices.all)
      setGroups(matrix, FitAttr());
    replaceByGroupedExperts(matrices);
  }
};

} // namespace

} // namespace lmopt::lm
