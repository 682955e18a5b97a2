// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two narrow linears in the place of one. In: linears. Out: for each an inner one and one in its place; with `joint`
// one inner linear for all that read one value. From techniques 8.1, 15.3. Cost: the singular values of each matrix
// (LowRankFactors.h), for the baselines its factors; linears are worked on in parallel. Tested by test/passes/low-rank.
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

struct Member {
  LinearOp linear;
  ParamOp weight;
  int64_t rows;
};

/// One linear, or several that read one value: their matrices below one another are one.
struct Candidate {
  llvm::SmallVector<Member> members;
  std::optional<ObservedValue> input; ///< with statistics
  int64_t rows, width;
  // What was found out.
  int64_t rank; ///< 0: it stays whole
  std::vector<double> powers;
  double error;

  LinearOp first() const { return members.front().linear; }
  bool isJoint() const { return members.size() > 1; }
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
    if (joint)
      candidates = join(std::move(candidates));
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
      int64_t rows = weight.getShape().front();
      Candidate one = {{{linear, weight, rows}}, {}, rows, weight.getShape().back(), 0, {}, 0};
      auto input = llvm::find_if(observed, [&](auto &value) { return value.value == linear.getInput(); });
      if (input != observed.end())
        one.input = *input;
      candidates.push_back(std::move(one));
    }
    return candidates;
  }

  /// Those that read one value, in one block so that an inner linear can stand before them, become one.
  static std::vector<Candidate> join(std::vector<Candidate> candidates) {
    std::vector<Candidate> joined;
    for (Candidate &one : candidates) {
      auto same = llvm::find_if(joined, [&](Candidate &other) {
        return other.first().getInput() == one.first().getInput() &&
               other.first()->getBlock() == one.first()->getBlock();
      });
      if (same == joined.end()) {
        joined.push_back(std::move(one));
        continue;
      }
      same->members.append(one.members);
      same->rows += one.rows;
    }
    return joined;
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
    return isa<LowRankLeftAttr, LowRankRightAttr>(weight.getValue()) ? "it is a factor already"
                                                                     : reasonToKeepCodes(weight);
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
        tellKept(one, tooSmall(one));
      return one.rank == 0;
    });
    return success();
  }

  LogicalResult refuseRank(Candidate &one) {
    return one.first().emitError() << kPass << ": option 'rank': " << rank.getValue() << " for '" << nameOf(one)
                                   << "' of " << one.rows << "x" << one.width
                                   << " costs no less than the linear itself; expected less than "
                                   << llvm::divideCeil(one.rows * one.width, one.rows + one.width)
                                   << ", or its name among those to 'skip'";
  }

  static void tellKept(const Candidate &one, const Twine &reason) {
    for (const Member &member : one.members)
      tellMissed(kPass, "NotFactored", member.linear, reason);
  }

  /// layers.0.attn.q, or layers.0.attn.q_k_v of several: what is alike once, then the last words.
  static std::string nameOf(const Candidate &one) {
    std::string name = getPartName(one.first()).str();
    if (name.empty())
      name = ParamOp(one.members.front().weight).getSymName().str();
    for (const Member &member : llvm::drop_begin(one.members))
      name += "_" + getPartName(member.linear).rsplit('.').second.str();
    return name;
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

  /// The matrices below one another.
  static FailureOr<std::vector<float>> readWeights(Candidate &one, WeightReader &reader) {
    std::vector<float> all;
    for (Member &member : one.members) {
      FailureOr<WeightData> weight = reader.read(member.weight);
      if (failed(weight))
        return failure();
      all.insert(all.end(), weight->f32.begin(), weight->f32.end());
    }
    return all;
  }

  LogicalResult measure(Candidate &one, const std::optional<Statistics> &statistics, WeightReader &reader) {
    FailureOr<std::vector<float>> weight = readWeights(one, reader);
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
  LogicalResult measureDiscarded(Candidate &one, const std::vector<float> &weight,
                                 const std::optional<ValueStatistics> &sums) {
    one.powers = squaredSingularValues(weight.data(), one.rows, one.width, metricOf(sums));
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
  LogicalResult measureLost(Candidate &one, const std::vector<float> &weight, const ValueStatistics &sums) {
    LowRankFactors factors = lowRankFactors(weight.data(), one.rows, one.width, metricOf(sums), one.rank);
    if (factors.rank == 0)
      return refuse(one);
    SquareMatrix moments = centredMoments(sums.products, sums.sums, sums.tokens);
    double all = resultPower(weight.data(), one.rows, moments);
    double lost = lostPower(weight.data(), one.rows, one.width, factors, Metric(std::move(moments)));
    for (double shift : lostResult(weight.data(), one.rows, meanOf(sums), factors))
      lost += static_cast<double>(sums.tokens) * shift * shift;
    one.error = all > 0 ? std::sqrt(std::max(0.0, lost) / all) : 0;
    return success();
  }

  LogicalResult refuse(Candidate &one) {
    return one.first().emitError() << kPass << ": the weights of '" << nameOf(one)
                                   << "' or the statistics of its input are not finite, or their moments not positive "
                                      "definite; calibrate again, or take a greater 'damping'";
  }

  //===--- Rewrite ---===//

  void replace(Candidate &one, const std::optional<Statistics> &statistics, ParamUses &uses) {
    if (one.rank == 0)
      return tellKept(one, "whole, it is the better use of its share of the budget");
    MLIRContext *context = &getContext();
    bool whitened = method == "whitened", scaled = method == "asvd";
    auto factored = LowRankAttr::get(context, matrixOf(one), *symbolizeLowRankMethod(method), one.rank,
                                     whitened || scaled ? statistics->attributeOf(*one.input) : StatisticsAttr(),
                                     Real(whitened ? damping : 0.0), Real(scaled ? alpha : 0.0));
    LinearOp inner = insertInner(one, factored);
    int64_t row = 0;
    for (Member &member : one.members) {
      replaceMember(one, member, inner, factored, row, uses);
      row += member.rows;
    }
  }

  Attribute matrixOf(Candidate &one) {
    auto values = llvm::map_to_vector(one.members, [](Member &member) { return Attribute(member.weight.getValue()); });
    return one.isJoint() ? Attribute(ConcatRowsAttr::get(&getContext(), values)) : values.front();
  }

  LinearOp insertInner(Candidate &one, LowRankAttr factored) {
    ParamOp first = one.members.front().weight;
    OpBuilder builder(first);
    auto type = RankedTensorType::get({one.rank, one.width}, builder.getF32Type());
    std::string name = nameOf(one) + ".inner";
    auto weight = ParamOp::create(builder, first.getLoc(), freeParamName(getOperation(), name + ".weight"), type,
                                  LowRankRightAttr::get(&getContext(), factored));
    weight.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, std::nullopt));
    builder.setInsertionPoint(firstInBlock(one));
    auto inner = LinearOp::create(builder, one.first().getLoc(), one.first().getInput(), weight);
    setPartName(inner, name);
    return inner;
  }

  static Operation *firstInBlock(Candidate &one) {
    Operation *first = one.first();
    for (Member &member : one.members)
      first = member.linear->isBeforeInBlock(first) ? member.linear.getOperation() : first;
    return first;
  }

  void replaceMember(Candidate &one, Member &member, LinearOp inner, LowRankAttr factored, int64_t row,
                     ParamUses &uses) {
    MLIRContext *context = &getContext();
    member.linear.getInputMutable().assign(inner.getResult());
    setApproximate(member.weight, ownRows(one, member, row, LowRankLeftAttr::get(context, factored)),
                   {member.rows, one.rank}, one.error);
    if (factored.getMethod() == LowRankMethod::whitened)
      moveMean(one, member, factored, row, uses);
    auto remark = tellPassed(kPass, "Factored", member.linear);
    if (one.isJoint())
      remark << remark::metric("Inner", getPartName(inner).str());
    remark << remark::metric("Rank", one.rank) << remark::metric("Of", std::min(one.rows, one.width))
           << remark::metric("Error", one.error);
  }

  /// Of a weight with rows for all members those of one.
  Attribute ownRows(const Candidate &one, const Member &member, int64_t row, Attribute all) {
    if (!one.isJoint())
      return all;
    auto kept = llvm::to_vector(llvm::seq<int64_t>(row, row + member.rows));
    return TakeRowsAttr::get(&getContext(), all, kept);
  }

  void moveMean(const Candidate &one, Member &member, LowRankAttr factored, int64_t row, ParamUses &uses) {
    FlatSymbolRefAttr symbol = member.linear.getBiasAttr();
    Attribute bias = symbol ? Attribute(uses.lookup(symbol).getValue()) : Attribute(), moved;
    if (one.isJoint()) {
      moved = ownRows(one, member, row, LowRankBiasAttr::get(&getContext(), factored, Attribute()));
      moved = bias ? Attribute(SumAttr::get(&getContext(), bias, moved)) : moved;
    } else {
      moved = LowRankBiasAttr::get(&getContext(), factored, bias);
    }
    uses.setBias(member.linear, moved);
    ParamOp made = uses.lookup(member.linear.getBiasAttr());
    made.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::approximate, std::nullopt));
  }
};

} // namespace

} // namespace lmopt::lm
