// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two narrow linears in the place of one. In: linears. Out: for each an inner one and one in its place. From techniques
// 8.1, 15.3. Cost: the singular values of each matrix (LowRankFactors.h), for the baselines its factors; linears are
// worked on in parallel. Tested by test/passes/low-rank.
#include "passes/low-rank/LowRank.h"

#include "dialects/lm/PartNames.h"
#include "dialects/lm/Weights.h"
#include "dialects/lm/linear/Linear.h"
#include "dialects/lm/weights/LowRankFactors.h"
#include "passes/analysis/LinearWeights.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Statistics.h"
#include "passes/analysis/Tell.h"
#include "passes/low-rank/RankBudget.h"

#include "mlir/IR/Threading.h"

#include <numeric>

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMLOWRANKPASS
#include "passes/low-rank/LowRank.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-low-rank";

namespace {

struct Candidate {
  LinearOp linear;
  ParamOp weight;
  std::optional<ObservedValue> input; ///< with statistics
  int64_t rows, width;
  // What was found out.
  int64_t rank; ///< 0: it stays whole
  std::vector<double> powers;
  double error;
};

struct LowRank : impl::LmLowRankPassBase<LowRank> {
  using LmLowRankPassBase::LmLowRankPassBase;

  void runOnOperation() override {
    if (failed(factorizeAll()))
      signalPassFailure();
  }

  LogicalResult factorizeAll() {
    ModuleOp module = getOperation();
    if (failed(checkOptions(module)))
      return failure();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip);
    if (failed(selection))
      return failure();
    std::optional<Statistics> statistics;
    if (failed(openStatistics(module, statistics)))
      return failure();
    ParamUses uses(module);
    std::vector<Candidate> candidates = findCandidates(module, *selection, uses);
    if (failed(chooseRanks(candidates)))
      return failure();
    WeightReader reader(base.empty() ? moduleDirectory(module) : base.getValue());
    auto work = [&](Candidate &one) { return measure(one, statistics, reader); };
    if (failed(failableParallelForEach(&getContext(), candidates, work)) || failed(shareBudget(module, candidates)))
      return failure();
    for (Candidate &one : candidates)
      replace(one, statistics, uses);
    return success();
  }

  LogicalResult checkOptions(ModuleOp module) {
    auto error = [&] { return module.emitError() << kPass << ": option "; };
    if (!llvm::is_contained({"whitened", "plain", "asvd"}, method.getValue()))
      return error() << "'method' must be whitened, plain or asvd, found '" << method.getValue() << "'";
    if (rank != -1 && ratio != 0)
      return error() << "'rank' and 'ratio' were both given; expected one of them";
    if (rank != -1 && rank < 1)
      return error() << "'rank' must be at least 1, found " << rank.getValue();
    if (rank == -1 && !(ratio > 0 && ratio < 1))
      return error() << "'ratio' must be between 0 and 1, found " << ratio.getValue() << "; or give a 'rank'";
    return checkOtherOptions(module);
  }

  LogicalResult checkOtherOptions(ModuleOp module) {
    auto error = [&] { return module.emitError() << kPass << ": option "; };
    if (!llvm::is_contained({"uniform", "global"}, budget.getValue()))
      return error() << "'budget' must be uniform or global, found '" << budget.getValue() << "'";
    if (isGlobal() && rank != -1)
      return error() << "'budget=global' shares out a 'ratio'; it cannot go with 'rank'";
    if (multiple < 1)
      return error() << "'multiple' must be at least 1, found " << multiple.getValue();
    if (stats.empty() && method != "plain")
      return error() << "'stats' is missing; expected a file made by `lmopt calibrate`";
    if (!(damping > 0 && damping < 1e6))
      return error() << "'damping' must be positive, found " << damping.getValue();
    if (!(alpha > 0 && alpha <= 1))
      return error() << "'alpha' must be above 0 and at most 1, found " << alpha.getValue();
    return success();
  }

  bool isGlobal() const { return budget == "global"; }

  LogicalResult openStatistics(ModuleOp module, std::optional<Statistics> &statistics) {
    if (stats.empty())
      return success();
    FailureOr<Statistics> opened = Statistics::open(module, stats);
    if (succeeded(opened))
      statistics = std::move(*opened);
    return opened;
  }

  //===--- Linears ---===//

