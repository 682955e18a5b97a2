// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// BERT-like encoders (post-norm) with pooling as lm ops:
//
//   x = layer_norm(embed(ids) + token_type[0] + position[t])     a linear behind it where the tables have another width
//   h = layer_norm(x + o(attention(q(x), k(x), v(x))))           with a bias of distances where the model has one
//   x = layer_norm(h + down(gelu(up(h))))
//   vector = pool(x) and what follows it (SentenceBuilder.h); or what a head makes of x
//
// Layers of one group have the same weights, which are named after the group: their ops name the same params.
// Where no head takes two texts the token type of every token is 0, so row 0 of its table is a bias; some models have
// no such table. In: BertConfig, WeightSource. Out: @encode(ids, lengths[, token types]) -> one row a sequence or,
// behind some heads, a token. From: Devlin et al., BERT (2018); transformers' modeling_bert.py. Tested by
// test/unit/frontends/ImportTest.cpp.
#include "frontends/families/ModelBuilder.h"
#include "frontends/families/SentenceBuilder.h"
#include "frontends/families/bert/Bert.h"
#include "frontends/families/bert/BertConfig.h"
#include "frontends/heads/HeadBuilder.h"

#include <cmath>

using namespace mlir;
using namespace lmopt;

namespace {
/// A layer, and the names of its weights.
struct Layer {
  int64_t index;
  std::string name, owner;
};

class BertBuilder {
public:
  BertBuilder(ModelBuilder &model, const BertConfig &config) : model(model), config(config) {}

  void build();

private:
  Block *beginFunction();
  lm::ParamOp tokenType();
  lm::ParamOp positions();
  void addDistanceBias(lm::AttentionOp attention);
  Value addTypes(Value x, Value types);
  Value embed(Value ids, Value types);
  Value linear(const Layer &layer, const std::string &part, Value input, int64_t outputs);
  Value attention(const Layer &layer, Value input, Value lengths);
  Value feedForward(const Layer &layer, Value input);
  Value addAndNorm(const Layer &layer, const std::string &part, Value residual, Value branch);

  ModelBuilder &model;
  const BertConfig &config;
};
} // namespace

/// Row 0 of the table of token types, if the model has one.
lm::ParamOp BertBuilder::tokenType() {
  if (config.tokenTypes == 0)
    return {};
  return model.derivedParam("token_type.weight", {config.tokenTypes, config.tableWidth()}, {config.tableWidth()},
                            [](Attribute table) { return lm::RowAttr::get(table.getContext(), table, 0); });
}

/// The table of positions from the first token's on.
lm::ParamOp BertBuilder::positions() {
  int64_t first = config.firstPosition, rows = config.maxPositions;
  if (first == 0)
    return model.param("position.weight", {rows, config.tableWidth()});
  return model.derivedParam("position.weight", {first + rows, config.tableWidth()}, {rows, config.tableWidth()},
                            [&](Attribute table) { return lm::DropRowsAttr::get(table.getContext(), table, first); });
}

/// One table for all layers.
void BertBuilder::addDistanceBias(lm::AttentionOp attention) {
  if (config.distanceBuckets == 0)
    return;
  lm::ParamOp table =
      model.derivedParam("distance_bias.weight", {config.distanceBuckets, config.heads},
                         {config.heads, 2 * config.largestDistance + 1}, [&](Attribute buckets) {
                           return lm::DistanceBucketsAttr::get(buckets.getContext(), buckets, config.largestDistance);
                         });
  if (model.ok())
    attention.setPositionBiasAttr(FlatSymbolRefAttr::get(table));
}

/// The vector of each token's type; without `types` all are of type 0.
Value BertBuilder::addTypes(Value x, Value types) {
  if (!types) {
    lm::ParamOp row = tokenType();
    return row ? model.create<lm::BiasAddOp>("token_type", x, row) : x;
  }
  lm::ParamOp table = model.param("token_type.weight", {config.tokenTypes, config.tableWidth()});
  if (!model.ok())
    return x;
  Value rows = model.create<lm::EmbeddingOp>("token_type", types, table);
  return model.create<lm::AddOp>("token_type.sum", x, rows);
}

