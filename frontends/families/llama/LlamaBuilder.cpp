// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Llama-like decoders as lm ops, layer after layer:
//
//   x = embed(ids)
//   h = x + o(attention(q(n), k(n), v(n)))     n = rms_norm(x)
//   x = h + down(silu(gate(m)) * up(m))        m = rms_norm(h)
//   logits = head(rms_norm(x))                 head = the embedding table when tied
//
// In: LlamaConfig, WeightSource. Out: @forward(ids, cache) -> (logits, cache).
// From: Touvron et al., LLaMA (2023); transformers' modeling_llama.py. Tested by test/unit/frontends/ImportTest.cpp.
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
  Value rmsNorm(const std::string &part, Value input);
  Value attention(const std::string &layer, int64_t index, Value input);
  Value feedForward(const std::string &layer, int64_t width, Value input);
  Value addResidual(const std::string &part, Value residual, Value branch);
  bool hasBias(const std::string &part, bool flag) { return config.biasIfPresent ? model.has(part + ".bias") : flag; }
  lm::RopeAttr rope();

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

lm::RopeAttr LlamaBuilder::rope() {
  MLIRContext *context = model.builder.getContext();
  lm::RopeScalingAttr scaling = config.ropeScaling ? scalingAttr(context, *config.ropeScaling) : lm::RopeScalingAttr();
  return lm::RopeAttr::get(context, config.ropeBase, config.ropeDims,
                           config.ropeInterleaved ? lm::RopeLayout::interleaved : lm::RopeLayout::half, scaling);
}

Value LlamaBuilder::rmsNorm(const std::string &part, Value input) {
  lm::ParamOp weight = model.param(part + ".weight", {config.width});
  if (!model.ok())
    return input;
  return model.create<lm::RmsNormOp>(part, input, FlatSymbolRefAttr::get(weight), config.normEps);
}

Value LlamaBuilder::addResidual(const std::string &part, Value residual, Value branch) {
  return model.ok() ? model.create<lm::AddOp>(part, residual, branch).getResult() : residual;
}

Value LlamaBuilder::attention(const std::string &layer, int64_t index, Value input) {
  const LlamaLayer &sizes = config.layers[index];
  std::string part = layer + ".attn";
  bool flag = config.queryBias;
  Value query = model.linear(part + ".q", input, sizes.heads * config.headSize, hasBias(part + ".q", flag));
  Value key = model.linear(part + ".k", input, sizes.kvHeads * config.headSize, hasBias(part + ".k", flag));
  Value value = model.linear(part + ".v", input, sizes.kvHeads * config.headSize, hasBias(part + ".v", flag));
  if (!model.ok())
    return input;
  double scale = 1.0 / std::sqrt(static_cast<double>(config.headSize));
  auto attention =
      model.create<lm::AttentionOp>(part, query, key, value, cache, Value(), index, sizes.heads, sizes.kvHeads, scale,
                                    lm::CausalAttr::get(model.builder.getContext()), rope());
  cache = attention.getNextCache();
  return model.linear(part + ".o", attention.getResult(), config.width, hasBias(part + ".o", config.outputBias));
}

Value LlamaBuilder::feedForward(const std::string &layer, int64_t width, Value input) {
  std::string part = layer + ".ffn";
  bool flag = config.ffnBias;
  Value gate = model.linear(part + ".gate", input, width, hasBias(part + ".gate", flag));
  Value up = model.linear(part + ".up", input, width, hasBias(part + ".up", flag));
  if (!model.ok())
    return input;
  Value product = model.create<lm::GatedProductOp>(part, gate, up, lm::kindOf(config.activation));
  return model.linear(part + ".down", product, config.width, hasBias(part + ".down", flag));
}

void LlamaBuilder::build() {
  OpBuilder &builder = model.builder;
  int64_t dynamic = ShapedType::kDynamic;
  Type ids = RankedTensorType::get({dynamic, dynamic}, builder.getI32Type());
  Type cacheType = lm::CacheType::get(builder.getContext());
  Block *body = model.beginFunction("forward", {ids, cacheType});
  cache = body->getArgument(1);

  lm::ParamOp embedding = model.param("embed.weight", {config.vocabulary, config.width});
  if (!model.ok())
    return;
  Value x = model.create<lm::EmbeddingOp>("embed", body->getArgument(0), embedding);
  for (size_t i = 0; i < config.layers.size() && model.ok(); ++i) {
    std::string layer = "layers." + std::to_string(i);
    Value attended = attention(layer, i, rmsNorm(layer + ".attn_norm", x));
    x = addResidual(layer + ".attn.residual", x, attended);
    Value fed = feedForward(layer, config.layers[i].ffnWidth, rmsNorm(layer + ".ffn_norm", x));
    x = addResidual(layer + ".ffn.residual", x, fed);
  }
  x = rmsNorm("final_norm", x);
  SmallVector<int64_t> shape = {config.vocabulary, config.width};
  lm::ParamOp head = config.tiedHead ? model.sharedTable("head", shape) : model.matrix("head", shape);
  x = model.asRead("head", x);
  if (!model.ok())
    return;
  Value result = model.asMade("head", model.create<lm::LinearOp>("head", x, head));
  model.endFunction({result, cache});
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
