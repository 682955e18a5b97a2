// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears and tables on the codes of a file. In: lm.linear and lm.embedding on f32 params that stand for tensors in
// codes (blocks of GGUF; words of GPTQ, AWQ, compressed-tensors). Out: lm.quantize_groups + lm.grouped_linear,
// lm.embedding, on !lm.grouped and !lm.codebook params with the file's own codes. From: ggml's block formats. Bound:
// codes exact; a scale is off by at most 2^-11 of itself where the file makes it of two numbers (`#lm.native`), an
// activation by at most half a step, max|group| / 254. Tested by test/passes/keep-native.
#include "passes/keep-native/KeepNative.h"

#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/Tell.h"

#include "files/gguf/BlockCodes.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMKEEPNATIVEPASS
#include "passes/keep-native/KeepNative.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-keep-native";

namespace {

/// Why a weight stays as it is.
struct Reason {
  std::string text;     ///< empty: nothing speaks against it
  bool isAsked = false; ///< the options say so
};

using Weights = llvm::SmallVector<ParamOp>;

/// The codes in a file that the weight is made of, however; nothing when there are none.
std::optional<FileCodes> codesBehind(ParamOp weight) {
  std::optional<FileCodes> found;
  weight.getValue().walk([&](Attribute attribute) {
    if (auto leaf = dyn_cast<FileCodesInterface>(attribute))
      if (std::optional<FileCodes> codes = leaf.getFileCodes())
        found = std::move(codes);
  });
  return found;
}

/// Whether scales are made of two numbers.
bool roundsScales(NativeAttr native) {
  bool isScaled = native.walk([](ScaleAttr) { return WalkResult::interrupt(); }).wasInterrupted();
  return isScaled || NativeAttr::findLeaf(native.getSource()).getFileCodes()->roundsScales;
}

/// A param of the type that holds the codes.
Type nativeType(ParamOp weight, const WeightForm &form) {
  int64_t rows = weight.getShape()[0], columns = weight.getShape()[1];
  if (form.entries)
    return CodebookType::get(weight.getContext(), rows, columns, form.entries, form.group);
  return GroupedType::get(weight.getContext(), rows, columns, form.groupedBits, form.group, form.hasMin);
}

/// The codes, in groups of `greatest` where the file's are larger and that divides them.
NativeAttr nativeOf(ParamOp weight, int64_t greatest) {
  auto whole = NativeAttr::get(weight.getContext(), weight.getValue());
  int64_t group = whole.getForm().group;
  bool isCut = greatest > 0 && group > greatest && group % greatest == 0;
  return isCut ? NativeAttr::get(weight.getContext(), weight.getValue(), greatest) : whole;
}

Reason reasonAgainst(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
  if (!NativeAttr::findLeaf(weight.getValue())) {
    std::optional<FileCodes> codes = codesBehind(weight);
    return {codes && !codes->problem.empty() ? "it has " + codes->problem
                                             : "its weight is not a tensor in codes of its file as it is"};
  }
  for (Operation *user : users)
    if (isa<LinearOp>(user) && !selection.contains(user))
      return {("its weight is also used by '" + getPartName(user) + "', which is not selected").str(), true};
  int64_t group = NativeAttr::get(weight.getContext(), weight.getValue()).getForm().group;
  if (weight.getShape().size() != 2 || weight.getShape()[1] % group != 0)
    return {"groups of " + std::to_string(group) + " do not divide its width"};
  return {reasonToStayF32(users, selection)};
}

struct KeepNative : impl::LmKeepNativePassBase<KeepNative> {
  using LmKeepNativePassBase::LmKeepNativePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto selection = LayerSelection::create(module, layers, skip, Selectable::LinearsAndTables);
    if (failed(checkOptions()) || failed(selection))
      return signalPassFailure();
    ParamUses uses(module);
    Weights weights = findWeights(module, *selection, uses), floats;
    size_t left = 0;
    for (ParamOp weight : weights) {
      Reason reason = reasonAgainst(weight, uses.users(weight), *selection);
      if (reason.text.empty()) {
        keep(weight, uses.users(weight));
        continue;
      }
      tellKept(kPass, "NotNative", uses.users(weight), reason.text);
      ++left;
      if (failed(leave(weight, reason)))
        return signalPassFailure();
      if (!codesBehind(weight))
        floats.push_back(weight);
    }
    if (failed(leaveExperts(*selection, uses)) || failed(tellFloats(weights.size(), left, floats)))
      signalPassFailure();
  }

