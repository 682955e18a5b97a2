// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models with fewer layers, or halves of layers. In: sums of rows and what a branch computes from them. Out: the rows,
// for the branches that are named; attentions numbered anew. Tested by test/passes/drop-layers and
// test/unit/models/DropLayersTest.cpp.
#include "passes/drop-layers/DropLayers.h"

#include "passes/analysis/LayerHalves.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Statistics.h"
#include "passes/analysis/Tell.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMDROPLAYERSPASS
#include "passes/drop-layers/DropLayers.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-drop-layers";

namespace {

struct DropLayers : impl::LmDropLayersPassBase<DropLayers> {
  using LmDropLayersPassBase::LmDropLayersPassBase;

  void runOnOperation() override {
    if (failed(drop()))
      signalPassFailure();
  }

  LogicalResult drop() {
    ModuleOp module = getOperation();
    if (failed(checkOptions(module)))
      return failure();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection) || failed(refuseHalvesOfAttention(module)))
      return failure();
    FailureOr<std::vector<LayerHalf>> halves = findHalves(module, *selection);
    if (failed(halves) || (ratio > 0 && failed(keepLeastChanging(module, *halves))) ||
        failed(keepSomeAttention(module, *halves)))
      return failure();
    ParamUses uses(module);
    for (LayerHalf &half : *halves)
      erase(half, uses);
    uses.eraseUnused();
    numberAttentions(module);
    return success();
  }

  LogicalResult checkOptions(ModuleOp module) {
    auto error = [&] { return module.emitError() << kPass << ": "; };
    if (!(ratio >= 0 && ratio < 1))
      return error() << "option 'ratio' must be between 0 and 1, found " << ratio.getValue();
    if (ratio == 0 && layers.empty())
      return error() << "option 'layers' is missing; expected patterns, e.g. layers.7.*, or 'stats' and 'ratio'";
    if (ratio > 0 && stats.empty())
      return error() << "option 'ratio' needs statistics, to tell which halves change the rows least: give 'stats', a "
                        "file that `lmopt calibrate` made";
    return success();
  }

  /// Halves that end in selected linears; the others among those are told.
  static FailureOr<std::vector<LayerHalf>> findHalves(ModuleOp module, const LayerSelection &selection) {
    std::vector<LayerHalf> halves;
    bool endsHalf = false;
    for (LinearOp last : findOps<LinearOp>(module)) {
      LayerHalf half = {last, selection.contains(last) ? sumBehind(last) : AddOp()};
      if (!half.sum)
        continue;
      endsHalf = true;
      if (std::string reason = completeHalf(half); !reason.empty())
        tellMissed(kPass, "NotDropped", last, reason);
      else
        halves.push_back(std::move(half));
    }
    if (endsHalf)
      return halves;
    return module.emitError() << kPass
                              << ": option 'layers' names no linear whose results are added to the rows of the "
                                 "model, which is where a half of a layer ends";
  }

  /// Of the halves only the share that changes the rows least goes; the last attention is never among them.
  LogicalResult keepLeastChanging(ModuleOp module, std::vector<LayerHalf> &halves) {
    FailureOr<std::vector<double>> changes = readChanges(module, halves);
    if (failed(changes))
      return failure();
    std::vector<size_t> order(halves.size());
    std::iota(order.begin(), order.end(), 0);
    llvm::sort(order, [&](size_t a, size_t b) { return std::pair((*changes)[a], a) < std::pair((*changes)[b], b); });
    size_t wanted = static_cast<size_t>(std::llround(double(halves.size()) * ratio));
    size_t attentions = findOps<AttentionOp>(module).size();
    std::vector<size_t> going;
    for (size_t i : order)
      if (going.size() < wanted && (!halves[i].attention() || attentions-- > 1))
        going.push_back(i);
    llvm::sort(going);
    std::vector<LayerHalf> kept;
    for (size_t i : going) {
      tellChange(halves[i], (*changes)[i]);
      kept.push_back(std::move(halves[i]));
    }
    halves = std::move(kept);
    return success();
  }

  static void tellChange(LayerHalf &half, double change) {
    tellPassed(kPass, "LeastChange", half.last) << remark::metric("Change", llvm::formatv("{0:f6}", change).str());
  }

  FailureOr<std::vector<double>> readChanges(ModuleOp module, ArrayRef<LayerHalf> halves) {
    FailureOr<Statistics> statistics = Statistics::open(module, stats);
    FailureOr<LayerSelection> all = LayerSelection::create(module, {}, {});
    if (failed(statistics) || failed(all))
      return failure();
    llvm::SmallVector<ObservedValue> observed = findObservedValues(module, *all);
    std::vector<double> changes;
    for (const LayerHalf &half : halves) {
      LinearOp last = half.last;
      const auto *input =
          llvm::find_if(observed, [&](const ObservedValue &value) { return value.value == last.getInput(); });
      if (input == observed.end())
        return last.emitError() << kPass
                                << ": it reads one vector a sequence, which is not measured; name its half in 'skip'";
      FailureOr<double> change = statistics->readChange(last, *input);
      if (failed(change))
        return failure();
      changes.push_back(*change);
    }
    return changes;
  }

  static LogicalResult refuseHalvesOfAttention(ModuleOp module) {
    llvm::SmallVector<AttendOp> found = findOps<AttendOp>(module);
    if (found.empty())
      return success();
    return found.front().emitError() << kPass << ": attention is in halves already; run before lm-expand-attention";
  }

  static LogicalResult keepSomeAttention(ModuleOp module, ArrayRef<LayerHalf> halves) {
    size_t all = findOps<AttentionOp>(module).size();
    auto going =
        static_cast<size_t>(llvm::count_if(halves, [](const LayerHalf &half) { return bool(half.attention()); }));
    if (all > 0 && going == all)
      return module.emitError() << kPass << ": all " << all << " attentions would go; something must be left";
    return success();
  }

  static void erase(LayerHalf &half, ParamUses &uses) {
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
