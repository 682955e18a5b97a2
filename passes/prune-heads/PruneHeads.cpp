// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention with fewer heads. In: linears of query, key, value; attention; a linear. Out: the same with fewer heads,
// the last linear refitted. From techniques 7.1, 7.4, 15.2. Which heads go: passes/analysis/ColumnPruning.h. Tested by
// test/passes/prune-heads.
#include "passes/prune-heads/PruneHeads.h"

#include "dialects/lm/PartNames.h"
#include "dialects/lm/Verify.h"
#include "dialects/lm/attention/Attention.h"
#include "dialects/lm/linear/Linear.h"
#include "passes/analysis/ColumnPruning.h"
#include "passes/analysis/NarrowLinear.h"
#include "passes/analysis/Tell.h"

#include <numeric>

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMPRUNEHEADSPASS
#include "passes/prune-heads/PruneHeads.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-prune-heads";

namespace {

struct Block {
  PrunedLinear output;
  AttentionOp attention;
  LinearOp query = {}, key = {}, value = {};
  std::vector<std::vector<int64_t>> headsOfUnit = {};

  int64_t heads() { return int64_t(attention.getHeads()); }
  /// The head of keys and values that each query head reads.
  std::vector<int64_t> groupOfHead() {
    std::vector<int64_t> groups;
    for (auto [group, size] : llvm::enumerate(attention.getGroupSizes()))
      groups.insert(groups.end(), static_cast<size_t>(size), int64_t(group));
    return groups;
  }
};

struct PruneHeads : impl::LmPruneHeadsPassBase<PruneHeads> {
  using LmPruneHeadsPassBase::LmPruneHeadsPassBase;

  void runOnOperation() override {
    if (failed(prune()))
      signalPassFailure();
  }

  LogicalResult prune() {
    ModuleOp module = getOperation();
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
      linears.push_back(&block.output);
    if (failed(pruning->choose(linears)))
      return failure();
    for (Block &block : blocks)
      narrow(block, *pruning);
    return success();
  }

  //===--- Blocks ---===//

  std::vector<Block> findBlocks(ModuleOp module, const LayerSelection &selection, const ParamUses &uses) {
    llvm::SmallVector<AttendOp> readers = findOps<AttendOp>(module);
    std::vector<Block> blocks;
    for (PrunedLinear &output : ColumnPruning::find(module, selection)) {
      auto attention = output.linear.getInput().getDefiningOp<AttentionOp>();
      if (output.linear.getInput().getDefiningOp<AttendOp>())
        tellMissed(kPass, "NotPruned", output.linear,
                   "its attention is in halves already; prune before lm-expand-attention");
      if (!attention)
        continue;
      Block block = {std::move(output), attention};
      if (std::string reason = completeBlock(block, uses, readers); !reason.empty())
        tellMissed(kPass, "NotPruned", block.output.linear, reason);
      else
        blocks.push_back(std::move(block));
    }
    return blocks;
  }

  /// Why the attention must stay as it is, or an empty string.
  std::string completeBlock(Block &block, const ParamUses &uses, ArrayRef<AttendOp> readers) {
    AttentionOp attention = block.attention;
    if (!attention.getResult().hasOneUse())
      return "what its attention gives is also used elsewhere";
    if (!uses.isOnlyUsedBy(uses.lookup(block.output.linear.getWeightAttr()), block.output.linear))
      return "its weight is also used elsewhere";
    if (std::string reason = reasonToKeepCodes(uses.lookup(block.output.linear.getWeightAttr())); !reason.empty())
      return reason;
    if (llvm::any_of(readers, [&](AttendOp other) { return other.getLayerAttr() == attention.getLayerAttr(); }))
      return "other queries read the keys and values of its attention, too";
    for (auto [value, linear] : {std::pair(attention.getQuery(), &block.query),
                                 {attention.getKey(), &block.key},
                                 {attention.getValue(), &block.value}}) {
      *linear = getOwnLinear(value, uses);
      FlatSymbolRefAttr bias = *linear ? linear->getBiasAttr() : FlatSymbolRefAttr();
      if (!*linear || (bias && !uses.isOnlyUsedBy(uses.lookup(bias), *linear)))
        return "what its attention reads is no f32 linear of its own";
    }
    addUnits(block);
    if (budget == "uniform" && block.output.leave == int64_t(block.output.units.size()))
      return "rounded to whole heads, none of its " + std::to_string(block.output.leave) + " goes";
    return "";
  }

