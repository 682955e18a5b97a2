// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Llama-like decoders as lm ops, layer after layer:
//
//   x = embed(ids)
//   h = x + o(attention(q(n), k(n), v(n)))     n = rms_norm(x)
//   x = h + down(silu(gate(m)) * up(m))        m = rms_norm(h)
//   logits = head(rms_norm(x))                 head = the embedding table when tied
//
// Families of this shape differ in details that LlamaConfig names: norms behind the branches or around them, norms of
// queries and keys, fused tensors, layers without rotary positions, windows, caps, mixtures of experts.
//
// Multipliers (Granite: x = e embed(ids), h = x + r o(...), logits / l; Gemma: e alone) become part of vectors or of
// the table. Norms do not feel a factor of x, so all of x is divided by some s: the table holds e / s times its rows,
// the epsilon of a norm that reads x is divided by s^2, and what a branch adds is multiplied by r / s. Where norms
// stand around branches, s = e: the table stays as it is, so that it may keep its codes, and the weights of the norms
// behind branches take 1 / s. Else s = r: o and down stay as they are. The last norm's weight is divided by l and,
// where the head is the table, by e / s. Scores have a scale of their own (lm.attention).
//
// In: LlamaConfig, WeightSource. Out: @forward(ids, cache) -> (logits, cache).
// From: Touvron et al., LLaMA (2023); transformers' modeling_llama.py. Tested by test/unit/frontends/ImportTest.cpp.
#include "frontends/families/MixtureBuilder.h"
#include "frontends/families/ModelBuilder.h"
#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"

#include <cmath>

using namespace mlir;
using namespace lmopt;

namespace {
class LlamaBuilder {
public:
  LlamaBuilder(ModelBuilder &model, const LlamaConfig &config) : model(model), config(config) {}

  void build();

private:
  lm::ParamOp normWeight(const std::string &part, int64_t width, double factor);
  Value rmsNorm(const std::string &part, Value input, double eps, double factor = 1, int64_t heads = 1);
  Value streamNorm(const std::string &part, Value input, double factor = 1);
  Value branch(const std::string &norm, Value x, llvm::function_ref<Value(Value)> compute);
  Value headNorm(const std::string &part, int64_t heads, Value input);
  Value projection(const std::string &attention, const char *name, const LlamaLayer &sizes, Value input);
  Value half(const std::string &part, const char *name, int64_t number, int64_t width, Value input);
  Value attention(const std::string &layer, int64_t index, Value input);
  Value feedForward(const std::string &layer, const LlamaLayer &sizes, Value input);
  Value layer(int64_t index, Value x);
  Value head(Value x);
  bool hasBias(const std::string &part, bool flag) { return config.biasIfPresent ? model.has(part + ".bias") : flag; }
  lm::RopeAttr rope(const LlamaLayer &layer);
  Attribute mask(const LlamaLayer &layer) {
    return lm::CausalAttr::get(model.builder.getContext(), layer.slides ? config.window : 0);
  }
  /// s: what the residual stream is divided by.
  double streamDivisor() const {
    return config.normPlace == NormPlace::Around ? config.embeddingMultiplier : config.residualMultiplier;
  }
  double tableFactor() const { return config.embeddingMultiplier / streamDivisor(); }
  lm::ParamOp embeddingTable();

  ModelBuilder &model;
  const LlamaConfig &config;
  Value cache;
};
} // namespace

static lm::RopeScalingKind scalingKind(RopeScaling::Kind kind) {
  switch (kind) {
  case RopeScaling::Kind::Linear:
    return lm::RopeScalingKind::linear;
  case RopeScaling::Kind::Dynamic:
    return lm::RopeScalingKind::dynamic;
  case RopeScaling::Kind::Yarn:
    return lm::RopeScalingKind::yarn;
  case RopeScaling::Kind::Llama3:
    return lm::RopeScalingKind::llama3;
  case RopeScaling::Kind::LongRope:
    return lm::RopeScalingKind::longrope;
  }
  return lm::RopeScalingKind::linear;
}

static SmallVector<lm::Real> reals(const std::vector<double> &values) {
  return llvm::map_to_vector(values, [](double value) { return lm::Real(value); });
}

/// Parameters that the kind does not use keep the defaults of the attribute, so that they are not printed.
static lm::RopeScalingAttr scalingAttr(MLIRContext *context, const RopeScaling &scaling) {
  std::optional<lm::Real> attentionFactor;
  if (scaling.attentionFactor)
    attentionFactor = lm::Real(*scaling.attentionFactor);
  int64_t original = scaling.kind == RopeScaling::Kind::Linear ? 0 : scaling.originalPositions;
  return lm::RopeScalingAttr::get(context, scalingKind(scaling.kind), lm::Real(scaling.factor), original,
                                  lm::Real(scaling.betaFast), lm::Real(scaling.betaSlow),
                                  lm::Real(scaling.lowFrequency), lm::Real(scaling.highFrequency), attentionFactor,
                                  reals(scaling.shortFactors), reals(scaling.longFactors));
}

