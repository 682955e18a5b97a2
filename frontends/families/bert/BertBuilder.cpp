// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// BERT-like encoders (post-norm) with pooling as lm ops:
//
//   x = layer_norm(embed(ids) + token_type[0] + position[t])     a linear behind it where the tables have another width
//   h = layer_norm(x + o(attention(q(x), k(x), v(x))))
//   x = layer_norm(h + down(gelu(up(h))))
//   vector = pool(x), made one long if the model says so
//
// One segment only: the token type of every token is 0, so row 0 of its table is a bias; some models have no such
// table. In: BertConfig, WeightSource. Out: @encode(ids, lengths) -> vectors. From: Devlin et al., BERT (2018);
// transformers' modeling_bert.py. Tested by test/unit/frontends/ImportTest.cpp.
#include "frontends/families/ModelBuilder.h"
#include "frontends/families/bert/Bert.h"
#include "frontends/families/bert/BertConfig.h"

#include <cmath>

using namespace mlir;
using namespace lmopt;

namespace {
class BertBuilder {
public:
  BertBuilder(ModelBuilder &model, const BertConfig &config) : model(model), config(config) {}

  void build();

private:
  Value layerNorm(const std::string &part, Value input);
  int64_t tableWidth() const { return config.embeddingWidth ? config.embeddingWidth : config.width; }
  lm::ParamOp tokenType();
  lm::ParamOp positions();
  Value embed(Value ids);
  Value attention(const std::string &layer, int64_t index, Value input, Value lengths);
  Value feedForward(const std::string &layer, Value input);
  Value addAndNorm(const std::string &part, const std::string &norm, Value residual, Value branch);

  ModelBuilder &model;
  const BertConfig &config;
};
} // namespace

Value BertBuilder::layerNorm(const std::string &part, Value input) {
  int64_t width = cast<RankedTensorType>(input.getType()).getShape().back();
  lm::ParamOp weight = model.param(part + ".weight", {width});
  lm::ParamOp bias = model.param(part + ".bias", {width});
  if (!model.ok())
    return input;
  return model.create<lm::LayerNormOp>(part, input, FlatSymbolRefAttr::get(weight), FlatSymbolRefAttr::get(bias),
                                       config.normEps);
}

/// Row 0 of the table of token types, if the model has one.
lm::ParamOp BertBuilder::tokenType() {
  if (config.tokenTypes == 0)
    return {};
  return model.derivedParam("token_type.weight", {config.tokenTypes, tableWidth()}, {tableWidth()},
                            [](Attribute table) { return lm::RowAttr::get(table.getContext(), table, 0); });
}

/// The table of positions from the first token's on.
lm::ParamOp BertBuilder::positions() {
  int64_t first = config.firstPosition, rows = config.maxPositions;
  if (first == 0)
    return model.param("position.weight", {rows, tableWidth()});
  return model.derivedParam("position.weight", {first + rows, tableWidth()}, {rows, tableWidth()},
                            [&](Attribute table) { return lm::DropRowsAttr::get(table.getContext(), table, first); });
}

Value BertBuilder::embed(Value ids) {
  lm::ParamOp words = model.param("embed.weight", {config.vocabulary, tableWidth()});
  lm::ParamOp type = tokenType();
  lm::ParamOp places = positions();
  if (!model.ok())
    return {};
  Value x = model.create<lm::EmbeddingOp>("embed", ids, words);
  if (type)
    x = model.create<lm::BiasAddOp>("token_type", x, type);
  x = model.create<lm::AddPositionsOp>("position", x, places);
  x = layerNorm("embed_norm", x);
  return tableWidth() == config.width ? x : model.linear("embed_project", x, config.width, /*bias=*/true);
}

Value BertBuilder::addAndNorm(const std::string &part, const std::string &norm, Value residual, Value branch) {
  if (!model.ok())
    return residual;
  return layerNorm(norm, model.create<lm::AddOp>(part + ".residual", residual, branch));
}

Value BertBuilder::attention(const std::string &layer, int64_t index, Value input, Value lengths) {
  std::string part = layer + ".attn";
  Value query = model.linear(part + ".q", input, config.width, /*bias=*/true);
  Value key = model.linear(part + ".k", input, config.width, /*bias=*/true);
  Value value = model.linear(part + ".v", input, config.width, /*bias=*/true);
  if (!model.ok())
    return input;
  double scale = 1.0 / std::sqrt(static_cast<double>(config.width) / static_cast<double>(config.heads));
  Value attended =
      model
          .create<lm::AttentionOp>(part, query, key, value, Value(), lengths, index, config.heads, config.heads, scale,
                                   lm::FullAttr::get(model.builder.getContext()), lm::RopeAttr())
          .getResult();
  return model.linear(part + ".o", attended, config.width, /*bias=*/true);
}

Value BertBuilder::feedForward(const std::string &layer, Value input) {
  std::string part = layer + ".ffn";
  Value up = model.linear(part + ".up", input, config.ffnWidth, /*bias=*/true);
  if (!model.ok())
    return input;
  Value active = model.create<lm::ActivationOp>(part, up, lm::kindOf(config.activation));
  return model.linear(part + ".down", active, config.width, /*bias=*/true);
}

void BertBuilder::build() {
  OpBuilder &builder = model.builder;
  int64_t dynamic = ShapedType::kDynamic;
  Type ids = RankedTensorType::get({dynamic, dynamic}, builder.getI32Type());
  Type lengthsType = RankedTensorType::get({dynamic}, builder.getI32Type());
  Type vectors = RankedTensorType::get({dynamic, config.width}, builder.getF32Type());
  Block *body = model.beginFunction("encode", {ids, lengthsType}, {vectors});
  Value lengths = body->getArgument(1);

  Value x = embed(body->getArgument(0));
  for (int64_t i = 0; i < config.layers && model.ok(); ++i) {
    std::string layer = "layers." + std::to_string(i);
    x = addAndNorm(layer + ".attn", layer + ".attn_norm", x, attention(layer, i, x, lengths));
    x = addAndNorm(layer + ".ffn", layer + ".ffn_norm", x, feedForward(layer, x));
  }
  if (!model.ok())
    return;
  Value vector = model.create<lm::PoolOp>("pool", x, lengths, lm::kindOf(config.pooling));
  if (config.normalize)
    vector = model.create<lm::L2NormalizeOp>("normalize", vector);
  func::ReturnOp::create(builder, builder.getUnknownLoc(), vector);
}

void lmopt::buildBert(ModelBuilder &model, const ModelConfig &config) {
  BertBuilder(model, static_cast<const BertConfig &>(config)).build();
}
