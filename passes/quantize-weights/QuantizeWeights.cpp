// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears on int8 weights and dynamically quantized activations.
// In: lm.linear on f32 weights. Out: lm.quantize_dynamic + lm.quantized_linear on !lm.int8 weights, labelled
// approximate; codes that training has given stay what they are, of weights (labelled trained) and of activations
// (lm.quantize_static). A weight is quantized for all its users or for none, so the work goes weight by weight. From
// techniques 10.1 and 15.4. Bound of a weight that is rounded to nearest: half a step, max|row| / 254. Tested by
// test/passes/quantize-weights.
#include "passes/quantize-weights/QuantizeWeights.h"

#include "dialects/lm/PartNames.h"

#include "passes/analysis/FitWeights.h"
#include "passes/analysis/GroupedExperts.h"
#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMQUANTIZEWEIGHTSPASS
#include "passes/quantize-weights/QuantizeWeights.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-quantize-weights";

/// Above this width 255 * 127 * K could overflow the 32-bit sums.
static constexpr int64_t kGreatestWidth = 65536;

namespace {

struct QuantizeWeights : impl::LmQuantizeWeightsPassBase<QuantizeWeights> {
  using LmQuantizeWeightsPassBase::LmQuantizeWeightsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return signalPassFailure();
    ParamUses uses(module);
    auto reason = [&](ParamOp weight) { return reasonAgainst(weight, uses.users(weight), *selection); };
    llvm::SmallVector<ParamOp> weights = findWeightsToChange(module, *selection, uses, kPass, "NotQuantized", reason);
    FailureOr<WeightFits> fits = fitWeights(module, weights, uses, {kPass, stats, damping});
    if (failed(fits))
      return signalPassFailure();
    for (ParamOp weight : weights)
      quantizeWeight(weight, uses.users(weight), fits->lookup(weight));
    if (layers.empty())
      warnOfExperts(findOps<ExpertsOp>(module), kPass);
  }

  /// Why the weight must stay in f32, or an empty string.
  std::string reasonAgainst(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
    int64_t width = weight.getShape().back();
    if (width > kGreatestWidth)
      return llvm::formatv("its width {0} is beyond {1}, where 32-bit sums could overflow", width, kGreatestWidth);
    return reasonToStayF32(users, selection);
  }

  void quantizeWeight(ParamOp weight, ArrayRef<Operation *> users, FitAttr fit) {
    weight.setType(Int8Type::get(&getContext(), weight.getShape()[0], weight.getShape()[1]));
    bool trained = hasTrainedCodes(weight.getValue());
    weight.setValueAttr(QuantizeRowsAttr::get(&getContext(), weight.getValue(), trained ? FitAttr() : fit));
    weight.setExactnessAttr(
        ExactnessAttr::get(&getContext(), trained ? ExactnessKind::trained : ExactnessKind::approximate, std::nullopt));
    for (Operation *user : llvm::to_vector(users))
      if (auto linear = dyn_cast<LinearOp>(user))
        replaceLinear(linear, weight);
  }

  void replaceLinear(LinearOp linear, ParamOp weight) {
    tellPassed(kPass, "Quantized", linear) << remark::metric("Weight", weight.getSymName().str());
    Value codes = getCodes(linear.getInput(), linear);
    OpBuilder builder(linear);
    auto product = QuantizedLinearOp::create(builder, linear.getLoc(), codes, weight, linear.getBiasAttr());
    takePartName(product, linear);
    linear.getResult().replaceAllUsesWith(product.getResult());
    linear.erase();
  }

  /// Of what was made of codes, those codes; else codes of each token's own range.
  Value getCodes(Value input, Operation *reader) {
    if (auto made = input.getDefiningOp<FakeQuantizeOp>()) {
      CodeRangeAttr range = made.getCodes();
      auto fits = [&](QuantizeStaticOp other) { return other.getRange() == range; };
      return getQuantized<QuantizeStaticOp>(input, reader, fits, range).getCodes();
    }
    return getQuantized<QuantizeDynamicOp>(input, reader, [](QuantizeDynamicOp) { return true; }).getCodes();
  }

  /// One quantization for each value, whoever reads it.
  template <typename OpT, typename... Arguments>
  OpT getQuantized(Value input, Operation *reader, llvm::function_ref<bool(OpT)> fits, Arguments... arguments) {
    if (auto made = findQuantized<OpT>(input, reader, fits))
      return made;
    OpBuilder builder(input.getContext());
    builder.setInsertionPointAfterValue(input);
    auto quantized = OpT::create(builder, input.getLoc(), input, arguments...);
    nameAfter(quantized, input, "quantize");
    return quantized;
  }
};

} // namespace

} // namespace lmopt::lm
