// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Feed-forward blocks with fewer neurons. In: linear, activation or gated product, linear. Out: the same, narrower, the
// last linear refitted. From techniques 7.3, 7.4, 15.2. Cost: of n neurons and d results some n^2 (n + d) products a
// block; blocks are worked on in parallel. Tested by test/passes/prune-ffn.
#include "passes/prune-ffn/PruneFfn.h"

#include "dialects/lm/Weights.h"
#include "dialects/lm/elementwise/Elementwise.h"
#include "dialects/lm/linear/Linear.h"
#include "dialects/lm/weights/LeastSquares.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Statistics.h"
#include "passes/analysis/Tell.h"

#include "mlir/IR/Threading.h"
#include "llvm/Support/FileSystem.h"

#include <numeric>
#include <random>

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMPRUNEFFNPASS
#include "passes/prune-ffn/PruneFfn.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-prune-ffn";

namespace {

struct Block {
  LinearOp down;
  Operation *middle; ///< gated product or activation
  llvm::SmallVector<LinearOp, 2> before;
  ObservedValue input; ///< of `down`
  int64_t neurons;
  // What was found out.
  std::vector<int64_t> kept;
  double error = 0;
};

struct PruneFfn : impl::LmPruneFfnPassBase<PruneFfn> {
  using LmPruneFfnPassBase::LmPruneFfnPassBase;

  void runOnOperation() override {
    if (failed(prune()))
      signalPassFailure();
  }

  LogicalResult prune() {
    ModuleOp module = getOperation();
    if (failed(checkOptions(module)))
      return failure();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return failure();
    FailureOr<Statistics> statistics = Statistics::open(module, stats);
    if (failed(statistics))
      return failure();
    ParamUses uses(module);
    std::vector<Block> blocks = findBlocks(module, *selection, uses);
    WeightReader reader(base.empty() ? moduleDirectory(module) : base.getValue());
    auto work = [&](Block &block) { return choose(block, *statistics, reader, uses); };
    if (failed(failableParallelForEach(&getContext(), blocks, work)))
      return failure();
    for (Block &block : blocks)
      narrow(block, uses);
    return success();
  }

  LogicalResult checkOptions(ModuleOp module) {
    auto error = [&] { return module.emitError() << kPass << ": option "; };
    if (stats.empty())
      return error() << "'stats' is missing; expected a file made by `lmopt calibrate`";
    if (!(ratio > 0 && ratio < 1))
      return error() << "'ratio' must be between 0 and 1, found " << ratio.getValue();
    if (!(damping > 0 && damping < 1e6))
      return error() << "'damping' must be positive, found " << damping.getValue();
    if (multiple < 1)
      return error() << "'multiple' must be at least 1, found " << multiple.getValue();
    if (!llvm::is_contained({"obs", "energy", "magnitude", "random"}, method.getValue()))
      return error() << "'method' must be obs, energy, magnitude or random, found '" << method.getValue() << "'";
    return success();
  }

  //===--- Blocks ---===//

  std::vector<Block> findBlocks(ModuleOp module, const LayerSelection &selection, const ParamUses &uses) {
    FailureOr<LayerSelection> all = LayerSelection::create(module, {}, {});
    llvm::SmallVector<ObservedValue> observed = findObservedValues(module, *all);
    std::vector<Block> blocks;
    for (LinearOp down : findOps<LinearOp>(module)) {
      Operation *middle = down.getInput().getDefiningOp();
      if (!isa_and_nonnull<GatedProductOp, ActivationOp>(middle) || !selection.contains(down))
        continue;
      auto input = llvm::find_if(observed, [&](const ObservedValue &value) { return value.value == down.getInput(); });
      if (input == observed.end()) // vectors behind the pooling
        continue;
      Block block = {down, middle, {}, *input, input->width(), {}, 0};
      if (std::string reason = completeBlock(block, uses); !reason.empty())
        tellMissed(kPass, "NotPruned", down, reason);
      else
        blocks.push_back(std::move(block));
    }
    return blocks;
  }

