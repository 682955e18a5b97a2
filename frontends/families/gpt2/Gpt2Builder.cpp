// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decoders of GPT's kind as lm ops, layer after layer (with norms first; GptOrder has the other orders):
//
//   x = embed(ids) + position[t]               or rotary positions in attention, or scores that grow with positions
//   h = x + o(attention(q(n), k(n), v(n)))     n = layer_norm(x)
//   x = h + down(gelu(up(m)))                  m = layer_norm(h)
//   logits = head(layer_norm(x))               head = the embedding table when tied
//
// In: GptConfig, WeightSource. Out: @forward(ids, cache) -> (logits, cache).
// From: Radford et al. (2018, 2019); Black et al., GPT-Neo (2021), GPT-NeoX-20B (2022); Zhang et al., OPT (2022);
// transformers' modeling_{openai,gpt2,gpt_neo,gpt_neox,opt,bloom}.py. Tested by
// test/unit/frontends/ImportDecodersTest.cpp and the fixtures of the
// families.
#include "frontends/families/ModelBuilder.h"
#include "frontends/families/gpt2/Gpt2.h"
#include "frontends/families/gpt2/GptConfig.h"

using namespace mlir;
using namespace lmopt;

namespace {
class GptBuilder {
public:
  GptBuilder(ModelBuilder &model, const GptConfig &config) : model(model), config(config) {}

  void build();

private:
  Value embed(Value ids);
  Value norm(const std::string &part, Value input);
  Value linear(const std::string &part, Value input, int64_t outputs, bool bias);
  Value projection(const std::string &attention, const char *name, int64_t number, Value input);
  Value attention(const std::string &layer, int64_t index, Value input);
  Value feedForward(const std::string &layer, Value input);
  Value layer(int64_t index, Value x);
  Value head(Value x);
  lm::RopeAttr rope();
  lm::CausalAttr mask(int64_t index);
  lm::AlibiAttr alibi();

  ModelBuilder &model;
  const GptConfig &config;
  Value cache;
};
} // namespace

lm::RopeAttr GptBuilder::rope() {
  if (!config.ropeDims)
    return {};
  return lm::RopeAttr::get(model.builder.getContext(), config.ropeBase, config.ropeDims, lm::RopeLayout::half,
                           lm::RopeScalingAttr());
}

lm::CausalAttr GptBuilder::mask(int64_t index) {
  bool slides = !config.slides.empty() && config.slides[index];
  return lm::CausalAttr::get(model.builder.getContext(), slides ? config.window : 0);
}

lm::AlibiAttr GptBuilder::alibi() {
  if (config.slopes.empty())
    return {};
  SmallVector<lm::Real> slopes;
  for (double slope : config.slopes)
    slopes.push_back(lm::Real(slope));
  return lm::AlibiAttr::get(model.builder.getContext(), slopes);
}

Value GptBuilder::norm(const std::string &part, Value input) {
  if (config.normWeights)
    return model.layerNorm(part, input, config.normEps);
  return model.ok()
             ? model.create<lm::LayerNormOp>(part, input, FlatSymbolRefAttr(), FlatSymbolRefAttr(), config.normEps)
                   .getResult()
             : input;
}

Value GptBuilder::linear(const std::string &part, Value input, int64_t outputs, bool bias) {
  if (!config.transposed)
    return model.linear(part, input, outputs, bias);
  TensorRows all;
  all.part = part;
  all.rows = outputs;
  all.transposed = true;
  return model.linear(part, input, all, bias);
}

/// Queries, keys or values: number 0, 1 or 2 of what may be one tensor.
Value GptBuilder::projection(const std::string &attention, const char *name, int64_t number, Value input) {
  std::string part = attention + "." + name;
  bool bias = config.attentionBias && config.projectionBias;
  if (config.projections == GptProjections::Separate)
    return linear(part, input, config.width, bias);
  TensorRows rows;
  rows.part = attention + ".qkv";
  rows.rows = 3 * config.width;
  rows.size = config.projections == GptProjections::Fused ? config.width : config.headWidth();
  rows.first = number;
  rows.step = 3;
  rows.transposed = config.transposed;
  return model.linear(part, input, rows, bias);
}