/// Null where the layer turns nothing.
lm::RopeAttr LlamaBuilder::rope(const LlamaLayer &layer) {
  if (!layer.rope)
    return {};
  MLIRContext *context = model.builder.getContext();
  bool isLocal = layer.slides && config.localRopeBase != 0;
  lm::RopeScalingAttr scaling;
  if (config.ropeScaling && !isLocal)
    scaling = scalingAttr(context, *config.ropeScaling);
  return lm::RopeAttr::get(context, isLocal ? config.localRopeBase : config.ropeBase, config.ropeDims,
                           config.ropeInterleaved ? lm::RopeLayout::interleaved : lm::RopeLayout::half, scaling);
}

/// f W; W itself where the factor is 1.
static Attribute scaled(Attribute weight, double factor) {
  return factor == 1 ? weight : lm::ScaleAttr::get(weight.getContext(), weight, lm::Real(factor));
}

lm::ParamOp LlamaBuilder::normWeight(const std::string &part, int64_t width, double factor) {
  return model.derivedParam(part + ".weight", {width}, {width}, [&](Attribute weight) {
    if (config.normsFromOne) {
      auto type = RankedTensorType::get({width}, model.builder.getF32Type());
      weight = lm::SumAttr::get(weight.getContext(), weight, DenseElementsAttr::get(type, 1.0f));
    }
    return scaled(weight, factor);
  });
}

Value LlamaBuilder::rmsNorm(const std::string &part, Value input, double eps, double factor, int64_t heads) {
  int64_t width = cast<RankedTensorType>(input.getType()).getShape().back() / heads;
  lm::ParamOp weight = normWeight(part, width, factor);
  if (!model.ok())
    return input;
  return model.create<lm::RmsNormOp>(part, input, FlatSymbolRefAttr::get(weight), eps, heads);
}

/// A norm that reads the residual stream.
Value LlamaBuilder::streamNorm(const std::string &part, Value input, double factor) {
  double divisor = streamDivisor();
  return rmsNorm(part, input, config.normEps / (divisor * divisor), factor);
}

/// What is added to x.
Value LlamaBuilder::branch(const std::string &norm, Value x, llvm::function_ref<Value(Value)> compute) {
  switch (config.normPlace) {
  case NormPlace::Before:
    return compute(streamNorm(norm, x));
  case NormPlace::Behind:
    return streamNorm(norm, compute(x));
  case NormPlace::Around:
    return rmsNorm(norm + "_behind", compute(streamNorm(norm, x)), config.normEps, 1 / streamDivisor());
  }
  return x;
}

/// Of queries or keys.
Value LlamaBuilder::headNorm(const std::string &part, int64_t heads, Value input) {
  if (config.queryKeyNorms == QueryKeyNorms::None)
    return input;
  return rmsNorm(part, input, config.normEps, 1, config.queryKeyNorms == QueryKeyNorms::Heads ? heads : 1);
}

lm::ParamOp LlamaBuilder::embeddingTable() {
  SmallVector<int64_t> shape = {config.vocabulary, config.width};
  return model.derivedParam("embed.weight", shape, shape,
                            [&](Attribute table) { return scaled(table, tableFactor()); });
}

/// Queries, keys or values: `name` is q, k or v. As one tensor they are so many blocks of queries as heads share a head
/// of keys, a block of keys and one of values.
Value LlamaBuilder::projection(const std::string &attention, const char *name, const LlamaLayer &sizes, Value input) {
  std::string part = attention + "." + name;
  bool isQuery = *name == 'q';
  if (!config.fused) {
    int64_t heads = isQuery ? sizes.heads : sizes.kvHeads;
    return model.linear(part, input, heads * config.headSize, hasBias(part, config.queryBias));
  }
  TensorRows rows;
  rows.part = attention + ".qkv";
  rows.count = sizes.heads / sizes.kvHeads;
  rows.step = rows.count + 2;
  rows.size = sizes.kvHeads * config.headSize;
  rows.rows = rows.step * rows.size;
  if (!isQuery) {
    rows.first = rows.count + (*name == 'v');
    rows.count = 1;
  }
  return model.linear(part, input, rows, hasBias(rows.part, config.queryBias));
}

