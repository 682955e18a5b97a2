// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Narrower heads. In: attention and its four linears. Out: the same with fewer numbers a head. From techniques 8.2.
// Cost: of n inputs and heads of width d, some n² products a row of the matrices, and small eigenproblems; attentions
// are worked on in parallel. Tested by test/passes/low-rank-attention.
#include "passes/low-rank-attention/LowRankAttention.h"

#include "dialects/lm/Weights.h"
#include "dialects/lm/attention/Attention.h"
#include "dialects/lm/linear/Linear.h"
#include "dialects/lm/weights/HeadProducts.h"
#include "dialects/lm/weights/LinearAlgebra.h"
#include "passes/analysis/AttentionLinears.h"
#include "passes/analysis/NarrowLinear.h"
#include "passes/analysis/Statistics.h"
#include "passes/analysis/Tell.h"

#include "mlir/IR/Threading.h"

#include <numeric>

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMLOWRANKATTENTIONPASS
#include "passes/low-rank-attention/LowRankAttention.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-low-rank-attention";

namespace {

/// query and key, or value and output, are null where they stay.
struct Heads : AttentionLinears {
  AttentionOp attention;
  ObservedValue input;
  // What was found out.
  std::vector<int64_t> planes; ///< pairs of numbers that stay, with rotary positions
  double scoresError = 0, outputsError = 0;

  int64_t width() { return attention.getHeadWidth(); }
};

struct LowRankAttention : impl::LmLowRankAttentionPassBase<LowRankAttention> {
  using LmLowRankAttentionPassBase::LmLowRankAttentionPassBase;

  void runOnOperation() override {
    if (failed(narrowAll()))
      signalPassFailure();
  }

  LogicalResult narrowAll() {
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
    FailureOr<std::vector<Heads>> found = findHeads(module, *selection, uses);
    if (failed(found))
      return failure();
    WeightReader reader(base.empty() ? moduleDirectory(module) : base.getValue());
    auto work = [&](Heads &one) { return measure(one, *statistics, reader, uses); };
    if (failed(failableParallelForEach(&getContext(), *found, work)))
      return failure();
    for (Heads &one : *found)
      narrow(one, *statistics, uses);
    return success();
  }

  LogicalResult checkOptions(ModuleOp module) {
    auto error = [&] { return module.emitError() << kPass << ": option "; };
    if (stats.empty())
      return error() << "'stats' is missing; expected a file made by `lmopt calibrate`";
    if (rank < 1)
      return error() << "'rank' must be at least 1, found " << rank.getValue();
    if (!llvm::is_contained({"both", "scores", "outputs"}, parts.getValue()))
      return error() << "'parts' must be both, scores or outputs, found '" << parts.getValue() << "'";
    if (!(damping > 0 && damping < 1e6))
      return error() << "'damping' must be positive, found " << damping.getValue();
    return success();
  }

  //===--- Attentions ---===//

  FailureOr<std::vector<Heads>> findHeads(ModuleOp module, const LayerSelection &selection, const ParamUses &uses) {
    FailureOr<LayerSelection> all = LayerSelection::create(module, {}, {});
    llvm::SmallVector<ObservedValue> observed = findObservedValues(module, *all);
    std::vector<Heads> found;
    for (AttentionOp attention : findOps<AttentionOp>(module)) {
      Heads one = {{}, attention, {}, {}};
      std::string reason = complete(one, uses);
      if (one.value && !selection.contains(one.value))
        continue;
      if (!reason.empty()) {
        tellMissed(kPass, "NotNarrowed", attention, reason);
        continue;
      }
      if (failed(checkRank(one)))
        return failure();
      one.input = *llvm::find_if(observed, [&](auto &value) { return value.value == one.value.getInput(); });
      found.push_back(std::move(one));
    }
    return found;
  }

  /// Why the attention must stay as it is, or an empty string.
  std::string complete(Heads &one, const ParamUses &uses) {
    static_cast<AttentionLinears &>(one) = findOwnLinears(one.attention, uses);
    if (!one.areAllThere())
      return "what it reads, or what reads it, is no f32 linear of its own";
    if (std::string reason = reasonToKeepCodes(one, uses); !reason.empty())
      return reason;
    if (one.value.getInput() != one.key.getInput() || one.value.getInput() != one.query.getInput())
      return "its queries, keys and values are not made of one value";
    if (one.attention.getHeadWidth() != one.attention.getValueWidth())
      return "its keys and values are not of one width";
    if (hasLearnedProjection(one.attention))
      return "a learned projection gives each of its rows another share of the mean";
    return reasonOfPart(one);
  }

