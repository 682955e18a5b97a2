// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dense feed-forward blocks as experts. In: linear, activation or gated product, linear; statistics. Out: a router,
// gates, experts made of the same neurons in another order, what makes up for those that are left out. From
// techniques 6.4, 15.7. Cost: NeuronClusters.h, LeftOut.h, FitRepair.h; blocks are worked on in parallel. Tested by
// test/passes/split-ffn.
#include "passes/split-ffn/SplitFfn.h"

#include "dialects/lm/Build.h"
#include "dialects/lm/PartNames.h"
#include "dialects/lm/Verify.h"
#include "dialects/lm/Weights.h"
#include "dialects/lm/conditional/Conditional.h"
#include "dialects/lm/elementwise/Elementwise.h"
#include "dialects/lm/linear/Linear.h"
#include "dialects/lm/weights/WeightData.h"
#include "passes/analysis/FiringShares.h"
#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/NarrowLinear.h"
#include "passes/analysis/Tell.h"
#include "passes/split-ffn/SplitCost.h"
#include "passes/split-ffn/SplitPlan.h"

#include "mlir/IR/Threading.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMSPLITFFNPASS
#include "passes/split-ffn/SplitFfn.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-split-ffn";

namespace {

struct Block {
  FeedForward ffn;
  SplitWishes wishes = {};
  SplitPlan plan = {};

  LinearOp down() const { return ffn.down; }
  LinearOp first() const { return ffn.before.front(); }
  LinearOp up() const { return isGated() ? ffn.before.back() : LinearOp(); }
  bool isGated() const { return ffn.before.size() > 1; }
  Value input() const { return first().getInput(); }
  int64_t width() const { return widthOf(input()); }
  int64_t neurons() const { return widthOf(down().getInput()); }
  int64_t outputs() const { return widthOf(down().getResult()); }
  int64_t experts() const { return wishes.experts; }
  ActivationKind kind() const {
    auto gated = dyn_cast<GatedProductOp>(ffn.middle);
    return gated ? gated.getKind() : cast<ActivationOp>(ffn.middle).getKind();
  }
};

/// The numbers of its weights.
struct BlockWeights {
  WeightData first, last;
  std::optional<WeightData> bias, up;
  bool areFinite = true;

  DenseBlock dense(ActivationKind kind) const {
    return {{first.f32.data(), first.rows(), first.columns()},
            bias ? bias->f32.data() : nullptr,
            up ? up->f32.data() : nullptr,
            {last.f32.data(), last.rows(), last.columns()},
            activationOf(kind)};
  }
};

struct SplitFfn : impl::LmSplitFfnPassBase<SplitFfn> {
  using LmSplitFfnPassBase::LmSplitFfnPassBase;

  void runOnOperation() override {
    if (failed(split()))
      signalPassFailure();
  }

  LogicalResult split() {
    ModuleOp module = getOperation();
    if (failed(checkOptions(module)))
      return failure();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return failure();
    FailureOr<FiringShares> shares = FiringShares::open(module, stats);
    if (failed(shares))
      return failure();
    ParamUses uses(module);
    std::vector<Block> blocks = findBlocks(module, *selection, uses);
    for (Block &block : blocks)
      if (failed(chooseExperts(block)))
        return failure();
    llvm::erase_if(blocks, [&](Block &block) { return staysDense(block); });
    WeightReader reader(base.empty() ? moduleDirectory(module) : base.getValue());
    auto work = [&](Block &block) { return findOut(block, *shares, reader, uses); };
    if (failed(failableParallelForEach(&getContext(), blocks, work)))
      return failure();
    for (Block &block : blocks)
      replace(block, uses);
    uses.eraseUnused();
    return success();
  }

  LogicalResult checkOptions(ModuleOp module) {
    auto error = [&] { return module.emitError() << kPass << ": option "; };
    if (experts < 0)
      return error() << "'experts' must not be negative, found " << experts.getValue();
    if (count < 0 || (experts > 0 && count > experts))
      return error() << "'count' must be from 1 to the number of experts (0: as few as keep 'limit'), found "
                     << count.getValue();
    if (!(share >= 0 && share <= 1))
      return error() << "'share' must be above 0 and at most 1, found " << share.getValue();
    if (count > 0 && share > 0)
      return error() << "'count' and 'share' both say how many experts are used; give one of them";
    if (count == 0 && share == 0 && stats.empty())
      return error() << "'count' or 'share' must say how many experts are used; only with 'stats' is it known what "
                        "keeps 'limit'";
    if (!llvm::is_contained({"means", "tree"}, router.getValue()))
      return error() << "'router' must be means or tree, found '" << router.getValue() << "'";
    if (isTree() && experts > 0 && (experts < 2 || !llvm::isPowerOf2_64(static_cast<uint64_t>(experts.getValue()))))
      return error() << "'experts' must be a power of two from 2 on for a tree, found " << experts.getValue();
    if (!(most > 0 && most <= 1))
      return error() << "'most' must be above 0 and at most 1, found " << most.getValue();
    if (!(limit >= 0))
      return error() << "'limit' must not be negative, found " << limit.getValue();
    return success();
  }

