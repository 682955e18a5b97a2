// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One latent for the keys and values of all heads. In: attention and its four linears. Out: the same over one narrow
// head of keys that are the values, too. From techniques 8.2; DeepSeek-AI 2024 trains such attention. Cost: the
// singular values of the keys' and values' matrix; attentions are worked on in parallel. Tested by
// test/passes/latent-attention and test/unit/models/LatentAttentionTest.cpp.
#include "passes/latent-attention/LatentAttention.h"

#include "dialects/lm/PartNames.h"
#include "dialects/lm/Weights.h"
#include "dialects/lm/attention/Attention.h"
#include "dialects/lm/linear/Linear.h"
#include "dialects/lm/weights/LowRankFactors.h"
#include "passes/analysis/AttentionLinears.h"
#include "passes/analysis/NarrowLinear.h"
#include "passes/analysis/Statistics.h"
#include "passes/analysis/Tell.h"

#include "mlir/IR/Threading.h"

#include <numeric>

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMLATENTATTENTIONPASS
#include "passes/latent-attention/LatentAttention.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-latent-attention";

namespace {

struct Latent : AttentionLinears {
  AttentionOp attention;
  ObservedValue input;
  double error = 0; ///< found out

  int64_t keyRows() { return key.getType().getShape().back(); }
  int64_t rows() { return keyRows() + value.getType().getShape().back(); }
  int64_t width() { return key.getInput().getType().getShape().back(); }
  int64_t heads() { return static_cast<int64_t>(attention.getHeads()); }
  int64_t kvHeads() { return static_cast<int64_t>(attention.getKvHeads()); }
};

struct LatentAttention : impl::LmLatentAttentionPassBase<LatentAttention> {
  using LmLatentAttentionPassBase::LmLatentAttentionPassBase;

  void runOnOperation() override {
    if (failed(replaceAll()))
      signalPassFailure();
  }

  LogicalResult replaceAll() {
    ModuleOp module = getOperation();
    if (failed(checkOptions(module)))
      return failure();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip, Selectable::Attentions);
    if (failed(selection))
      return failure();
    FailureOr<Statistics> statistics = Statistics::open(module, stats);
    if (failed(statistics))
      return failure();
    ParamUses uses(module);
    FailureOr<std::vector<Latent>> found = findAttentions(module, *selection, uses);
    if (failed(found))
      return failure();
    WeightReader reader(base.empty() ? moduleDirectory(module) : base.getValue());
    auto work = [&](Latent &one) { return measure(one, *statistics, reader, uses); };
    if (failed(failableParallelForEach(&getContext(), *found, work)))
      return failure();
    for (Latent &one : *found)
      replace(one, statistics->attributeOf(one.input), uses);
    uses.eraseUnused();
    return success();
  }

  LogicalResult checkOptions(ModuleOp module) {
    auto error = [&] { return module.emitError() << kPass << ": option "; };
    if (stats.empty())
      return error() << "'stats' is missing; expected a file made by `lmopt calibrate`";
    if (rank < 1)
      return error() << "'rank' must be at least 1, found " << rank.getValue();
    if (!(damping > 0 && damping < 1e6))
      return error() << "'damping' must be positive, found " << damping.getValue();
    return success();
  }

  //===--- Attentions ---===//

  FailureOr<std::vector<Latent>> findAttentions(ModuleOp module, const LayerSelection &selection,
                                                const ParamUses &uses) {
    FailureOr<LayerSelection> all = LayerSelection::create(module, {}, {});
    llvm::SmallVector<ObservedValue> observed = findObservedValues(module, *all);
    std::vector<Latent> found;
    for (AttentionOp attention : findOps<AttentionOp>(module)) {
      if (!selection.contains(attention))
        continue;
      Latent one = {{}, attention, {}, 0};
      if (std::string reason = complete(one, uses); !reason.empty()) {
        tellMissed(kPass, "NotLatent", attention, reason);
        continue;
      }
      if (failed(checkAttention(one)))
        return failure();
      one.input = *llvm::find_if(observed, [&](auto &value) { return value.value == one.value.getInput(); });
      found.push_back(std::move(one));
    }
    return found;
  }

