// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dense feed-forward blocks as experts. In: linear, activation or gated product, linear; statistics. Out: a router,
// gates, experts made of the same neurons in another order, the mean of what is left out in their biases. From
// techniques 6.4, 15.7. Cost: NeuronClusters.h and LeftOut.h; blocks are worked on in parallel. Tested by
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
#include "passes/split-ffn/LeftOut.h"
#include "passes/split-ffn/SplitCost.h"

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
  // What was found out.
  std::string reason = ""; ///< to stay dense, or empty
  double firing = 0;
  NeuronClusters clusters = {};
  double retained = 1, error = 0;
  std::vector<float> shift = {}; ///< mean of what is left out of the results; empty: none

  LinearOp down() const { return ffn.down; }
  LinearOp first() const { return ffn.before.front(); }
  LinearOp up() const { return isGated() ? ffn.before.back() : LinearOp(); }
  bool isGated() const { return ffn.before.size() > 1; }
  Value input() const { return first().getInput(); }
  int64_t width() const { return widthOf(input()); }
  int64_t neurons() const { return widthOf(down().getInput()); }
  int64_t outputs() const { return widthOf(down().getResult()); }
  ActivationKind kind() const {
    auto gated = dyn_cast<GatedProductOp>(ffn.middle);
    return gated ? gated.getKind() : cast<ActivationOp>(ffn.middle).getKind();
  }
};