  /// Matrices of experts, each a weight of its own.
  LogicalResult leaveExperts(const LayerSelection &selection, const ParamUses &uses) {
    for (ExpertsOp experts : findOps<ExpertsOp>(getOperation()))
      for (FlatSymbolRefAttr symbol : {experts.getWeightAttr(), experts.getUpAttr(), experts.getValuesAttr()})
        if (symbol && selection.contains(experts) &&
            failed(leave(uses.lookup(symbol), {kExpertsStayF32.str(), /*isAsked=*/false})))
          return failure();
    return success();
  }

  LogicalResult checkOptions() {
    if (group < 0)
      return emitError(getOperation().getLoc())
             << kPass << ": option 'group' must not be negative, found " << group.getValue();
    if (others == "refuse" || others == "f32")
      return success();
    return emitError(getOperation().getLoc())
           << kPass << ": option 'others' must be refuse or f32, found '" << others.getValue() << "'";
  }

  /// Of the selected linears, then of the selected embeddings that have a table of their own.
  static Weights findWeights(ModuleOp module, const LayerSelection &selection, const ParamUses &uses) {
    llvm::SetVector<Operation *> found;
    for (ParamOp weight : findLinearWeights(module, selection, uses))
      found.insert(weight);
    for (EmbeddingOp embedding : findOps<EmbeddingOp>(module))
      if (ParamOp table = uses.lookup(embedding.getTableAttr());
          selection.contains(embedding) && isa<RankedTensorType>(table.getType()))
        found.insert(table);
    return llvm::map_to_vector(found, [](Operation *weight) { return cast<ParamOp>(weight); });
  }

  /// Weights in codes that become f32 are six to twelve times as large as one expects: only when that is asked for.
  LogicalResult leave(ParamOp weight, const Reason &reason) {
    std::optional<FileCodes> codes = codesBehind(weight);
    if (!codes || reason.isAsked)
      return success();
    bool asFloats = others == "f32";
    InFlightDiagnostic told = asFloats ? emitWarning(weight.getLoc()) : emitError(weight.getLoc());
    told << kPass << ": tensor '" << codes->tensor << "' of " << codes->file << " in format " << codes->format << " (@"
         << weight.getSymName() << ") " << (asFloats ? "becomes f32: " : "cannot be multiplied as it is: ")
         << reason.text;
    if (asFloats)
      return success();
    return told
           << "; the option others=f32 of this pass has it in f32, the recipes int8, int4 and f32 take all formats";
  }

  /// Weights in f32, f16 or bf16 are no codes: their numbers stay what they are, and take four bytes each. A model
  /// with weights in groups, from a first run, is one that the pass is for.
  LogicalResult tellFloats(size_t all, size_t left, ArrayRef<ParamOp> floats) {
    if (floats.empty())
      return success();
    ParamOp first = floats.front();
    if (left == all && findOps<GroupedLinearOp>(getOperation()).empty())
      return emitError(first.getLoc()) << kPass << ": none of the " << all
                                       << " weights of the selected linears and tables is a tensor in codes (of GGUF "
                                       << ggufTypesWithCodes() << "; of GPTQ, AWQ or compressed-tensors) (@"
                                       << first.getSymName()
                                       << ", for one, is not); use the recipe int8, int4, bf16 or f32 for this model";
    emitWarning(first.getLoc()) << kPass << ": " << floats.size() << " of " << all
                                << " weights are not in codes and stay in f32, among them @" << first.getSymName();
    return success();
  }

  void keep(ParamOp weight, ArrayRef<Operation *> users) {
    NativeAttr native = nativeOf(weight, group);
    weight.setType(nativeType(weight, native.getForm()));
    weight.setValueAttr(native);
    if (roundsScales(native))
      weight.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, std::nullopt));
    for (Operation *user : llvm::to_vector(users)) {
      tellPassed(kPass, "KeptNative", user) << remark::metric("Format", codesBehind(weight)->format)
                                            << remark::metric("Weight", weight.getSymName().str());
      if (auto linear = dyn_cast<LinearOp>(user))
        replaceByGroupedProduct(linear, weight);
    }
  }
};

} // namespace

} // namespace lmopt::lm