  std::vector<Candidate> findCandidates(ModuleOp module, const LayerSelection &selection, const ParamUses &uses) {
    std::vector<Candidate> candidates;
    FailureOr<LayerSelection> all = LayerSelection::create(module, {}, {});
    llvm::SmallVector<ObservedValue> observed = findObservedValues(module, *all);
    for (LinearLikeOpInterface op : findOps<LinearLikeOpInterface>(module)) {
      if (!selection.contains(op))
        continue;
      if (std::string reason = reasonToKeep(op, uses); !reason.empty()) {
        tellMissed(kPass, "NotFactored", op, reason);
        continue;
      }
      auto linear = cast<LinearOp>(op.getOperation());
      ParamOp weight = uses.lookup(linear.getWeightAttr());
      Candidate one = {linear, weight, {}, weight.getShape().front(), weight.getShape().back(), 0, {}, 0};
      auto input = llvm::find_if(observed, [&](auto &value) { return value.value == linear.getInput(); });
      if (input != observed.end())
        one.input = *input;
      candidates.push_back(std::move(one));
    }
    return candidates;
  }

  static std::string reasonToKeep(LinearLikeOpInterface op, const ParamUses &uses) {
    auto linear = dyn_cast<LinearOp>(op.getOperation());
    if (!linear)
      return "its weight is not f32 any more: factor first, quantize then";
    if (readsVectors(linear))
      return "it reads one vector a sequence, which is little work";
    ParamOp weight = uses.lookup(linear.getWeightAttr());
    if (!uses.isOnlyUsedBy(weight, linear))
      return "its weight is also used elsewhere";
    return isa<LowRankLeftAttr, LowRankRightAttr>(weight.getValue()) ? "it is a factor already" : "";
  }

  //===--- Ranks ---===//

  LogicalResult chooseRanks(std::vector<Candidate> &candidates) {
    for (Candidate &one : candidates) {
      if (rank != -1 && !rankPays(one.rows, one.width, rank))
        return refuseRank(one);
      one.rank = rank != -1 ? rank.getValue() : rankByRatio(one);
    }
    llvm::erase_if(candidates, [&](Candidate &one) {
      if (one.rank == 0)
        tellMissed(kPass, "NotFactored", one.linear, tooSmall(one));
      return one.rank == 0;
    });
    return success();
  }

  LogicalResult refuseRank(Candidate &one) {
    return one.linear.emitError() << kPass << ": option 'rank': " << rank.getValue() << " for '"
                                  << getPartName(one.linear) << "' of " << one.rows << "x" << one.width
                                  << " costs no less than the linear itself; expected less than "
                                  << llvm::divideCeil(one.rows * one.width, one.rows + one.width)
                                  << ", or its name among those to 'skip'";
  }

  /// The greatest multiple that saves its share; where all share one budget, whether there is one that pays at all.
  int64_t rankByRatio(const Candidate &one) {
    if (isGlobal())
      return rankPays(one.rows, one.width, multiple) ? multiple.getValue() : 0;
    double most = (1 - ratio) * static_cast<double>(one.rows * one.width) / static_cast<double>(one.rows + one.width);
    return static_cast<int64_t>(most) / multiple * multiple;
  }

  std::string tooSmall(const Candidate &one) {
    return "no multiple of " + std::to_string(multiple) + " is a rank that saves enough of " +
           std::to_string(one.rows) + "x" + std::to_string(one.width);
  }

  LogicalResult shareBudget(ModuleOp module, std::vector<Candidate> &candidates) {
    if (!isGlobal() || candidates.empty())
      return success();
    std::vector<Spectrum> spectra;
    for (Candidate &one : candidates)
      spectra.push_back({one.rows, one.width, one.powers});
    std::vector<int64_t> ranks = allocateRanks(spectra, ratio, multiple);
    if (ranks.empty())
      return module.emitError() << kPass << ": option 'ratio': " << ratio.getValue()
                                << " of the products is more than goes with ranks of " << multiple.getValue()
                                << ", the least 'multiple'";
    for (auto [one, share] : llvm::zip_equal(candidates, ranks)) {
      one.rank = share;
      one.error = discarded(one);
    }
    return success();
  }

  //===--- Errors ---===//

  LogicalResult measure(Candidate &one, const std::optional<Statistics> &statistics, WeightReader &reader) {
    FailureOr<WeightData> weight = reader.read(one.weight);
    if (failed(weight))
      return failure();
    std::optional<ValueStatistics> sums;
    if (statistics) {
      FailureOr<ValueStatistics> read = statistics->read(*one.input);
      if (failed(read))
        return failure();
      sums = std::move(*read);
    }
    if (method == "whitened" || !sums || isGlobal())
      return measureDiscarded(one, *weight, sums);
    return measureLost(one, *weight, *sums);
  }

  Metric metricOf(const std::optional<ValueStatistics> &sums) {
    if (method == "plain")
      return Metric();
    SquareMatrix moments = centredMoments(sums->products, sums->sums, sums->tokens);
    return method == "asvd" ? rmsMetric(moments, meanOf(*sums), sums->tokens, alpha)
                            : whiteningMetric(std::move(moments), damping);
  }

  static std::vector<double> meanOf(const ValueStatistics &sums) {
    std::vector<double> mean = sums.sums;
    for (double &number : mean)
      number /= static_cast<double>(sums.tokens);
    return mean;
  }