  /// Why the attention must stay as it is, or an empty string.
  static std::string complete(Latent &one, const ParamUses &uses) {
    static_cast<AttentionLinears &>(one) = findOwnLinears(one.attention, uses);
    if (!one.areAllThere())
      return "what it reads, or what reads it, is no f32 linear of its own";
    if (std::string reason = reasonToKeepCodes(one, uses); !reason.empty())
      return reason;
    if (one.value.getInput() != one.key.getInput())
      return "its keys and values are not made of one value";
    if (one.attention.getGroups())
      return "its heads of keys are read by different numbers of queries";
    if (one.attention.getSoftCap())
      return "a soft cap bends each score by itself, so that what all keys have in common cannot be left out";
    if (hasLearnedProjection(one.attention))
      return "a learned projection gives each of its rows another share of the mean";
    return showsPaddedRows(one.attention) ? "rows beyond the length of a text can be seen in a result" : "";
  }

  LogicalResult checkAttention(Latent &one) {
    auto error = [&] { return one.attention.emitError() << kPass << ": '" << getPartName(one.attention) << "': "; };
    if (one.attention.getRopeAttr())
      return error()
             << "rotary positions stand between its queries and a factor of its keys; leave it out with 'skip', "
                "or use lm-low-rank-attention";
    if (rank >= one.rows())
      return error() << "option 'rank': " << rank.getValue() << " numbers of a token are no less than the "
                     << one.rows() << " of its keys and values; expected fewer";
    if (rank > one.width())
      return error() << "option 'rank': " << rank.getValue() << " is more than the " << one.width()
                     << " numbers that its keys and values are made of; expected at most as many";
    return success();
  }

  //===--- Measures ---===//

  LogicalResult measure(Latent &one, const Statistics &statistics, WeightReader &reader, const ParamUses &uses) {
    FailureOr<ValueStatistics> sums = statistics.read(one.input);
    if (failed(sums))
      return failure();
    std::vector<float> matrix;
    for (LinearOp linear : {one.key, one.value}) {
      FailureOr<WeightData> weight = reader.read(uses.lookup(linear.getWeightAttr()));
      if (failed(weight))
        return failure();
      matrix.insert(matrix.end(), weight->f32.begin(), weight->f32.end());
    }
    Metric metric = whiteningMetric(centredMoments(sums->products, sums->sums, sums->tokens), damping);
    std::vector<double> powers = squaredSingularValues(matrix.data(), one.rows(), one.width(), metric);
    if (powers.empty())
      return one.attention.emitError() << kPass << ": the weights of '" << getPartName(one.attention)
                                       << "' or the statistics of its input are not finite, or their moments not "
                                          "positive definite; calibrate again, or take a greater 'damping'";
    double all = std::accumulate(powers.begin(), powers.end(), 0.0);
    double lost = std::accumulate(powers.begin() + std::min<int64_t>(rank, static_cast<int64_t>(powers.size())),
                                  powers.end(), 0.0);
    one.error = all > 0 ? std::sqrt(lost / all) : 0;
    return success();
  }

  //===--- Rewrite ---===//

  void replace(Latent &one, StatisticsAttr measured, ParamUses &uses) {
    MLIRContext *context = &getContext();
    auto valueOf = [&](LinearOp linear) { return Attribute(uses.lookup(linear.getWeightAttr()).getValue()); };
    auto stack = ConcatRowsAttr::get(context, {valueOf(one.key), valueOf(one.value)});
    auto factored =
        LowRankAttr::get(context, stack, LowRankMethod::whitened, rank, measured, Real(damping.getValue()), Real(0.0));
    Attribute left = LowRankLeftAttr::get(context, factored);
    int64_t kept = one.rows();
    absorbIntoOutput(one, takeRows(left, one.keyRows(), one.rows()), factored, uses); // reads the values' bias
    absorbIntoQuery(one, takeRows(left, 0, one.keyRows()), uses);
    LinearOp latent = insertLatent(one, factored, uses);
    replaceAttention(one, latent, uses);
    tellPassed(kPass, "LatentAttention", one.attention)
        << remark::metric("Kept", rank.getValue()) << remark::metric("Of", kept) << remark::metric("Error", one.error);
  }

