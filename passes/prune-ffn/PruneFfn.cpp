// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Feed-forward blocks with fewer neurons. In: linear, activation or gated product, linear. Out: the same, narrower, the
// last linear refitted. From techniques 7.3, 7.4, 15.2. Which neurons go: passes/analysis/ColumnPruning.h. Tested by
// test/passes/prune-ffn.
#include "passes/prune-ffn/PruneFfn.h"

#include "dialects/lm/Verify.h"
#include "dialects/lm/elementwise/Elementwise.h"
#include "dialects/lm/linear/Linear.h"
#include "passes/analysis/ColumnPruning.h"
#include "passes/analysis/NarrowLinear.h"
#include "passes/analysis/Tell.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMPRUNEFFNPASS
#include "passes/prune-ffn/PruneFfn.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-prune-ffn";

namespace {

struct Block {
  PrunedLinear down;
  FeedForward ffn;

  int64_t neurons() const { return static_cast<int64_t>(down.units.size()); }
};

struct PruneFfn : impl::LmPruneFfnPassBase<PruneFfn> {
  using LmPruneFfnPassBase::LmPruneFfnPassBase;

  void runOnOperation() override {
    if (failed(prune()))
      signalPassFailure();
  }

  LogicalResult prune() {
    ModuleOp module = getOperation();
    if (multiple < 1)
      return module.emitError() << kPass << ": option 'multiple' must be at least 1, found " << multiple.getValue();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return failure();
    FailureOr<ColumnPruning> pruning =
        ColumnPruning::create(module, {kPass, stats, method, budget, base, ratio, damping, repair});
    if (failed(pruning))
      return failure();
    std::vector<Block> blocks = findBlocks(module, *selection, pruning->getUses());
    std::vector<PrunedLinear *> linears;
    for (Block &block : blocks)
      linears.push_back(&block.down);
    if (failed(pruning->choose(linears)))
      return failure();
    for (Block &block : blocks)
      narrow(block, *pruning);
    return success();
  }

  //===--- Blocks ---===//

  std::vector<Block> findBlocks(ModuleOp module, const LayerSelection &selection, const ParamUses &uses) {
    std::vector<Block> blocks;
    for (PrunedLinear &down : ColumnPruning::find(module, selection)) {
      LinearOp linear = down.linear;
      auto match = matchFeedForward(linear, uses);
      if (!match)
        continue;
      if (const auto *reason = std::get_if<std::string>(&*match)) {
        tellMissed(kPass, "NotPruned", linear, *reason);
        continue;
      }
      Block block = {std::move(down), std::get<FeedForward>(*match)};
      addUnits(block);
      if (budget == "uniform" && block.down.leave == block.neurons())
        tellMissed(kPass, "NotPruned", linear,
                   "rounded up to a multiple of " + Twine(multiple) + ", all of its neurons are kept");
      else
        blocks.push_back(std::move(block));
    }
    return blocks;
  }

  void addUnits(Block &block) {
    PrunedLinear &down = block.down;
    int64_t work = widthOf(down.linear.getResult());
    std::vector<std::vector<int64_t>> rows;
    for (int64_t i = 0; i < down.input.width(); ++i)
      rows.push_back({i});
    for (LinearOp linear : block.ffn.before) {
      down.makers.push_back({linear, rows});
      work += widthOf(linear.getInput());
    }
    for (const std::vector<int64_t> &columns : rows)
      down.units.push_back({columns, work});
    auto wanted = static_cast<int64_t>(std::ceil(double(block.neurons()) * (1 - ratio)));
    down.leave = std::min(block.neurons(), std::max<int64_t>(1, (wanted + multiple - 1) / multiple) * multiple);
    down.multiple = multiple;
  }

  //===--- Rewrite ---===//

  void narrow(Block &block, ColumnPruning &pruning) {
    if (block.down.kept.size() == block.down.units.size())
      return;
    takeNeurons(block.ffn, block.down.kept, pruning.getUses());
    pruning.narrow(block.down);
    tellPassed(kPass, "PrunedFfn", block.down.linear)
        << remark::metric("Kept", static_cast<int64_t>(block.down.kept.size())) << remark::metric("Of", block.neurons())
        << remark::metric("Error", block.down.error);
  }
};

} // namespace

} // namespace lmopt::lm