  /// What the method itself takes for its error.
  LogicalResult measureDiscarded(Candidate &one, const WeightData &weight, const std::optional<ValueStatistics> &sums) {
    one.powers = squaredSingularValues(weight.f32.data(), one.rows, one.width, metricOf(sums));
    if (one.powers.empty())
      return refuse(one);
    one.error = discarded(one);
    return success();
  }

  static double discarded(const Candidate &one) {
    double all = std::accumulate(one.powers.begin(), one.powers.end(), 0.0);
    double lost = std::accumulate(one.powers.begin() + one.rank, one.powers.end(), 0.0);
    return all > 0 && one.rank != 0 ? std::sqrt(lost / all) : 0;
  }

  /// What results lose by a method that is nearest in something else; nothing takes up their mean.
  LogicalResult measureLost(Candidate &one, const WeightData &weight, const ValueStatistics &sums) {
    LowRankFactors factors = lowRankFactors(weight.f32.data(), one.rows, one.width, metricOf(sums), one.rank);
    if (factors.rank == 0)
      return refuse(one);
    SquareMatrix moments = centredMoments(sums.products, sums.sums, sums.tokens);
    double all = resultPower(weight.f32.data(), one.rows, moments);
    double lost = lostPower(weight.f32.data(), one.rows, one.width, factors, Metric(std::move(moments)));
    for (double shift : lostResult(weight.f32.data(), one.rows, meanOf(sums), factors))
      lost += static_cast<double>(sums.tokens) * shift * shift;
    one.error = all > 0 ? std::sqrt(std::max(0.0, lost) / all) : 0;
    return success();
  }

  LogicalResult refuse(Candidate &one) {
    return one.linear.emitError() << kPass << ": the weights of '" << getPartName(one.linear)
                                  << "' or the statistics of its input are not finite, or their moments not positive "
                                     "definite; calibrate again, or take a greater 'damping'";
  }

  //===--- Rewrite ---===//

  void replace(Candidate &one, const std::optional<Statistics> &statistics, ParamUses &uses) {
    if (one.rank == 0)
      return tellMissed(kPass, "NotFactored", one.linear, "whole, it is the better use of its share of the budget");
    MLIRContext *context = &getContext();
    bool whitened = method == "whitened", scaled = method == "asvd";
    auto factored = LowRankAttr::get(context, one.weight.getValue(), *symbolizeLowRankMethod(method), one.rank,
                                     whitened || scaled ? statistics->attributeOf(*one.input) : StatisticsAttr(),
                                     Real(whitened ? damping : 0.0), Real(scaled ? alpha : 0.0));
    insertInner(one, factored);
    one.weight.setValueAttr(LowRankLeftAttr::get(context, factored));
    one.weight.setType(RankedTensorType::get({one.rows, one.rank}, Float32Type::get(context)));
    one.weight.setExactnessAttr(ExactnessAttr::get(context, ExactnessKind::approximate, Real(one.error)));
    if (whitened)
      moveMean(one, factored, uses);
    tellPassed(kPass, "Factored", one.linear)
        << remark::metric("Rank", one.rank) << remark::metric("Of", std::min(one.rows, one.width))
        << remark::metric("Error", one.error);
  }

  void insertInner(Candidate &one, LowRankAttr factored) {
    OpBuilder builder(one.weight);
    auto type = RankedTensorType::get({one.rank, one.width}, builder.getF32Type());
    auto weight = ParamOp::create(builder, one.weight.getLoc(), freeName(innerName(one) + ".weight"), type,
                                  LowRankRightAttr::get(&getContext(), factored));
    weight.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, std::nullopt));
    builder.setInsertionPoint(one.linear);
    auto inner = LinearOp::create(builder, one.linear.getLoc(), one.linear.getInput(), weight);
    setPartName(inner, innerName(one));
    one.linear.getInputMutable().assign(inner.getResult());
  }

  std::string innerName(Candidate &one) {
    StringRef part = getPartName(one.linear);
    return (part.empty() ? one.weight.getSymName() : part).str() + ".inner";
  }

  std::string freeName(const std::string &wanted) {
    std::string name = wanted;
    for (unsigned count = 1; SymbolTable::lookupSymbolIn(getOperation(), name); ++count)
      name = wanted + "_" + std::to_string(count);
    return name;
  }

  void moveMean(Candidate &one, LowRankAttr factored, ParamUses &uses) {
    FlatSymbolRefAttr bias = one.linear.getBiasAttr();
    uses.setBias(one.linear,
                 LowRankBiasAttr::get(&getContext(), factored, bias ? uses.lookup(bias).getValue() : Attribute()));
    ParamOp made = uses.lookup(one.linear.getBiasAttr());
    made.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, std::nullopt));
  }
};

} // namespace

} // namespace lmopt::lm