Value GptBuilder::attention(const std::string &layer, int64_t index, Value input) {
  std::string part = layer + ".attn";
  Value query = projection(part, "q", 0, input), key = projection(part, "k", 1, input);
  Value value = projection(part, "v", 2, input);
  if (!model.ok())
    return input;
  auto attention = model.create<lm::AttentionOp>(part, query, key, value, cache, Value(), index, config.heads,
                                                 config.heads, config.scales[index], mask(index), rope());
  if (lm::AlibiAttr bias = alibi())
    attention.setPositionBiasAttr(bias);
  cache = attention.getNextCache();
  return linear(part + ".o", attention.getResult(), config.width, config.attentionBias);
}

Value GptBuilder::feedForward(const std::string &layer, Value input) {
  std::string part = layer + ".ffn";
  Value up = linear(part + ".up", input, config.ffnWidth, config.ffnBias);
  if (!model.ok())
    return input;
  Value active = model.create<lm::ActivationOp>(part, up, lm::kindOf(config.activation));
  return linear(part + ".down", active, config.width, config.ffnBias);
}

Value GptBuilder::layer(int64_t index, Value x) {
  std::string layer = "layers." + std::to_string(index), attn = layer + ".attn", ffn = layer + ".ffn";
  if (config.order == GptOrder::NormsLast) {
    x = norm(layer + ".attn_norm", model.addResidual(attn, x, attention(layer, index, x)));
    return norm(layer + ".ffn_norm", model.addResidual(ffn, x, feedForward(layer, x)));
  }
  Value normed = norm(layer + ".attn_norm", x);
  Value attended = model.addResidual(attn, config.normedResidual ? normed : x, attention(layer, index, normed));
  normed = norm(layer + ".ffn_norm", config.order == GptOrder::Parallel ? x : attended);
  return model.addResidual(ffn, config.normedResidual ? normed : attended, feedForward(layer, normed));
}

Value GptBuilder::embed(Value ids) {
  lm::ParamOp table = model.param("embed.weight", {config.vocabulary, config.embeddingWidth()});
  if (!model.ok())
    return {};
  Value x = model.create<lm::EmbeddingOp>("embed", ids, table);
  if (config.tableWidth)
    x = model.linear("embed_project", x, config.width, /*bias=*/false);
  if (config.embeddingNorm)
    x = norm("embed_norm", x);
  if (!config.learnedPositions)
    return x;
  int64_t first = config.firstPosition, rows = config.maxPositions;
  lm::ParamOp places = model.derivedParam(
      "position.weight", {first + rows, config.width}, {rows, config.width},
      [&](Attribute all) -> Attribute { return first ? lm::DropRowsAttr::get(all.getContext(), all, first) : all; });
  return model.ok() ? model.create<lm::AddPositionsOp>("position", x, places).getResult() : Value();
}

/// Logits of the last hidden state.
Value GptBuilder::head(Value x) {
  if (config.finalNorm)
    x = norm("final_norm", x);
  if (config.tableWidth)
    x = model.linear("head_project", x, config.tableWidth, /*bias=*/false);
  SmallVector<int64_t> shape = {config.vocabulary, config.embeddingWidth()};
  lm::ParamOp table = config.tiedHead ? model.sharedTable("head", shape) : model.matrix("head", shape);
  x = model.asRead("head", x);
  return model.ok() ? model.asMade("head", model.create<lm::LinearOp>("head", x, table)) : Value();
}

void GptBuilder::build() {
  OpBuilder &builder = model.builder;
  int64_t dynamic = ShapedType::kDynamic;
  Type ids = RankedTensorType::get({dynamic, dynamic}, builder.getI32Type());
  Block *body = model.beginFunction("forward", {ids, lm::CacheType::get(builder.getContext())});
  cache = body->getArgument(1);
  Value x = embed(body->getArgument(0));
  for (int64_t i = 0; i < config.layers && model.ok(); ++i)
    x = layer(i, x);
  if (!model.ok())
    return;
  if (Value logits = head(x))
    model.endFunction({logits, cache});
}

void lmopt::buildGpt2(ModelBuilder &model, const ModelConfig &config) {
  GptBuilder(model, static_cast<const GptConfig &>(config)).build();
}