Value BertBuilder::embed(Value ids, Value types) {
  lm::ParamOp words = model.param("embed.weight", {config.vocabulary, config.tableWidth()});
  if (!model.ok())
    return {};
  Value x = addTypes(model.create<lm::EmbeddingOp>("embed", ids, words), types);
  lm::ParamOp places = positions();
  if (!model.ok())
    return {};
  x = model.create<lm::AddPositionsOp>("position", x, places);
  x = model.layerNorm("embed_norm", x, config.normEps);
  return config.embeddingWidth ? model.linear("embed_project", x, config.width, /*bias=*/true) : x;
}

Value BertBuilder::linear(const Layer &layer, const std::string &part, Value input, int64_t outputs) {
  return model.linear(layer.name + part, input, outputs, /*bias=*/true, layer.owner + part);
}

Value BertBuilder::addAndNorm(const Layer &layer, const std::string &part, Value residual, Value branch) {
  if (!model.ok())
    return residual;
  Value sum = model.create<lm::AddOp>(layer.name + part + ".residual", residual, branch);
  return model.layerNorm(layer.name + part + "_norm", sum, config.normEps, layer.owner + part + "_norm");
}

Value BertBuilder::attention(const Layer &layer, Value input, Value lengths) {
  Value query = linear(layer, ".attn.q", input, config.width);
  Value key = linear(layer, ".attn.k", input, config.width);
  Value value = linear(layer, ".attn.v", input, config.width);
  if (!model.ok())
    return input;
  double scale = 1.0 / std::sqrt(static_cast<double>(config.width) / static_cast<double>(config.heads));
  auto attention = model.create<lm::AttentionOp>(layer.name + ".attn", query, key, value, Value(), lengths, layer.index,
                                                 config.heads, config.heads, scale,
                                                 lm::FullAttr::get(model.builder.getContext()), lm::RopeAttr());
  addDistanceBias(attention);
  return linear(layer, ".attn.o", attention.getResult(), config.width);
}

Value BertBuilder::feedForward(const Layer &layer, Value input) {
  Value up = linear(layer, ".ffn.up", input, config.ffnWidth);
  if (!model.ok())
    return input;
  Value active = model.create<lm::ActivationOp>(layer.name + ".ffn", up, lm::kindOf(config.activation));
  return linear(layer, ".ffn.down", active, config.width);
}

/// The ids, the lengths, and where a head takes pairs the token types.
Block *BertBuilder::beginFunction() {
  OpBuilder &builder = model.builder;
  int64_t dynamic = ShapedType::kDynamic;
  Type ids = RankedTensorType::get({dynamic, dynamic}, builder.getI32Type());
  Type lengths = RankedTensorType::get({dynamic}, builder.getI32Type());
  bool takesTypes = config.head && config.head->takesTypes;
  return takesTypes ? model.beginFunction("encode", {ids, lengths, ids}, {"", "", "token_types"})
                    : model.beginFunction("encode", {ids, lengths});
}

void BertBuilder::build() {
  Block *body = beginFunction();
  Value lengths = body->getArgument(1);

  Value x = embed(body->getArgument(0), body->getNumArguments() > 2 ? body->getArgument(2) : Value());
  for (int64_t i = 0; i < config.layers && model.ok(); ++i) {
    Layer layer{i, "layers." + std::to_string(i), "layers." + std::to_string(config.ownerOf(i))};
    x = addAndNorm(layer, ".attn", x, attention(layer, x, lengths));
    x = addAndNorm(layer, ".ffn", x, feedForward(layer, x));
  }
  if (!model.ok())
    return;
  Value result = config.head ? buildHead(model, config, x, lengths) : buildSentenceVector(model, config, x, lengths);
  if (model.ok())
    model.endFunction(result);
}

void lmopt::buildBert(ModelBuilder &model, const ModelConfig &config) {
  BertBuilder(model, static_cast<const BertConfig &>(config)).build();
}
