// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ModernBERT as lm ops, layer after layer:
//
//   x = layer_norm(embed(ids))
//   h = x + o(attention(q(n), k(n), v(n)))     n = layer_norm(x), in the first layer x itself; rotary positions;
//                                              in some layers keys near a query only
//   x = h + down(gelu(gate(m)) * up(m))        m = layer_norm(h)
//   vector of the text: that of layer_norm(x); or what a head makes of it
//
// In: ModernBertConfig, WeightSource. Out: @encode(ids, lengths). From: Warner et al. (2024); transformers'
// modeling_modernbert.py. Tested by the fixtures modernbert-windows and heads/modernbert-*.
#include "frontends/families/ModelBuilder.h"
#include "frontends/families/SentenceBuilder.h"
#include "frontends/families/modernbert/ModernBert.h"
#include "frontends/heads/HeadBuilder.h"

#include <cmath>

using namespace mlir;
using namespace lmopt;

namespace {
class ModernBertBuilder {
public:
  ModernBertBuilder(ModelBuilder &model, const ModernBertConfig &config) : model(model), config(config) {}

  void build();

private:
  Value norm(const std::string &part, Value input);
  Value rows(const std::string &part, const std::string &tensor, Value input, int64_t size, int64_t number, int64_t of,
             bool bias);
  Value attention(int64_t index, Value input);
  Value feedForward(const std::string &layer, Value input);

  ModelBuilder &model;
  const ModernBertConfig &config;
  Value lengths;
};
} // namespace

Value ModernBertBuilder::norm(const std::string &part, Value input) {
  return model.layerNorm(part, input, config.normEps, part, config.normBias);
}

/// Number `number` of the `of` equal parts of a tensor.
Value ModernBertBuilder::rows(const std::string &part, const std::string &tensor, Value input, int64_t size,
                              int64_t number, int64_t of, bool bias) {
  TensorRows rows;
  rows.part = tensor;
  rows.rows = of * size;
  rows.size = size;
  rows.first = number;
  rows.step = of;
  return model.linear(part, input, rows, bias);
}

Value ModernBertBuilder::attention(int64_t index, Value input) {
  std::string part = "layers." + std::to_string(index) + ".attn", all = part + ".qkv";
  static constexpr const char *kNames[] = {".q", ".k", ".v"};
  Value projected[3];
  for (int64_t number = 0; number < 3; ++number)
    projected[number] = rows(part + kNames[number], all, input, config.width, number, 3, config.attentionBias);
  if (!model.ok())
    return input;
  MLIRContext *context = model.builder.getContext();
  bool slides = config.slides[index];
  auto rope = lm::RopeAttr::get(context, slides ? config.localBase : config.base, config.headWidth(),
                                lm::RopeLayout::half, lm::RopeScalingAttr());
  auto mask = lm::FullAttr::get(context, slides ? config.window : 0);
  double scale = 1.0 / std::sqrt(static_cast<double>(config.headWidth()));
  Value attended = model
                       .create<lm::AttentionOp>(part, projected[0], projected[1], projected[2], Value(), lengths, index,
                                                config.heads, config.heads, scale, mask, rope)
                       .getResult();
  return model.linear(part + ".o", attended, config.width, config.attentionBias);
}

Value ModernBertBuilder::feedForward(const std::string &layer, Value input) {
  std::string part = layer + ".ffn", both = part + ".gate_up";
  Value gate = rows(part + ".gate", both, input, config.ffnWidth, 0, 2, config.ffnBias);
  Value up = rows(part + ".up", both, input, config.ffnWidth, 1, 2, config.ffnBias);
  if (!model.ok())
    return input;
  Value product = model.create<lm::GatedProductOp>(part, gate, up, lm::kindOf(config.activation));
  return model.linear(part + ".down", product, config.width, config.ffnBias);
}

void ModernBertBuilder::build() {
  OpBuilder &builder = model.builder;
  int64_t dynamic = ShapedType::kDynamic;
  Block *body = model.beginFunction("encode", {RankedTensorType::get({dynamic, dynamic}, builder.getI32Type()),
                                               RankedTensorType::get({dynamic}, builder.getI32Type())});
  lengths = body->getArgument(1);
  lm::ParamOp words = model.param("embed.weight", {config.vocabulary, config.width});
  if (!model.ok())
    return;
  Value x = norm("embed_norm", model.create<lm::EmbeddingOp>("embed", body->getArgument(0), words));
  for (int64_t i = 0; i < config.layers && model.ok(); ++i) {
    std::string layer = "layers." + std::to_string(i);
    x = model.addResidual(layer + ".attn", x, attention(i, i == 0 ? x : norm(layer + ".attn_norm", x)));
    x = model.addResidual(layer + ".ffn", x, feedForward(layer, norm(layer + ".ffn_norm", x)));
  }
  x = norm("final_norm", x);
  if (!model.ok())
    return;
  Value result = config.head ? buildHead(model, config, x, lengths) : buildSentenceVector(model, config, x, lengths);
  if (result)
    model.endFunction(result);
}

void lmopt::buildModernBert(ModelBuilder &model, const ModelConfig &config) {
  ModernBertBuilder(model, static_cast<const ModernBertConfig &>(config)).build();
}