  /// Why the block must stay as it is, or an empty string.
  std::string completeBlock(Block &block, const ParamUses &uses) {
    if (!block.down.getInput().hasOneUse())
      return "the values between its linears are also used elsewhere";
    if (!uses.isOnlyUsedBy(uses.lookup(block.down.getWeightAttr()), block.down))
      return "its weight is also used elsewhere";
    for (Value operand : block.middle->getOperands()) {
      LinearOp linear = getOwnLinear(operand, uses);
      if (!linear || (linear.getBiasAttr() && !uses.isOnlyUsedBy(uses.lookup(linear.getBiasAttr()), linear)))
        return "what its activation reads is no f32 linear of its own";
      block.before.push_back(linear);
    }
    if (keptCount(block) == block.neurons)
      return "rounded up to a multiple of " + std::to_string(multiple) + ", all of its neurons are kept";
    return "";
  }

  int64_t keptCount(const Block &block) {
    auto wanted = static_cast<int64_t>(std::ceil(static_cast<double>(block.neurons) * (1 - ratio)));
    return std::min(block.neurons, std::max<int64_t>(1, (wanted + multiple - 1) / multiple) * multiple);
  }

  //===--- Choice ---===//

  LogicalResult choose(Block &block, const Statistics &statistics, WeightReader &reader, const ParamUses &uses) {
    FailureOr<ValueStatistics> sums = statistics.read(block.input);
    if (failed(sums))
      return failure();
    FailureOr<WeightData> down = reader.read(uses.lookup(block.down.getWeightAttr()));
    if (failed(down))
      return failure();
    SquareMatrix moments = centredMoments(sums->products, sums->sums, sums->tokens);
    if (method == "obs") {
      block.kept = keepByLeastSquares(down->f32.data(), down->rows(), moments, keptCount(block), damping);
    } else {
      FailureOr<std::vector<double>> scores = score(block, *down, moments, reader, uses);
      if (failed(scores))
        return failure();
      block.kept = greatest(*scores, keptCount(block));
    }
    return measure(block, *down, moments);
  }

  /// What each neuron is worth, by the simple methods.
  FailureOr<std::vector<double>> score(Block &block, const WeightData &down, const SquareMatrix &moments,
                                       WeightReader &reader, const ParamUses &uses) {
    std::vector<double> scores(static_cast<size_t>(block.neurons));
    if (method == "random") {
      std::mt19937_64 generator(nameNumber(block.input.name));
      for (double &number : scores)
        number = static_cast<double>(generator() >> 11);
      return scores;
    }
    for (int64_t i = 0; i < block.neurons; ++i) {
      double column = 0;
      for (int64_t r = 0; r < down.rows(); ++r)
        column += square(down.f32[static_cast<size_t>(r * down.columns() + i)]);
      scores[static_cast<size_t>(i)] = column * (method == "energy" ? moments.row(i)[i] : 1);
    }
    for (LinearOp linear : block.before)
      if (method == "magnitude" && failed(multiplyByRows(scores, uses.lookup(linear.getWeightAttr()), reader)))
        return failure();
    return scores;
  }

  static LogicalResult multiplyByRows(std::vector<double> &scores, ParamOp weight, WeightReader &reader) {
    FailureOr<WeightData> matrix = reader.read(weight);
    if (failed(matrix))
      return failure();
    for (size_t i = 0; i < scores.size(); ++i) {
      double row = 0;
      for (int64_t k = 0; k < matrix->columns(); ++k)
        row += square(matrix->f32[i * static_cast<size_t>(matrix->columns()) + static_cast<size_t>(k)]);
      scores[i] *= row;
    }
    return success();
  }

  static double square(double x) { return x * x; }

  /// The letters of a name as a number that is the same in every run, unlike llvm::hash_value.
  static uint64_t nameNumber(StringRef name) {
    uint64_t number = 0;
    for (char c : name)
      number = number * 131 + static_cast<unsigned char>(c);
    return number;
  }

  static std::vector<int64_t> greatest(const std::vector<double> &scores, int64_t count) {
    std::vector<int64_t> order(scores.size());
    std::iota(order.begin(), order.end(), 0);
    llvm::sort(order, [&](int64_t a, int64_t b) {
      double first = scores[static_cast<size_t>(a)], second = scores[static_cast<size_t>(b)];
      return first != second ? first > second : a < b;
    });
    order.resize(static_cast<size_t>(count));
    llvm::sort(order);
    return order;
  }

