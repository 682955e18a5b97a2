// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears on int8 weights and dynamically quantized activations.
// In: lm.linear on f32 weights. Out: lm.quantize_dynamic + lm.quantized_linear on !lm.int8 weights, labelled
// approximate. A weight is quantized for all its users or for none, so the work goes weight by weight. From
// techniques 10.1 and 15.4. Bound of a weight: half a step, max|row| / 254. Tested by test/passes/quantize-weights.
#include "passes/quantize-weights/QuantizeWeights.h"

#include "dialects/lm/Lm.h"
#include "dialects/lm/Weights.h"
#include "passes/analysis/LayerSelection.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMQUANTIZEWEIGHTSPASS
#include "passes/quantize-weights/QuantizeWeights.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-quantize-weights";

/// Above this width 255 * 127 * K could overflow the 32-bit sums.
static constexpr int64_t kGreatestWidth = 65536;

/// ||W - Q|| / ||W|| in the Frobenius norm.
static double relativeError(const WeightData &exact, const WeightData &codes) {
  int64_t columns = exact.shape.back(), group = codes.group ? codes.group : columns;
  double difference = 0, whole = 0;
  for (size_t i = 0; i < exact.f32.size(); ++i) {
    double delta = exact.f32[i] - double(codes.scales[i / group]) * codes.s8[i];
    difference += delta * delta;
    whole += double(exact.f32[i]) * exact.f32[i];
  }
  return whole == 0 ? 0 : std::sqrt(difference / whole);
}

/// The folder of the file that the module was parsed from; "" when it was made in memory.
static std::string folderOf(ModuleOp module) {
  auto file = module->getLoc()->findInstanceOf<FileLineColLoc>();
  return file ? llvm::sys::path::parent_path(file.getFilename().getValue()).str() : "";
}

namespace {

struct QuantizeWeights : impl::LmQuantizeWeightsPassBase<QuantizeWeights> {
  using LmQuantizeWeightsPassBase::LmQuantizeWeightsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    quantizations.clear();
    if (failed(checkOptions()))
      return signalPassFailure();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return signalPassFailure();
    if (measure)
      reader = std::make_shared<WeightReader>(base.empty() ? folderOf(module) : base.getValue());
    ParamUses uses(module);
    llvm::SetVector<Operation *> weights; // in the order of the model
    module.walk([&](LinearOp linear) {
      if (selection->contains(linear))
        weights.insert(uses.lookup(linear.getWeightAttr()));
    });
    for (Operation *weight : weights)
      if (failed(quantizeWeight(cast<ParamOp>(weight), uses.users(cast<ParamOp>(weight)), *selection)))
        return signalPassFailure();
  }

  LogicalResult checkOptions() {
    StringRef fault;
    if (group < 0 || activationGroup < 0)
      fault = "options 'group' and 'activation-group' must not be negative";
    else if (group != 0 && activationGroup != 0 && group != activationGroup)
      fault = "options 'group' and 'activation-group' must be equal when both are given";
    if (fault.empty())
      return success();
    return emitError(getOperation().getLoc())
           << kPass << ": " << fault << ", found " << group.getValue() << " and " << activationGroup.getValue();
  }

  /// Why the weight must stay in f32, or an empty string.
  std::string reasonAgainst(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
    int64_t width = weight.getShape().back();
    if (width > kGreatestWidth)
      return llvm::formatv("its width {0} is beyond {1}, where 32-bit sums could overflow", width, kGreatestWidth);
    for (int64_t size : {group.getValue(), activationGroup.getValue()})
      if (size != 0 && width % size != 0)
        return llvm::formatv("groups of {0} do not divide its width {1}", size, width);
    for (Operation *user : users) {
      std::string name = ("'" + getPartName(user) + "'").str();
      if (!isa<LinearOp, EmbeddingOp>(user))
        return "its weight is also used by " + name;
      if (isa<LinearOp>(user) && !selection.contains(user))
        return "its weight is also used by " + name + ", which is not selected";
    }
    return "";
  }

  LogicalResult quantizeWeight(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
    if (std::string reason = reasonAgainst(weight, users, selection); !reason.empty()) {
      for (Operation *user : users)
        if (isa<LinearOp>(user))
          tellMissed(kPass, "NotQuantized", user, reason);
      return success();
    }
    Attribute exact = weight.getValue();
    auto type = Int8Type::get(&getContext(), weight.getShape()[0], weight.getShape()[1], group);
    weight.setType(type);
    weight.setValueAttr(QuantizeRowsAttr::get(&getContext(), exact, group));
    std::optional<Real> error;
    if (measure && failed(measureError(weight, exact, error)))
      return failure();
    weight.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, error));
    for (Operation *user : llvm::to_vector(users))
      if (auto linear = dyn_cast<LinearOp>(user))
        replaceLinear(linear, weight, error);
    return success();
  }

  /// The reader reports what it cannot read.
  LogicalResult measureError(ParamOp weight, Attribute exact, std::optional<Real> &error) {
    FailureOr<WeightData> before = reader->read(exact, weight.getLoc());
    FailureOr<WeightData> after = reader->read(weight);
    if (failed(before) || failed(after))
      return failure();
    error = Real(relativeError(*before, *after));
    return success();
  }

  void replaceLinear(LinearOp linear, ParamOp weight, std::optional<Real> error) {
    {
      auto remark = tellPassed(kPass, "Quantized", linear);
      remark << remark::metric("Weight", weight.getSymName().str());
      if (error)
        remark << remark::metric("Error", error->value);
    }
    QuantizeDynamicOp input = getQuantized(linear.getInput());
    OpBuilder builder(linear);
    auto product = QuantizedLinearOp::create(builder, linear.getLoc(), input.getCodes(), input.getScale(),
                                             input.getZero(), weight, linear.getBiasAttr());
    linear.getResult().replaceAllUsesWith(product.getResult());
    linear.erase();
  }

  /// One quantization for each value, whoever reads it.
  QuantizeDynamicOp getQuantized(Value input) {
    QuantizeDynamicOp &quantized = quantizations[input];
    if (!quantized) {
      OpBuilder builder(input.getContext());
      builder.setInsertionPointAfterValue(input);
      Operation *maker = input.getDefiningOp();
      StringRef name = maker ? getPartName(maker) : StringRef("input");
      quantized =
          QuantizeDynamicOp::create(builder, nameLocation(builder, (name + ".quantize").str()), input, activationGroup);
    }
    return quantized;
  }

  llvm::DenseMap<Value, QuantizeDynamicOp> quantizations;
  std::shared_ptr<WeightReader> reader; // shared because passes are copied; only with `measure`
};

} // namespace

} // namespace lmopt::lm