  void addUnits(Block &block) {
    AttentionOp attention = block.attention;
    std::vector<int64_t> groups = block.groupOfHead();
    for (int64_t head = 0; head < block.heads(); ++head)
      if (this->groups && head > 0 && groups[size_t(head)] == groups[size_t(head - 1)])
        block.headsOfUnit.back().push_back(head);
      else
        block.headsOfUnit.push_back({head});
    PrunedLinear &output = block.output;
    int64_t keyWidth = attention.getHeadWidth(), valueWidth = attention.getValueWidth();
    int64_t work = keyWidth * widthOf(block.query.getInput()) + valueWidth * widthOf(output.linear.getResult());
    output.groupWork = keyWidth * widthOf(block.key.getInput()) + valueWidth * widthOf(block.value.getInput());
    UnitMaker values = {block.value, {}};
    for (const std::vector<int64_t> &heads : block.headsOfUnit) {
      int64_t group = groups[size_t(heads.front())];
      output.units.push_back({expandBlocks(heads, valueWidth), work * int64_t(heads.size()), group});
      values.rows.push_back(expandBlocks({group}, valueWidth));
    }
    output.makers = {values};
    auto units = int64_t(output.units.size());
    output.leave = std::max<int64_t>(1, units - std::llround(double(units) * ratio));
  }

  //===--- Rewrite ---===//

  /// What the bias of positions has for the heads that stay. Other attentions may read the same table.
  static void takeBias(AttentionOp attention, ArrayRef<int64_t> heads) {
    if (AlibiAttr alibi = attention.getAlibi()) {
      llvm::SmallVector<Real> slopes;
      for (int64_t head : heads)
        slopes.push_back(alibi.getSlopes()[static_cast<size_t>(head)]);
      attention.setPositionBiasAttr(AlibiAttr::get(attention.getContext(), slopes));
    }
    if (FlatSymbolRefAttr symbol = attention.getDistanceTable())
      attention.setPositionBiasAttr(takeTable(attention, lookupParam(attention, symbol), heads));
  }

  static FlatSymbolRefAttr takeTable(AttentionOp attention, ParamOp table, ArrayRef<int64_t> heads) {
    auto module = table->getParentOfType<ModuleOp>();
    OpBuilder builder(table);
    auto own = cast<ParamOp>(builder.clone(*table));
    own.setSymName(freeParamName(module, (getPartName(attention) + ".bias.weight").str()));
    takeRows(own, heads);
    attention.removePositionBiasAttr();
    if (SymbolTable::symbolKnownUseEmpty(table, module))
      table.erase();
    return FlatSymbolRefAttr::get(own.getSymNameAttr());
  }

  void narrow(Block &block, ColumnPruning &pruning) {
    if (block.output.kept.size() == block.output.units.size())
      return;
    AttentionOp attention = block.attention;
    const ParamUses &uses = pruning.getUses();
    int64_t heads = block.heads(), keyWidth = attention.getHeadWidth(), valueWidth = attention.getValueWidth();
    std::vector<int64_t> groups = block.groupOfHead(), kept, keptGroups, sizes;
    for (int64_t unit : block.output.kept)
      llvm::append_range(kept, block.headsOfUnit[size_t(unit)]);
    for (int64_t head : kept)
      if (int64_t group = groups[size_t(head)]; keptGroups.empty() || keptGroups.back() != group) {
        keptGroups.push_back(group);
        sizes.push_back(1);
      } else {
        ++sizes.back();
      }
    takeRows(block.query, expandBlocks(kept, keyWidth), uses);
    if (int64_t(keptGroups.size()) < int64_t(attention.getKvHeads())) {
      takeRows(block.key, expandBlocks(keptGroups, keyWidth), uses);
      takeRows(block.value, expandBlocks(keptGroups, valueWidth), uses);
    }
    takeBias(attention, kept);
    attention.setHeads(kept.size());
    attention.setKvHeads(keptGroups.size());
    attention.setGroups(llvm::all_equal(sizes) ? std::nullopt : std::optional<ArrayRef<int64_t>>(sizes));
    setWidth(attention.getResult(), int64_t(kept.size()) * valueWidth);
    pruning.narrow(block.output);
    tellPassed(kPass, "PrunedHeads", block.output.linear)
        << remark::metric("Kept", static_cast<int64_t>(kept.size())) << remark::metric("Of", heads)
        << remark::metric("KvHeads", static_cast<int64_t>(keptGroups.size()))
        << remark::metric("Error", block.output.error);
  }
};

} // namespace

} // namespace lmopt::lm