  /// The relative error of the block's results on the statistics.
  LogicalResult measure(Block &block, const WeightData &down, const SquareMatrix &moments) {
    std::vector<float> refitted;
    if (!block.kept.empty())
      refitted = repair ? refitColumns(down.f32.data(), down.rows(), moments, block.kept, damping)
                        : takeColumns(down, block.kept);
    if (refitted.empty())
      return block.down.emitError() << kPass << ": the statistics of '" << block.input.name
                                    << "' have moments that are not finite or not positive definite; calibrate again";
    double all = resultPower(down.f32.data(), down.rows(), moments);
    double lost = lostPower(down.f32.data(), down.rows(), moments, block.kept, refitted);
    block.error = all > 0 ? std::sqrt(std::max(0.0, lost) / all) : 0;
    return success();
  }

  static std::vector<float> takeColumns(const WeightData &matrix, const std::vector<int64_t> &kept) {
    std::vector<float> taken;
    for (int64_t r = 0; r < matrix.rows(); ++r)
      for (int64_t column : kept)
        taken.push_back(matrix.f32[static_cast<size_t>(r * matrix.columns() + column)]);
    return taken;
  }

  //===--- Rewrite ---===//

  void narrow(Block &block, ParamUses &uses) {
    for (LinearOp linear : block.before) {
      takeRows(uses.lookup(linear.getWeightAttr()), block.kept);
      if (FlatSymbolRefAttr bias = linear.getBiasAttr())
        takeRows(uses.lookup(bias), block.kept);
      setWidth(linear.getResult(), block.kept);
    }
    setWidth(block.middle->getResult(0), block.kept);
    narrowDown(block, uses);
    tellPassed(kPass, "PrunedFfn", block.down)
        << remark::metric("Kept", static_cast<int64_t>(block.kept.size())) << remark::metric("Of", block.neurons)
        << remark::metric("Error", block.error);
  }

  static void setWidth(Value rows, const std::vector<int64_t> &kept) {
    auto type = cast<RankedTensorType>(rows.getType());
    llvm::SmallVector<int64_t> shape = llvm::to_vector(type.getShape());
    shape.back() = static_cast<int64_t>(kept.size());
    rows.setType(RankedTensorType::get(shape, type.getElementType()));
  }

  static void takeRows(ParamOp param, const std::vector<int64_t> &kept) {
    llvm::SmallVector<int64_t> shape = llvm::to_vector(param.getShape());
    shape.front() = static_cast<int64_t>(kept.size());
    param.setValueAttr(TakeRowsAttr::get(param.getContext(), param.getValue(), kept));
    param.setType(RankedTensorType::get(shape, Float32Type::get(param.getContext())));
  }

  void narrowDown(Block &block, ParamUses &uses) {
    MLIRContext *context = &getContext();
    ParamOp weight = uses.lookup(block.down.getWeightAttr());
    Attribute source = weight.getValue();
    weight.setType(RankedTensorType::get({weight.getShape().front(), static_cast<int64_t>(block.kept.size())},
                                         Float32Type::get(context)));
    weight.setExactnessAttr(ExactnessAttr::get(context, ExactnessKind::approximate, Real(block.error)));
    if (!repair)
      return weight.setValueAttr(
          TransposeAttr::get(context, TakeRowsAttr::get(context, TransposeAttr::get(context, source), block.kept)));
    llvm::SmallString<128> file(stats.getValue());
    llvm::sys::fs::make_absolute(file);
    auto statistics = StatisticsAttr::get(context, file, block.input.name);
    auto refitted = RefitColumnsAttr::get(context, source, statistics, block.kept, Real(damping));
    weight.setValueAttr(refitted);
    FlatSymbolRefAttr bias = block.down.getBiasAttr();
    uses.setBias(block.down, RefitBiasAttr::get(context, refitted, bias ? uses.lookup(bias).getValue() : Attribute()));
    ParamOp made = uses.lookup(block.down.getBiasAttr());
    made.setExactnessAttr(ExactnessAttr::get(context, ExactnessKind::approximate, std::nullopt));
  }
};

} // namespace

} // namespace lmopt::lm