  Attribute takeRows(Attribute source, int64_t begin, int64_t end) {
    return TakeRowsAttr::get(&getContext(), source, llvm::to_vector(llvm::seq(begin, end)));
  }

  void absorbIntoQuery(Latent &one, Attribute factor, ParamUses &uses) {
    MLIRContext *context = &getContext();
    int64_t width = one.heads() * rank;
    ParamOp weight = uses.lookup(one.query.getWeightAttr());
    setApproximate(weight, AbsorbHeadsAttr::get(context, weight.getValue(), factor, one.heads(), one.kvHeads()),
                   {width, weight.getShape()[1]});
    setWidth(one.query.getResult(), width);
    if (!one.query.getBiasAttr())
      return;
    auto bias = AbsorbHeadsAttr::get(context, uses.lookup(one.query.getBiasAttr()).getValue(), factor, one.heads(),
                                     one.kvHeads());
    uses.setBias(one.query, bias);
    setApproximate(uses.lookup(one.query.getBiasAttr()), bias, {width});
  }

  /// The weight, and the bias with what the values have in common: their own bias and what their mean lost.
  void absorbIntoOutput(Latent &one, Attribute factor, LowRankAttr factored, ParamUses &uses) {
    MLIRContext *context = &getContext();
    ParamOp weight = uses.lookup(one.output.getWeightAttr());
    Attribute source = weight.getValue();
    Attribute common = takeRows(LowRankBiasAttr::get(context, factored, Attribute()), one.keyRows(), one.rows());
    if (FlatSymbolRefAttr bias = one.value.getBiasAttr())
      common = SumAttr::get(context, uses.lookup(bias).getValue(), common);
    FlatSymbolRefAttr own = one.output.getBiasAttr();
    auto bias = MatvecAddAttr::get(context, source, ofEachHead(one, common),
                                   own ? Attribute(uses.lookup(own).getValue()) : Attribute());
    auto absorbed =
        AbsorbHeadsAttr::get(context, TransposeAttr::get(context, source), factor, one.heads(), one.kvHeads());
    int64_t results = weight.getShape()[0];
    setApproximate(weight, TransposeAttr::get(context, absorbed), {results, one.heads() * rank});
    uses.setBias(one.output, bias);
    setApproximate(uses.lookup(one.output.getBiasAttr()), bias, {results});
  }

  /// The numbers of the heads of values, once for each head of queries that reads them.
  Attribute ofEachHead(Latent &one, Attribute values) {
    if (one.heads() == one.kvHeads())
      return values;
    int64_t width = one.attention.getValueWidth(), group = one.heads() / one.kvHeads();
    llvm::SmallVector<Attribute> parts;
    for (int64_t head = 0; head < one.heads(); ++head)
      parts.push_back(takeRows(values, head / group * width, (head / group + 1) * width));
    return ConcatRowsAttr::get(&getContext(), parts);
  }

  LinearOp insertLatent(Latent &one, LowRankAttr factored, ParamUses &uses) {
    ParamOp key = uses.lookup(one.key.getWeightAttr());
    OpBuilder builder(key);
    std::string name = getPartName(one.attention).str();
    name = (name.empty() ? key.getSymName().str() : name) + ".kv";
    auto type = RankedTensorType::get({rank, one.width()}, builder.getF32Type());
    auto weight = ParamOp::create(builder, key.getLoc(), freeParamName(getOperation(), name + ".weight"), type,
                                  LowRankRightAttr::get(&getContext(), factored));
    setApproximate(weight, weight.getValue(), type.getShape(), one.error);
    builder.setInsertionPoint(one.attention);
    auto latent = LinearOp::create(builder, one.key.getLoc(), one.key.getInput(), weight);
    setPartName(latent, name);
    return latent;
  }

  static void replaceAttention(Latent &one, LinearOp latent, ParamUses &uses) {
    one.attention.getKeyMutable().assign(latent.getResult());
    one.attention.getValueMutable().assign(latent.getResult());
    one.attention.setKvHeads(1);
    setWidth(one.attention.getResult(), one.heads() * latent.getType().getShape().back());
    for (LinearOp linear : {one.key, one.value}) {
      uses.forget(linear);
      linear.erase();
    }
  }
};

} // namespace

} // namespace lmopt::lm