  bool isTree() const { return router == "tree"; }

  //===--- Blocks ---===//

  std::vector<Block> findBlocks(ModuleOp module, const LayerSelection &selection, const ParamUses &uses) {
    std::vector<Block> blocks;
    for (LinearOp down : findOps<LinearOp>(module)) {
      auto match = selection.contains(down) ? matchFeedForward(down, uses) : std::nullopt;
      if (!match)
        continue;
      if (const auto *reason = std::get_if<std::string>(&*match)) {
        tellMissed(kPass, "KeptDense", down, *reason);
        continue;
      }
      Block block = {std::get<FeedForward>(*match)};
      if (std::string reason = reasonToKeep(block, uses); !reason.empty())
        tellMissed(kPass, "KeptDense", down, reason);
      else
        blocks.push_back(std::move(block));
    }
    return blocks;
  }

  std::string reasonToKeep(const Block &block, const ParamUses &uses) const {
    if (readsVectors(block.down()))
      return "it reads one vector a sequence, which is little work";
    if (block.isGated() && block.up().getInput() != block.input())
      return "its gate reads another value";
    if (block.isGated() && block.up().getBiasAttr())
      return "the matrix beside its gate has a bias, which experts have no place for";
    for (LinearOp linear : block.ffn.before)
      if (std::string reason = reasonToKeepCodes(uses.lookup(linear.getWeightAttr())); !reason.empty())
        return reason;
    return "";
  }

  LogicalResult chooseExperts(Block &block) {
    int64_t chosen = experts > 0 ? experts.getValue() : usualExperts(block.neurons());
    if (block.neurons() % chosen)
      return block.down().emitError() << kPass << ": option 'experts': " << chosen << " do not divide the "
                                      << block.neurons() << " neurons of '" << getPartName(block.down())
                                      << "'; expected a divisor, or its name among those to 'skip'";
    auto shared = static_cast<int64_t>(std::ceil(share * double(chosen)));
    int64_t used = share > 0 ? shared : std::min<int64_t>(count, chosen);
    block.wishes = {chosen, used, isTree(), fit, repair, most, limit};
    return success();
  }

  /// The greatest power of two that divides the neurons and leaves at least 32 for each: two vectors of 16 numbers, and
  /// a router that costs a hundredth of the block.
  static int64_t usualExperts(int64_t neurons) {
    int64_t experts = 1;
    while (neurons % (2 * experts) == 0 && neurons / (2 * experts) >= 32)
      experts *= 2;
    return experts;
  }

  bool staysDense(const Block &block) const {
    std::string reason;
    if (block.experts() < 2 && experts == 0)
      reason = "its neurons do not fall into halves of at least 32";
    else if (pays && block.wishes.count > 0)
      reason = reasonOfCost(block);
    if (!reason.empty())
      tellMissed(kPass, "KeptDense", block.down(), reason);
    return !reason.empty();
  }

  /// Why experts would not pay; empty: they would.
  static std::string reasonOfCost(const Block &block) {
    const SplitWishes &wishes = block.wishes;
    auto matrices = static_cast<int64_t>(block.ffn.before.size());
    SplitSizes sizes = {block.width(),  block.neurons(), block.outputs(), matrices,
                        wishes.experts, wishes.count,    wishes.isTree};
    double share = splitCost(sizes) / denseCost(sizes);
    return share < 1 ? std::string() : llvm::formatv("experts would cost {0:F2} of what it costs", share).str();
  }

  //===--- What it would lose ---===//

  LogicalResult findOut(Block &block, const FiringShares &shares, WeightReader &reader, const ParamUses &uses) {
    FailureOr<double> firing =
        block.isGated() ? FailureOr<double>(FiringShares::kAssumed) : shares.of(block.down().getInput());
    if (failed(firing))
      return failure();
    bool isKnown = !block.isGated() || !shares.statistics();
    if (isKnown && *firing > most) {
      block.plan.reason = tooMany(*firing, most, stats.empty());
      return success();
    }
    FailureOr<BlockWeights> weights = read(block, reader, uses);
    if (failed(weights))
      return failure();
    if (!weights->areFinite) {
      block.plan.reason = "its weights are not all finite";
      return success();
    }
    return plan(block, weights->dense(block.kind()), shares, *firing);
  }

