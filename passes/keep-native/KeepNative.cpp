// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears on the codes of a GGUF file. In: lm.linear on f32 params that stand for q4_0, q4_1 or q8_0 tensors. Out:
// lm.quantize_groups + lm.grouped_linear on !lm.grouped params with the file's own codes. From: ggml's block formats.
// Bound: weights exact; an activation is off by at most half a step, max|group| / 254. Tested by
// test/passes/keep-native.
#include "passes/keep-native/KeepNative.h"

#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMKEEPNATIVEPASS
#include "passes/keep-native/KeepNative.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-keep-native";

static std::string reasonAgainst(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
  if (!NativeAttr::findTensor(weight.getValue()))
    return "its weight is not a q4_0, q4_1 or q8_0 tensor of a GGUF file as it is";
  if (weight.getShape().size() != 2 || weight.getShape()[1] % 32 != 0)
    return "blocks of 32 do not divide its width";
  return reasonToStayF32(users, selection);
}

namespace {

struct KeepNative : impl::LmKeepNativePassBase<KeepNative> {
  using LmKeepNativePassBase::LmKeepNativePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return signalPassFailure();
    ParamUses uses(module);
    llvm::SmallVector<ParamOp> weights = findLinearWeights(module, *selection, uses), others;
    for (ParamOp weight : weights)
      if (!keep(weight, uses.users(weight), *selection))
        others.push_back(weight);
    if (failed(tellOthers(weights.size(), others)))
      signalPassFailure();
  }

  /// Weights that stay f32 are eight times as large as one expects of a quantized file: never without a word. A model
  /// with grouped weights, from a first run, is one that the pass is for.
  LogicalResult tellOthers(size_t all, ArrayRef<ParamOp> others) {
    if (others.empty())
      return success();
    ParamOp first = others.front();
    if (others.size() == all && findOps<GroupedLinearOp>(getOperation()).empty())
      return emitError(first.getLoc()) << kPass << ": none of the " << all
                                       << " weights of the selected linears is a q4_0, q4_1 or q8_0 tensor of a GGUF "
                                          "file (@"
                                       << first.getSymName()
                                       << ", for one, is not); use the recipe int8, int4 or f32 for this model";
    emitWarning(first.getLoc()) << kPass << ": " << others.size() << " of " << all
                                << " weights are in other formats and stay in f32, among them @" << first.getSymName();
    return success();
  }

  /// False when the weight stays as it is.
  bool keep(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
    if (std::string reason = reasonAgainst(weight, users, selection); !reason.empty()) {
      tellKept(kPass, "NotNative", users, reason);
      return false;
    }
    auto native = NativeAttr::get(&getContext(), weight.getValue());
    WeightForm form = native.getForm();
    weight.setValueAttr(native);
    weight.setType(GroupedType::get(&getContext(), weight.getShape()[0], weight.getShape()[1], form.groupedBits,
                                    form.group, form.hasMin));
    for (Operation *user : llvm::to_vector(users))
      if (auto linear = dyn_cast<LinearOp>(user)) {
        tellPassed(kPass, "KeptNative", linear)
            << remark::metric("Weight", weight.getSymName().str()) << remark::metric("Bits", form.groupedBits);
        replaceByGroupedProduct(linear, weight);
      }
    return true;
  }
};

} // namespace

} // namespace lmopt::lm
