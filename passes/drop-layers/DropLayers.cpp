// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models with fewer layers, or halves of layers. In: sums of rows and what a branch computes from them. Out: the rows,
// for the branches that are named; attentions numbered anew. Tested by test/passes/drop-layers and
// test/unit/models/DropLayersTest.cpp.
#include "passes/drop-layers/DropLayers.h"

#include "dialects/lm/Lm.h"
#include "passes/analysis/LayerSelection.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMDROPLAYERSPASS
#include "passes/drop-layers/DropLayers.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-drop-layers";

namespace {

/// before -> ... -> last -> sum with `before` (-> norm): what goes, and the value that takes the place of its result.
struct Half {
  LinearOp last;
  AddOp sum;
  Operation *end = nullptr; ///< the sum, or the norm behind it
  llvm::SetVector<Operation *> ops = {};

  Value before() { return sum.getLhs() == last.getResult() ? sum.getRhs() : sum.getLhs(); }
  AttentionOp attention() const {
    for (Operation *op : ops)
      if (auto found = dyn_cast<AttentionOp>(op))
        return found;
    return {};
  }
};

bool isNorm(Operation *op) { return isa_and_nonnull<RmsNormOp, LayerNormOp>(op); }

struct DropLayers : impl::LmDropLayersPassBase<DropLayers> {
  using LmDropLayersPassBase::LmDropLayersPassBase;

  void runOnOperation() override {
    if (failed(drop()))
      signalPassFailure();
  }

  LogicalResult drop() {
    ModuleOp module = getOperation();
    if (layers.empty())
      return module.emitError() << kPass << ": option 'layers' is missing; expected patterns, e.g. layers.7.*";
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection) || failed(refuseHalvesOfAttention(module)))
      return failure();
    ParamUses uses(module);
    std::vector<Half> halves;
    bool endsHalf = false;
    for (LinearOp last : findOps<LinearOp>(module))
      if (AddOp sum = selection->contains(last) ? sumOf(last) : AddOp()) {
        endsHalf = true;
        Half half = {last, sum, sum};
        if (std::string reason = complete(half); !reason.empty())
          tellMissed(kPass, "NotDropped", last, reason);
        else
          halves.push_back(std::move(half));
      }
    if (!endsHalf)
      return module.emitError() << kPass
                                << ": option 'layers' names no linear whose results are added to the rows of the "
                                   "model, which is where a half of a layer ends";
    if (failed(keepSomeAttention(module, halves)))
      return failure();
    for (Half &half : halves)
      erase(half, uses);
    uses.eraseUnused();
    numberAttentions(module);
    return success();
  }

  static LogicalResult refuseHalvesOfAttention(ModuleOp module) {
    llvm::SmallVector<AttendOp> found = findOps<AttendOp>(module);
    if (found.empty())
      return success();
    return found.front().emitError() << kPass << ": attention is in halves already; run before lm-expand-attention";
  }

  static LogicalResult keepSomeAttention(ModuleOp module, ArrayRef<Half> halves) {
    size_t all = findOps<AttentionOp>(module).size();
    auto going = static_cast<size_t>(llvm::count_if(halves, [](const Half &half) { return bool(half.attention()); }));
    if (all > 0 && going == all)
      return module.emitError() << kPass << ": all " << all << " attentions would go; something must be left";
    return success();
  }

  /// The sum that a half ends in.
  static AddOp sumOf(LinearOp last) {
    return last.getResult().hasOneUse() ? dyn_cast<AddOp>(*last.getResult().getUsers().begin()) : AddOp();
  }

  /// Why the half must stay, or an empty string.
  static std::string complete(Half &half) {
    Operation *sum = half.end;
    if (!collect(half))
      return "it does not read the rows before its sum alone";
    bool normInside = llvm::any_of(half.ops, isNorm);
    half.ops.insert(sum);
    if (Operation *behind = sum->hasOneUse() ? *sum->getUsers().begin() : nullptr; !normInside && isNorm(behind)) {
      half.ops.insert(behind);
      half.end = behind;
    }
    for (Operation *op : half.ops)
      for (Value result : op->getResults())
        if (op != half.end && !isa<CacheType>(result.getType()) && !isUsedInside(result, half))
          return "others also use what it computes";
    return "";
  }

  static bool isUsedInside(Value value, const Half &half) {
    return llvm::all_of(value.getUsers(), [&](Operation *user) { return half.ops.contains(user); });
  }

  /// The ops between `before` and the last linear, backwards; false when they read what is not computed from it.
  static bool collect(Half &half) {
    Value before = half.before();
    half.ops.insert(half.last);
    bool readsBefore = false;
    for (size_t i = 0; i < half.ops.size(); ++i)
      for (Value operand : half.ops[i]->getOperands()) {
        Operation *made = operand.getDefiningOp();
        readsBefore |= operand == before;
        if (operand == before || isa<CacheType>(operand.getType()) || isLengths(operand))
          continue;
        if (!made || !isBehind(made, before))
          return false;
        half.ops.insert(made);
      }
    return readsBefore;
  }

  /// An argument that is no rows: a length for each sequence.
  static bool isLengths(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return isa<BlockArgument>(value) && type && type.getRank() == 1;
  }

  static bool isBehind(Operation *op, Value value) {
    Operation *made = value.getDefiningOp();
    return !made || (made->getBlock() == op->getBlock() && made->isBeforeInBlock(op));
  }

  static void erase(Half &half, ParamUses &uses) {
    tellPassed(kPass, "DroppedHalf", half.last);
    half.end->getResult(0).replaceAllUsesWith(half.before());
    if (AttentionOp attention = half.attention(); attention && attention.getNextCache())
      attention.getNextCache().replaceAllUsesWith(attention.getCache());
    // The last one first: nothing that is left uses its results.
    auto ops = half.ops.takeVector();
    llvm::sort(ops, [](Operation *a, Operation *b) { return b->isBeforeInBlock(a); });
    for (Operation *op : ops) {
      uses.forget(op);
      op->erase();
    }
  }

  static void numberAttentions(ModuleOp module) {
    for (auto [number, attention] : llvm::enumerate(findOps<AttentionOp>(module)))
      attention.setLayer(number);
  }
};

} // namespace

} // namespace lmopt::lm
