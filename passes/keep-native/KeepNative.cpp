// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears, tables and experts on the codes of a file. In: lm.linear, lm.embedding and lm.experts on f32 params that
// stand for tensors in codes (blocks of GGUF; words of GPTQ, AWQ, compressed-tensors). Out: lm.quantize_groups +
// lm.grouped_linear or lm.grouped_experts, lm.embedding, on !lm.grouped and !lm.codebook params with the file's own
// codes. From: ggml's block formats. Bound:
// codes exact; a scale is off by at most 2^-11 of itself where the file makes it of two numbers (`#lm.native`), an
// activation by at most half a step, max|group| / 254. Tested by test/passes/keep-native.
#include "passes/keep-native/KeepNative.h"

#include "passes/analysis/GroupedExperts.h"
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

/// The type that holds the codes of a matrix.
Type nativeType(MLIRContext *context, int64_t rows, int64_t columns, const WeightForm &form) {
  if (form.entries)
    return CodebookType::get(context, rows, columns, form.entries, form.group);
  return GroupedType::get(context, rows, columns, form.groupedBits, form.group, form.hasMin);
}

/// The codes, in groups of `greatest` where the file's are larger and that divides them.
NativeAttr nativeOf(Attribute value, int64_t greatest) {
  auto whole = NativeAttr::get(value.getContext(), value);
  int64_t group = whole.getForm().group;
  bool isCut = greatest > 0 && group > greatest && group % greatest == 0;
  return isCut ? NativeAttr::get(value.getContext(), value, greatest) : whole;
}

/// Why the weight has no codes that can be multiplied, when it is made of `value`; empty when it has.
std::string reasonAgainstCodes(ParamOp weight, Attribute value) {
  if (NativeAttr::findLeaf(value))
    return "";
  std::optional<FileCodes> codes = codesBehind(weight);
  return codes && !codes->problem.empty() ? "it has " + codes->problem
                                          : "its weight is not a tensor in codes of its file as it is";
}

std::string reasonAgainstWidth(Attribute value, int64_t width) {
  int64_t group = NativeAttr::get(value.getContext(), value).getForm().group;
  return width % group == 0 ? "" : "groups of " + std::to_string(group) + " do not divide its width";
}

Reason reasonAgainst(ParamOp weight, ArrayRef<Operation *> users, const LayerSelection &selection) {
  if (std::string reason = reasonAgainstCodes(weight, weight.getValue()); !reason.empty())
    return {reason};
  for (Operation *user : users)
    if (isa<LinearOp>(user) && !selection.contains(user))
      return {("its weight is also used by '" + getPartName(user) + "', which is not selected").str(), true};
  if (std::string reason = reasonAgainstWidth(weight.getValue(), weight.getShape().back()); !reason.empty())
    return {reason};
  return {reasonToStayF32(users, selection)};
}

int64_t groupOf(const ExpertMatrix &matrix, int64_t greatest) {
  return nativeOf(matrix.value, greatest).getForm().group;
}

/// The least group of what reads the input: activations are in one for all.
int64_t leastGroup(ArrayRef<ExpertMatrix> readers, int64_t greatest) {
  int64_t least = groupOf(readers.front(), greatest);
  for (ExpertMatrix matrix : readers)
    least = std::min(least, groupOf(matrix, greatest));
  return least;
}

std::string reasonAgainst(const ExpertMatrices &matrices, const ParamUses &uses, int64_t greatest) {
  for (ExpertMatrix matrix : matrices.all) {
    std::string reason = reasonAgainstCodes(matrix.param, matrix.value);
    if (reason.empty())
      reason = reasonAgainstWidth(matrix.value, matrix.columns);
    if (!reason.empty())
      return "all matrices of its experts must be in codes, but as to @" + matrix.param.getSymName().str() + ", " +
             reason;
  }
  int64_t least = leastGroup(matrices.readers(), greatest);
  for (ExpertMatrix matrix : matrices.readers())
    if (int64_t group = groupOf(matrix, least); group != least)
      return "matrices that read one input are in groups of " + std::to_string(least) + " and " + std::to_string(group);
  return reasonToStayF32(matrices, uses);
}