  LogicalResult plan(Block &block, const DenseBlock &dense, const FiringShares &shares, double firing) {
    std::optional<BlockStatistics> measured;
    if (shares.statistics() && failed(readStatistics(block, shares, measured)))
      return failure();
    std::optional<SplitPlan> plan =
        planSplit(&getContext(), dense, block.wishes, measured ? &*measured : nullptr, firing);
    if (!plan)
      return block.down().emitError() << kPass << ": the statistics of '" << shares.find(block.input())->name
                                      << "' have moments that are not finite or not positive definite; calibrate again";
    bool wasSearched = block.wishes.count == 0;
    block.wishes.count = plan->count;
    if (pays && wasSearched && plan->reason.empty())
      plan->reason = reasonOfCost(block);
    block.plan = std::move(*plan);
    return success();
  }

  LogicalResult readStatistics(const Block &block, const FiringShares &shares,
                               std::optional<BlockStatistics> &measured) {
    const ObservedValue *input = shares.find(block.input()), *neurons = shares.find(block.down().getInput());
    FailureOr<ValueStatistics> read = shares.statistics()->read(*input), given = shares.statistics()->read(*neurons);
    FailureOr<std::vector<float>> rows = shares.statistics()->readBlockRows(*input);
    if (failed(read) || failed(given) || failed(rows))
      return failure();
    measured = {std::move(*read), std::move(*given), std::move(*rows)};
    return success();
  }

  FailureOr<BlockWeights> read(Block &block, WeightReader &reader, const ParamUses &uses) {
    BlockWeights weights;
    auto take = [&](FlatSymbolRefAttr symbol, auto &to) {
      FailureOr<WeightData> data = reader.read(uses.lookup(symbol));
      if (failed(data))
        return failure();
      weights.areFinite &= llvm::all_of(data->f32, [](float number) { return std::isfinite(number); });
      to = std::move(*data);
      return success();
    };
    if (failed(take(block.first().getWeightAttr(), weights.first)) ||
        failed(take(block.down().getWeightAttr(), weights.last)) ||
        (block.isGated() && failed(take(block.up().getWeightAttr(), weights.up))) ||
        (block.first().getBiasAttr() && failed(take(block.first().getBiasAttr(), weights.bias))))
      return failure();
    return weights;
  }

  //===--- Rewrite ---===//

  void replace(Block &block, ParamUses &uses) {
    LinearOp down = block.down();
    if (!block.plan.reason.empty())
      return tellMissed(kPass, "KeptDense", down, block.plan.reason);
    FlatSymbolRefAttr biases = makeBiases(block, uses);
    reorder(block, uses);
    OpBuilder builder(down);
    Value gates = makeGates(builder, block, uses);
    auto made = ExpertsOp::create(builder, down.getLoc(), down.getType(), block.input(), gates,
                                  block.first().getWeightAttr(), block.first().getBiasAttr(),
                                  block.isGated() ? block.up().getWeightAttr() : FlatSymbolRefAttr(),
                                  down.getWeightAttr(), biases, ActivationKindAttr::get(&getContext(), block.kind()));
    takePartName(made, down);
    tell(block, made);
    down.getResult().replaceAllUsesWith(made.getResult());
    uses.record(made);
    eraseDense(block, uses);
  }

  void tell(const Block &block, ExpertsOp made) {
    auto remark = tellPassed(kPass, "SplitFfn", made);
    remark << remark::metric("Experts", block.experts()) << remark::metric("Count", block.plan.count)
           << remark::metric("Firing", block.plan.firing);
    if (!stats.empty())
      remark << remark::metric("Retained", block.plan.retained) << remark::metric("Error", block.plan.error)
             << remark::metric("Fitted", block.plan.isFitted ? "rows" : "moments");
  }

  static void eraseDense(Block &block, ParamUses &uses) {
    llvm::SmallVector<Operation *> dense = {block.down(), block.ffn.middle};
    llvm::append_range(dense, block.ffn.before);
    for (Operation *op : dense) {
      uses.forget(op);
      op->erase();
    }
  }