  std::string reasonOfPart(Heads &one) {
    RopeAttr rope = one.attention.getRopeAttr();
    if (parts != "outputs" && rope && (rope.getScaling() || rope.getDims() != one.width()))
      return "its rotary frequencies are scaled, or turn a part of a head only";
    if (parts != "scores" && showsPaddedRows(one.attention))
      return "rows beyond the length of a text can be seen in a result";
    return "";
  }

  LogicalResult checkRank(Heads &one) {
    if (rank >= one.width())
      return one.attention.emitError() << kPass << ": option 'rank': " << rank.getValue() << " of heads that are "
                                       << one.width() << " wide saves nothing; expected less";
    if (parts != "outputs" && one.attention.getRopeAttr() && rank % 2 != 0)
      return one.attention.emitError() << kPass
                                       << ": option 'rank' must be even where rotary positions turn pairs, found "
                                       << rank.getValue();
    return success();
  }

  //===--- Measures ---===//

  LogicalResult measure(Heads &one, const Statistics &statistics, WeightReader &reader, const ParamUses &uses) {
    FailureOr<ValueStatistics> sums = statistics.read(one.input);
    if (failed(sums))
      return failure();
    SquareMatrix centred = centredMoments(sums->products, sums->sums, sums->tokens);
    std::vector<double> mean = sums->sums;
    for (double &number : mean)
      number /= static_cast<double>(sums->tokens);
    HeadInputs inputs = {centred, mean, sums->tokens};
    if (parts != "scores" && failed(measureProduct(one, true, inputs, reader, uses, one.outputsError)))
      return failure();
    if (parts == "outputs")
      return success();
    if (one.attention.getRopeAttr())
      return choosePlanes(one, inputs, reader, uses);
    return measureProduct(one, false, inputs, reader, uses, one.scoresError);
  }

  /// The numbers of a param, or zeros where there is none. Failure after an error has been told.
  static FailureOr<std::vector<double>> numbersOf(FlatSymbolRefAttr symbol, int64_t count, WeightReader &reader,
                                                  const ParamUses &uses) {
    if (!symbol)
      return std::vector<double>(static_cast<size_t>(count));
    FailureOr<WeightData> data = reader.read(uses.lookup(symbol));
    if (failed(data))
      return failure();
    return std::vector<double>(data->f32.begin(), data->f32.end());
  }

  static LogicalResult readLinear(LinearOp linear, WeightReader &reader, const ParamUses &uses,
                                  std::vector<double> &weight, std::vector<double> &bias) {
    FailureOr<std::vector<double>> matrix = numbersOf(linear.getWeightAttr(), 0, reader, uses);
    if (failed(matrix))
      return failure();
    FailureOr<std::vector<double>> vector =
        numbersOf(linear.getBiasAttr(), linear.getType().getShape().back(), reader, uses);
    if (failed(vector))
      return failure();
    weight = std::move(*matrix);
    bias = std::move(*vector);
    return success();
  }

  LogicalResult measureProduct(Heads &one, bool outputs, const HeadInputs &inputs, WeightReader &reader,
                               const ParamUses &uses, double &error) {
    LinearOp first = outputs ? one.output : one.query, second = outputs ? one.value : one.key;
    HeadMatrices matrices;
    matrices.outputs = outputs;
    matrices.heads = one.attention.getHeads();
    matrices.kvHeads = one.attention.getKvHeads();
    matrices.inputs = second.getInput().getType().getShape().back();
    matrices.width = outputs ? first.getType().getShape().back() : matrices.inputs;
    if (failed(readLinear(first, reader, uses, matrices.first, matrices.firstBias)) ||
        failed(readLinear(second, reader, uses, matrices.second, matrices.secondBias)))
      return failure();
    ReducedHeads reduced = reduceHeads(matrices, inputs, rank, damping);
    if (reduced.first.empty())
      return one.attention.emitError() << kPass << ": the weights of '" << getPartName(one.attention)
                                       << "' or the statistics of its input are not finite, or their moments not "
                                          "positive definite; calibrate again, or take a greater 'damping'";
    error = reduced.all > 0 ? std::sqrt(std::max(0.0, 1 - reduced.kept / reduced.all)) : 0;
    return success();
  }