struct KeepNative : impl::LmKeepNativePassBase<KeepNative> {
  using LmKeepNativePassBase::LmKeepNativePassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto selection =
        LayerSelection::create(module, layers, skip, Selectable::Linears | Selectable::Tables | Selectable::Experts);
    if (failed(checkOptions()) || failed(selection))
      return signalPassFailure();
    ParamUses uses(module);
    Tally tally;
    for (ParamOp weight : findWeights(module, *selection, uses))
      if (failed(visit(weight, uses.users(weight), reasonAgainst(weight, uses.users(weight), *selection), tally)))
        return signalPassFailure();
    for (ExpertsOp experts : findOps<ExpertsOp>(module))
      if (selection->contains(experts) && failed(visit(ExpertMatrices(experts, uses), uses, tally)))
        return signalPassFailure();
    if (failed(tellFloats(tally)))
      signalPassFailure();
  }

  /// Of all selected weights.
  struct Tally {
    size_t all = 0, left = 0;
    Weights floats; ///< that are left and have no codes
  };

  LogicalResult visit(ParamOp weight, ArrayRef<Operation *> users, const Reason &reason, Tally &tally) {
    ++tally.all;
    if (!reason.text.empty()) {
      tellKept(kPass, "NotNative", users, reason.text);
      return leave(weight, reason, tally);
    }
    keep(weight, users);
    return success();
  }

  /// A mixture becomes one of codes with all its matrices or stays as it is.
  LogicalResult visit(const ExpertMatrices &matrices, const ParamUses &uses, Tally &tally) {
    tally.all += matrices.all.size();
    Reason reason{reasonAgainst(matrices, uses, group)};
    if (reason.text.empty()) {
      keep(matrices);
      return success();
    }
    tellMissed(kPass, "NotNative", matrices.experts, reason.text);
    for (ExpertMatrix matrix : matrices.all)
      if (failed(leave(matrix.param, reason, tally)))
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
  LogicalResult leave(ParamOp weight, const Reason &reason, Tally &tally) {
    std::optional<FileCodes> codes = codesBehind(weight);
    ++tally.left;
    if (!codes)
      tally.floats.push_back(weight);
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
  LogicalResult tellFloats(const Tally &tally) {
    if (tally.floats.empty())
      return success();
    ParamOp first = tally.floats.front();
    bool hasGroups =
        !findOps<GroupedLinearOp>(getOperation()).empty() || !findOps<GroupedExpertsOp>(getOperation()).empty();
    if (tally.left == tally.all && !hasGroups)
      return emitError(first.getLoc()) << kPass << ": none of the " << tally.all
                                       << " weights of the selected linears, tables and experts is a tensor in codes "
                                          "(of GGUF "
                                       << ggufTypesWithCodes() << "; of GPTQ, AWQ or compressed-tensors) (@"
                                       << first.getSymName()
                                       << ", for one, is not); use the recipe int8, int4, bf16 or f32 for this model";
    emitWarning(first.getLoc()) << kPass << ": " << tally.floats.size() << " of " << tally.all
                                << " weights are not in codes and stay in f32, among them @" << first.getSymName();
    return success();
  }

  void setCodes(ExpertMatrix matrix, int64_t greatest) {
    NativeAttr native = nativeOf(matrix.value, greatest);
    matrix.param.setType(nativeType(&getContext(), matrix.rows, matrix.columns, native.getForm()));
    matrix.param.setValueAttr(native);
    if (roundsScales(native))
      matrix.param.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, std::nullopt));
  }

  static void tellKeptCodes(Operation *user, ParamOp weight) {
    tellPassed(kPass, "KeptNative", user)
        << remark::metric("Format", codesBehind(weight)->format) << remark::metric("Weight", weight.getSymName().str());
  }

  void keep(const ExpertMatrices &matrices) {
    int64_t least = leastGroup(matrices.readers(), group);
    for (ExpertMatrix matrix : matrices.readers())
      setCodes(matrix, least);
    setCodes(matrices.values(), group);
    for (ExpertMatrix matrix : matrices.all)
      tellKeptCodes(matrices.experts, matrix.param);
    replaceByGroupedExperts(matrices);
  }

  void keep(ParamOp weight, ArrayRef<Operation *> users) {
    setCodes({weight, weight.getValue(), weight.getShape()[0], weight.getShape()[1]}, group);
    for (Operation *user : llvm::to_vector(users)) {
      tellKeptCodes(user, weight);
      if (auto linear = dyn_cast<LinearOp>(user))
        replaceByGroupedProduct(linear, weight);
    }
  }
};

} // namespace

} // namespace lmopt::lm