  void reorder(Block &block, ParamUses &uses) {
    llvm::ArrayRef<int64_t> order = block.plan.clusters.order;
    auto move = [&](ParamOp param) {
      param.setValueAttr(ReorderRowsAttr::get(&getContext(), param.getValue(), order));
    };
    for (LinearOp linear : block.ffn.before)
      move(uses.lookup(linear.getWeightAttr()));
    if (block.first().getBiasAttr())
      move(uses.lookup(block.first().getBiasAttr()));
    ParamOp last = uses.lookup(block.down().getWeightAttr());
    transposeWeight(last);
    move(last);
    if (!block.plan.values.empty())
      last.setValueAttr(SumAttr::get(&getContext(), last.getValue(),
                                     numbersAttr({block.neurons(), block.outputs()}, block.plan.values)));
    if (!block.plan.isWhole())
      last.setExactnessAttr(approximate(stats.empty() ? std::nullopt : std::optional<Real>(Real(block.plan.error))));
  }

  RankedTensorType f32Type(llvm::ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, Float32Type::get(&getContext()));
  }
  ExactnessAttr approximate(std::optional<Real> error = std::nullopt) {
    return ExactnessAttr::get(&getContext(), ExactnessKind::approximate, error);
  }
  DenseElementsAttr numbersAttr(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> numbers) {
    return DenseElementsAttr::get(f32Type(shape), numbers);
  }

  /// The name of the block: that of its last linear without the last word.
  std::string stemOf(const Block &block, const ParamUses &uses) {
    StringRef part = getPartName(block.down());
    return part.empty() ? uses.lookup(block.down().getWeightAttr()).getSymName().str() : part.rsplit('.').first.str();
  }

  ParamOp makeParam(const Block &block, const ParamUses &uses, StringRef suffix, llvm::ArrayRef<int64_t> shape,
                    Attribute value) {
    ParamOp beside = uses.lookup(block.down().getWeightAttr());
    OpBuilder builder(beside);
    std::string name = freeParamName(getOperation(), stemOf(block, uses) + "." + suffix.str());
    auto param = ParamOp::create(builder, beside.getLoc(), name, f32Type(shape), value);
    if (!block.plan.isWhole())
      param.setExactnessAttr(approximate());
    return param;
  }

  Value makeGates(OpBuilder &builder, const Block &block, const ParamUses &uses) {
    const NeuronClusters &clusters = block.plan.clusters;
    llvm::SmallVector<int64_t, 2> shape = {clusters.routerRows(), block.width()};
    ParamOp weight = makeParam(block, uses, "router.weight", shape, numbersAttr(shape, clusters.router)), bias;
    if (!clusters.routerBias.empty())
      bias = makeParam(block, uses, "router.bias", shape.front(), numbersAttr(shape.front(), clusters.routerBias));
    Location loc = block.down().getLoc();
    std::string name = stemOf(block, uses) + ".router";
    if (isTree()) {
      auto made =
          TreeGatesOp::create(builder, loc, withWidth(block.input(), block.experts()), block.input(), refTo(weight),
                              bias ? refTo(bias) : FlatSymbolRefAttr(), builder.getI64IntegerAttr(block.plan.count));
      setPartName(made, name);
      return made;
    }
    auto scores = LinearOp::create(builder, loc, block.input(), weight, bias);
    setPartName(scores, name);
    auto made =
        TopGatesOp::create(builder, loc, scores.getType(), scores, static_cast<uint64_t>(block.plan.count), "none");
    nameAfter(made, scores, "gates");
    return made;
  }

  /// Each of the experts that are used adds its part of the bias and of what all shift together, and its own shift.
  FlatSymbolRefAttr makeBiases(const Block &block, const ParamUses &uses) {
    FlatSymbolRefAttr bias = block.down().getBiasAttr();
    llvm::ArrayRef<float> shifts = block.plan.shifts;
    bool isOneForAll = static_cast<int64_t>(shifts.size()) == block.outputs();
    llvm::SmallVector<int64_t, 2> shape = {block.experts(), block.outputs()};
    Attribute sum = bias ? uses.lookup(bias).getValue() : Attribute();
    if (!shifts.empty() && isOneForAll) {
      Attribute shift = numbersAttr(block.outputs(), shifts);
      sum = sum ? Attribute(SumAttr::get(&getContext(), sum, shift)) : shift;
    }
    if (!sum && shifts.empty())
      return {};
    Attribute rows = shifts.empty() || isOneForAll ? Attribute(DenseElementsAttr::get(f32Type(shape), 0.0f))
                                                   : Attribute(numbersAttr(shape, shifts));
    if (sum && block.plan.count > 1)
      sum = ScaleAttr::get(&getContext(), sum, Real(1 / double(block.plan.count)));
    if (sum)
      rows = AddToRowsAttr::get(&getContext(), rows, sum);
    return refTo(makeParam(block, uses, "shifts", shape, rows));
  }
};

} // namespace

} // namespace lmopt::lm