  /// The mean square of each result of a linear.
  static FailureOr<std::vector<double>> powersOf(LinearOp linear, const HeadInputs &inputs, WeightReader &reader,
                                                 const ParamUses &uses) {
    std::vector<double> weight, powers;
    if (failed(readLinear(linear, reader, uses, weight, powers))) // powers: the bias
      return failure();
    int64_t n = inputs.centred.size;
    auto rows = static_cast<int64_t>(powers.size());
    std::vector<double> images = productTransposed(weight, rows, inputs.centred.numbers, n, n);
    for (int64_t r = 0; r < rows; ++r) {
      double &power = powers[static_cast<size_t>(r)];
      power += dot(weight.data() + r * n, inputs.mean.data(), n);
      power = power * power + dot(images.data() + r * n, weight.data() + r * n, n) / static_cast<double>(inputs.count);
    }
    return powers;
  }

  /// The two numbers of a head that a pair turns together.
  static std::pair<int64_t, int64_t> pairOf(RopeAttr rope, int64_t plane) {
    if (rope.getLayout() == RopeLayout::half)
      return {plane, plane + rope.getDims() / 2};
    return {2 * plane, 2 * plane + 1};
  }

  /// A pair turned by all angles adds |q|² |k|² / 2 to the mean square of a score: those of the greatest sum stay.
  LogicalResult choosePlanes(Heads &one, const HeadInputs &inputs, WeightReader &reader, const ParamUses &uses) {
    FailureOr<std::vector<double>> queries = powersOf(one.query, inputs, reader, uses);
    if (failed(queries))
      return failure();
    FailureOr<std::vector<double>> keys = powersOf(one.key, inputs, reader, uses);
    if (failed(keys))
      return failure();
    std::vector<double> shares(static_cast<size_t>(one.width() / 2));
    int64_t group = one.attention.getHeads() / one.attention.getKvHeads();
    for (int64_t head = 0; head < static_cast<int64_t>(one.attention.getHeads()); ++head)
      for (size_t plane = 0; plane < shares.size(); ++plane)
        shares[plane] += planePower(one, *queries, head, plane) * planePower(one, *keys, head / group, plane);
    keepGreatest(one, shares);
    return success();
  }

  static double planePower(Heads &one, const std::vector<double> &powers, int64_t head, size_t plane) {
    auto [a, b] = pairOf(one.attention.getRopeAttr(), static_cast<int64_t>(plane));
    return powers[static_cast<size_t>(head * one.width() + a)] + powers[static_cast<size_t>(head * one.width() + b)];
  }

  void keepGreatest(Heads &one, const std::vector<double> &shares) {
    one.planes.resize(shares.size());
    std::iota(one.planes.begin(), one.planes.end(), 0);
    auto share = [&](int64_t plane) { return shares[static_cast<size_t>(plane)]; };
    llvm::sort(one.planes, [&](int64_t a, int64_t b) { return share(a) != share(b) ? share(a) > share(b) : a < b; });
    double lost = 0, all = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (int64_t plane : ArrayRef(one.planes).drop_front(static_cast<size_t>(rank / 2)))
      lost += share(plane);
    one.scoresError = all > 0 ? std::sqrt(lost / all) : 0;
    one.planes.resize(static_cast<size_t>(rank / 2));
    llvm::sort(one.planes);
  }

  //===--- Rewrite ---===//

  void narrow(Heads &one, const Statistics &statistics, ParamUses &uses) {
    int64_t before = one.width();
    StatisticsAttr measured = statistics.attributeOf(one.input);
    if (parts != "scores") {
      replaceWeights(one, HeadProductKind::outputs, one.output, one.value, measured, one.outputsError, uses);
      setWidth(one.attention.getResult(), static_cast<int64_t>(one.attention.getHeads()) * rank);
      tell(one, "NarrowedOutputs", before, one.outputsError);
    }
    if (parts == "outputs")
      return;
    if (one.attention.getRopeAttr())
      keepPlanes(one, before, uses);
    else
      replaceWeights(one, HeadProductKind::scores, one.query, one.key, measured, one.scoresError, uses);
    tell(one, "NarrowedScores", before, one.scoresError);
  }

  void tell(Heads &one, StringRef remark, int64_t before, double error) {
    tellPassed(kPass, remark, one.attention)
        << remark::metric("Kept", rank.getValue()) << remark::metric("Of", before) << remark::metric("Error", error);
  }