Value LlamaBuilder::attention(const std::string &layer, int64_t index, Value input) {
  const LlamaLayer &sizes = config.layers[index];
  std::string part = layer + ".attn";
  Value query = projection(part, "q", sizes, input), key = projection(part, "k", sizes, input);
  Value value = projection(part, "v", sizes, input);
  if (!model.ok())
    return input;
  query = headNorm(part + ".q_norm", sizes.heads, query);
  key = headNorm(part + ".k_norm", sizes.kvHeads, key);
  double scale = config.attentionScale ? config.attentionScale : 1.0 / std::sqrt(static_cast<double>(config.headSize));
  auto attention = model.create<lm::AttentionOp>(part, query, key, value, cache, Value(), index, sizes.heads,
                                                 sizes.kvHeads, scale, mask(sizes), rope(sizes));
  if (config.attentionCap)
    attention.setSoftCapAttr(model.builder.getF64FloatAttr(config.attentionCap));
  cache = attention.getNextCache();
  return model.linear(part + ".o", attention.getResult(), config.width, hasBias(part + ".o", config.outputBias));
}

/// gate or up: number 0 or 1 of what may be one tensor.
Value LlamaBuilder::half(const std::string &ffn, const char *name, int64_t number, int64_t width, Value input) {
  std::string part = ffn + "." + name;
  if (!config.fused)
    return model.linear(part, input, width, hasBias(part, config.ffnBias));
  TensorRows rows;
  rows.part = ffn + ".gate_up";
  rows.rows = 2 * width;
  rows.size = width;
  rows.first = number;
  rows.step = 2;
  return model.linear(part, input, rows, hasBias(rows.part, config.ffnBias));
}

Value LlamaBuilder::feedForward(const std::string &layer, const LlamaLayer &sizes, Value input) {
  std::string part = layer + ".ffn";
  if (sizes.mixed)
    return buildMixture(model, *config.mixture, config.activation, part, input);
  Value gate = half(part, "gate", 0, sizes.ffnWidth, input), up = half(part, "up", 1, sizes.ffnWidth, input);
  if (!model.ok())
    return input;
  Value product = model.create<lm::GatedProductOp>(part, gate, up, lm::kindOf(config.activation));
  return model.linear(part + ".down", product, config.width, hasBias(part + ".down", config.ffnBias));
}

Value LlamaBuilder::layer(int64_t index, Value x) {
  std::string name = "layers." + std::to_string(index);
  Value attended = branch(name + ".attn_norm", x, [&](Value read) { return attention(name, index, read); });
  x = model.addResidual(name + ".attn", x, attended);
  const LlamaLayer &sizes = config.layers[index];
  Value fed = branch(name + ".ffn_norm", x, [&](Value read) { return feedForward(name, sizes, read); });
  return model.addResidual(name + ".ffn", x, fed);
}

/// Logits of the last hidden state; null after an error.
Value LlamaBuilder::head(Value x) {
  x = streamNorm("final_norm", x, 1 / (config.logitsDivisor * (config.tiedHead ? tableFactor() : 1)));
  SmallVector<int64_t> shape = {config.vocabulary, config.width};
  lm::ParamOp head = config.tiedHead ? model.sharedTable("head", shape) : model.matrix("head", shape);
  x = model.asRead("head", x);
  if (!model.ok())
    return {};
  Value logits = model.asMade("head", model.create<lm::LinearOp>("head", x, head));
  return config.logitsCap ? model.create<lm::SoftCapOp>("head.cap", logits, config.logitsCap).getResult() : logits;
}

void LlamaBuilder::build() {
  OpBuilder &builder = model.builder;
  int64_t dynamic = ShapedType::kDynamic;
  Type ids = RankedTensorType::get({dynamic, dynamic}, builder.getI32Type());
  Type cacheType = lm::CacheType::get(builder.getContext());
  Block *body = model.beginFunction("forward", {ids, cacheType});
  cache = body->getArgument(1);

  lm::ParamOp embedding = embeddingTable();
  if (!model.ok())
    return;
  Value x = model.create<lm::EmbeddingOp>("embed", body->getArgument(0), embedding);
  for (size_t i = 0; i < config.layers.size() && model.ok(); ++i)
    x = layer(i, x);
  if (Value logits = head(x))
    model.endFunction({logits, cache});
}

/// What lm.config says of the scaling, and the user of one that is without effect.
static void tellScaling(ModelBuilder &model, const LlamaConfig &config) {
  lm::RopeScalingKind kind = scalingKind(config.ropeScaling->kind);
  model.setFact("rope_scaling", model.builder.getStringAttr(lm::stringifyEnum(kind)));
  if (kind == lm::RopeScalingKind::dynamic)
    emitWarning(model.builder.getUnknownLoc())
        << "rope scaling 'dynamic' changes nothing for sequences of up to " << config.maxPositions
        << " tokens, which is as long as lmopt lets them become: beyond, each token would change what all before it "
           "computed";
}

void lmopt::buildLlama(ModelBuilder &model, const ModelConfig &anyConfig) {
  const auto &config = static_cast<const LlamaConfig &>(anyConfig);
  LlamaBuilder(model, config).build();
  if (config.ropeScaling)
    tellScaling(model, config);
}