/// The numbers of its weights.
struct BlockWeights {
  WeightData first, last;
  std::optional<WeightData> bias, up;

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
      if (block.neurons() % experts)
        return refuseExperts(block);
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
    if (experts < 1)
      return error() << "'experts' must be at least 1, found " << experts.getValue();
    if (count < 1 || count > experts)
      return error() << "'count' must be from 1 to the " << experts.getValue() << " experts, found "
                     << count.getValue();
    if (!llvm::is_contained({"means", "tree"}, router.getValue()))
      return error() << "'router' must be means or tree, found '" << router.getValue() << "'";
    if (isTree() && (experts < 2 || !llvm::isPowerOf2_64(static_cast<uint64_t>(experts.getValue()))))
      return error() << "'experts' must be a power of two from 2 on for a tree, found " << experts.getValue();
    if (!(most > 0 && most <= 1))
      return error() << "'most' must be above 0 and at most 1, found " << most.getValue();
    if (!(limit >= 0))
      return error() << "'limit' must not be negative, found " << limit.getValue();
    return success();
  }

  bool isTree() const { return router == "tree"; }
  bool isWhole() const { return count == experts; }

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

  LogicalResult refuseExperts(const Block &block) const {
    return block.down().emitError() << kPass << ": option 'experts': " << experts.getValue() << " do not divide the "
                                    << block.neurons() << " neurons of '" << getPartName(block.down())
                                    << "'; expected a divisor, or its name among those to 'skip'";
  }

  bool staysDense(const Block &block) const {
    SplitSizes sizes = {block.width(), block.neurons(), block.outputs(), static_cast<int64_t>(block.ffn.before.size()),
                        experts,       count,           isTree()};
    double share = splitCost(sizes) / denseCost(sizes);
    if (!pays || share < 1)
      return false;
    tellMissed(kPass, "KeptDense", block.down(), llvm::formatv("experts would cost {0:F2} of what it costs", share));
    return true;
  }

  //===--- What it would lose ---===//

  LogicalResult findOut(Block &block, const FiringShares &shares, WeightReader &reader, const ParamUses &uses) {
    FailureOr<double> firing =
        block.isGated() ? FailureOr<double>(FiringShares::kAssumed) : shares.of(block.down().getInput());
    if (failed(firing))
      return failure();
    block.firing = *firing;
    bool isKnown = !block.isGated() || !shares.statistics();
    if (isKnown && refuses(block))
      return success();
    FailureOr<BlockWeights> weights = read(block, reader, uses);
    if (failed(weights) || !block.reason.empty())
      return failure(failed(weights));
    DenseBlock dense = weights->dense(block.kind());
    block.clusters = isTree() ? clustersByTree(&getContext(), dense.first, experts)
                              : clustersByMeans(&getContext(), dense.first, experts);
    return shares.statistics() ? measure(block, dense, shares) : success();
  }

  bool refuses(Block &block) const {
    if (block.firing > most)
      block.reason = llvm::formatv("{0:F3} of its neurons fire{1}; at most {2:F3} may", block.firing,
                                   stats.empty() ? ", as is assumed without 'stats'" : "", most.getValue());
    return !block.reason.empty();
  }

  FailureOr<BlockWeights> read(Block &block, WeightReader &reader, const ParamUses &uses) {
    BlockWeights weights;
    auto take = [&](FlatSymbolRefAttr symbol, auto &to) {
      FailureOr<WeightData> data = reader.read(uses.lookup(symbol));
      if (failed(data))
        return failure();
      if (!llvm::all_of(data->f32, [](float number) { return std::isfinite(number); }))
        block.reason = "its weights are not all finite";
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

  LogicalResult measure(Block &block, const DenseBlock &dense, const FiringShares &shares) {
    const ObservedValue *input = shares.find(block.input()), *neurons = shares.find(block.down().getInput());
    FailureOr<ValueStatistics> read = shares.statistics()->read(*input), given = shares.statistics()->read(*neurons);
    if (failed(read) || failed(given))
      return failure();
    std::optional<LeftOut> left = findLeftOut(dense, momentsOf(*read), block.clusters, count);
    if (!left)
      return block.down().emitError() << kPass << ": the statistics of '" << input->name
                                      << "' have moments that are not finite or not positive definite; calibrate again";
    if (block.isGated())
      block.firing = left->firing;
    if (!std::isfinite(left->plainError) || !std::isfinite(left->error))
      block.reason = "on rows like those of the statistics its results are beyond the range of f32";
    if (!block.reason.empty() || refuses(block))
      return success();
    block.retained = retainedEnergy(dense, *given, *left);
    block.error = repair ? left->error : left->plainError;
    if (!isWhole() && block.error > limit)
      block.reason =
          llvm::formatv("its results would be off by {0:F3}; at most {1:F3} is allowed", block.error, limit.getValue());
    if (repair && !isWhole())
      block.shift = meanLeftOut(dense, *given, *left);
    return success();
  }

  static InputMoments momentsOf(const ValueStatistics &sums) {
    InputMoments moments = {sums.sums, centredMoments(sums.products, sums.sums, sums.tokens)};
    for (double &mean : moments.mean)
      mean /= double(sums.tokens);
    for (double &number : moments.covariance.numbers)
      number /= double(sums.tokens);
    return moments;
  }

  /// Of sum_i E[a_i²] |w_i|², w_i column i of the last matrix.
  static double retainedEnergy(const DenseBlock &dense, const ValueStatistics &given, const LeftOut &left) {
    double all = 0, lost = 0;
    for (int64_t i = 0; i < dense.neurons(); ++i) {
      double norm = 0;
      for (int64_t m = 0; m < dense.last.count; ++m)
        norm += double(dense.last.row(m)[i]) * dense.last.row(m)[i];
      all += norm * given.product(i, i);
      lost += norm * given.product(i, i) * left.squares[size_t(i)];
    }
    return all > 0 ? 1 - lost / all : 1;
  }

  /// W (share * E[a]): each neuron's measured mean, as far as the drawn rows leave it out.
  static std::vector<float> meanLeftOut(const DenseBlock &dense, const ValueStatistics &given, const LeftOut &left) {
    std::vector<float> shift;
    for (int64_t m = 0; m < dense.last.count; ++m) {
      double sum = 0;
      for (int64_t i = 0; i < dense.neurons(); ++i)
        sum += dense.last.row(m)[i] * left.share[size_t(i)] * given.sums[size_t(i)] / double(given.tokens);
      shift.push_back(float(sum));
    }
    return shift;
  }

  //===--- Rewrite ---===//

  void replace(Block &block, ParamUses &uses) {
    LinearOp down = block.down();
    if (!block.reason.empty())
      return tellMissed(kPass, "KeptDense", down, block.reason);
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
    remark << remark::metric("Experts", experts.getValue()) << remark::metric("Count", count.getValue())
           << remark::metric("Firing", block.firing);
    if (!stats.empty())
      remark << remark::metric("Retained", block.retained) << remark::metric("Error", block.error);
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
    llvm::ArrayRef<int64_t> order = block.clusters.order;
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
    if (!isWhole())
      last.setExactnessAttr(approximate(stats.empty() ? std::nullopt : std::optional<Real>(Real(block.error))));
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
    if (!isWhole())
      param.setExactnessAttr(approximate());
    return param;
  }

  Value makeGates(OpBuilder &builder, const Block &block, const ParamUses &uses) {
    llvm::SmallVector<int64_t, 2> shape = {block.clusters.routerRows(), block.width()};
    ParamOp weight = makeParam(block, uses, "router.weight", shape, numbersAttr(shape, block.clusters.router));
    Location loc = block.down().getLoc();
    std::string name = stemOf(block, uses) + ".router";
    if (isTree()) {
      auto made = TreeGatesOp::create(builder, loc, withWidth(block.input(), experts), block.input(), refTo(weight),
                                      FlatSymbolRefAttr(), builder.getI64IntegerAttr(count));
      setPartName(made, name);
      return made;
    }
    auto scores = LinearOp::create(builder, loc, block.input(), weight);
    setPartName(scores, name);
    auto made =
        TopGatesOp::create(builder, loc, scores.getType(), scores, static_cast<uint64_t>(count.getValue()), "none");
    nameAfter(made, scores, "gates");
    return made;
  }

  /// Each of the experts that are used adds its part of the bias and of the mean of what is left out: all the same.
  FlatSymbolRefAttr makeBiases(const Block &block, const ParamUses &uses) {
    FlatSymbolRefAttr bias = block.down().getBiasAttr();
    Attribute sum = bias ? uses.lookup(bias).getValue() : Attribute();
    if (!block.shift.empty()) {
      Attribute shift = numbersAttr({block.outputs()}, block.shift);
      sum = sum ? Attribute(SumAttr::get(&getContext(), sum, shift)) : shift;
    }
    if (!sum)
      return {};
    if (count > 1)
      sum = ScaleAttr::get(&getContext(), sum, Real(1 / double(count)));
    llvm::SmallVector<int64_t, 2> shape = {experts, block.outputs()};
    Attribute rows = AddToRowsAttr::get(&getContext(), DenseElementsAttr::get(f32Type(shape), 0.0f), sum);
    return refTo(makeParam(block, uses, "shifts", shape, rows));
  }
};

} // namespace

} // namespace lmopt::lm