  void replaceWeights(Heads &one, HeadProductKind kind, LinearOp first, LinearOp second, StatisticsAttr measured,
                      double error, ParamUses &uses) {
    auto heads = static_cast<int64_t>(one.attention.getHeads()),
         kvHeads = static_cast<int64_t>(one.attention.getKvHeads());
    auto sourceOf = [&](FlatSymbolRefAttr symbol) { return symbol ? uses.lookup(symbol).getValue() : Attribute(); };
    Attribute a = sourceOf(first.getWeightAttr()), b = sourceOf(second.getWeightAttr());
    Attribute aBias = sourceOf(first.getBiasAttr()), bBias = sourceOf(second.getBiasAttr());
    auto part = [&](HeadPart which) {
      return ReducedHeadsAttr::get(&getContext(), kind, which, a, b, measured, heads, kvHeads, rank, Real(damping),
                                   aBias, bBias);
    };
    bool outputs = kind == HeadProductKind::outputs;
    int64_t inputs = uses.lookup(second.getWeightAttr()).getShape().back();
    if (outputs)
      setApproximate(uses.lookup(first.getWeightAttr()), part(HeadPart::first),
                     {first.getType().getShape().back(), heads * rank});
    else
      setApproximate(uses.lookup(first.getWeightAttr()), part(HeadPart::first), {heads * rank, inputs});
    setApproximate(uses.lookup(second.getWeightAttr()), part(HeadPart::second), {kvHeads * rank, inputs}, error);
    if (!outputs)
      setWidth(first.getResult(), heads * rank);
    setWidth(second.getResult(), kvHeads * rank);
    if (outputs || aBias)
      setBias(first, part(HeadPart::first_bias), uses);
    if (bBias)
      setBias(second, part(HeadPart::second_bias), uses);
  }

  void setBias(LinearOp linear, Attribute value, ParamUses &uses) {
    uses.setBias(linear, value);
    setApproximate(uses.lookup(linear.getBiasAttr()), value, {linear.getType().getShape().back()});
  }

  /// Rows of queries and keys, and the frequencies of the pairs that are left.
  void keepPlanes(Heads &one, int64_t width, ParamUses &uses) {
    RopeAttr rope = one.attention.getRopeAttr();
    takeHeadRows(one.query, one.attention.getHeads(), width, one.planes, rope, one.scoresError, uses);
    takeHeadRows(one.key, one.attention.getKvHeads(), width, one.planes, rope, one.scoresError, uses);
    llvm::SmallVector<double> all = computeRopeFrequencies(rope, 1).frequencies;
    llvm::SmallVector<Real> factors; // theta = base^(-2 i / dims) / factor
    for (auto [i, plane] : llvm::enumerate(one.planes))
      factors.push_back(Real(std::pow(rope.getBase().value, -2.0 * static_cast<double>(i) / static_cast<double>(rank)) /
                             all[static_cast<size_t>(plane)]));
    auto scaling = RopeScalingAttr::get(&getContext(), RopeScalingKind::longrope, Real(1.0), kAnyLength, Real(32.0),
                                        Real(1.0), Real(1.0), Real(4.0), std::nullopt, factors, factors);
    one.attention.setRopeAttr(RopeAttr::get(&getContext(), rope.getBase(), rank, rope.getLayout(), scaling));
  }

  /// Both lists of factors are the same, so the length that chooses between them does not matter.
  static constexpr int64_t kAnyLength = 2;

  void takeHeadRows(LinearOp linear, int64_t heads, int64_t width, ArrayRef<int64_t> planes, RopeAttr rope,
                    double error, ParamUses &uses) {
    std::vector<int64_t> kept;
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t plane : planes) {
        auto [a, b] = pairOf(rope, plane);
        kept.push_back(head * width + a);
        kept.push_back(head * width + b);
      }
    llvm::sort(kept);
    auto count = static_cast<int64_t>(kept.size());
    ParamOp weight = uses.lookup(linear.getWeightAttr());
    setApproximate(weight, TakeRowsAttr::get(&getContext(), weight.getValue(), kept), {count, weight.getShape().back()},
                   error);
    setWidth(linear.getResult(), count);
    if (FlatSymbolRefAttr bias = linear.getBiasAttr())
      setBias(linear, TakeRowsAttr::get(&getContext(), uses.lookup(bias).getValue(), kept), uses);
  }
};

} // namespace

} // namespace lmopt::lm
