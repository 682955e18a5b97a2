// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Crammed BERT (pre-norm) with trees in the place of feed-forward blocks as lm ops:
//
//   x = layer_norm(embed(ids) + s * sinusoids)
//   x = x + o(attention(q(n), k(n), v(n)))     n = layer_norm(x)
//   x = x + tree(layer_norm(x))                neuron_tree, or experts by tree_gates
//   vector = pool(layer_norm(x)), made one long if the model says so
//
// q, k and v stand in one matrix head by head (GPT-NeoX). Linears have no biases. The nodes of neuron_tree decide by
// a > 0, as the makers' training code does; those of fastfeedforward by a >= 0. In: UltraFastBertConfig, WeightSource.
// Out: @encode(ids, lengths) -> one row a sequence. From: crammed_bert.py, attention.py, fff.py of the makers, and
// fastfeedforward's fff.py; techniques 6.1, 6.2. Tested by the fixtures ultrafastbert-* and
// test/unit/frontends/ImportUltraFastBertTest.cpp.
#include "dialects/lm/Build.h"
#include "frontends/families/ModelBuilder.h"
#include "frontends/families/SentenceBuilder.h"
#include "frontends/families/ultrafastbert/UltraFastBert.h"

using namespace mlir;
using namespace lmopt;

namespace {
class UltraFastBertBuilder {
public:
  UltraFastBertBuilder(ModelBuilder &model, const UltraFastBertConfig &config) : model(model), config(config) {}

  void build();

private:
  Value embed(Value ids);
  Value projection(const std::string &part, const char *name, int64_t number, Value input);
  Value attention(const std::string &layer, int64_t index, Value input, Value lengths);
  lm::ParamOp reshaped(const std::string &name, const std::string &tensor, ArrayRef<int64_t> from,
                       ArrayRef<int64_t> shape);
  Value neuronTree(const std::string &layer, Value input);
  Value gates(const std::string &layer, Value input);
  FlatSymbolRefAttr leafBias(const std::string &part, const std::string &tensors);
  Value experts(const std::string &layer, Value input);

  ModelBuilder &model;
  const UltraFastBertConfig &config;
};
} // namespace

Value UltraFastBertBuilder::embed(Value ids) {
  lm::ParamOp words = model.param("embed.weight", {config.vocabulary, config.width});
  lm::ParamOp places = model.paramFrom(
      "position.weight", "position.scale_factor", {1}, {config.maxPositions, config.width}, [&](Attribute factor) {
        return lm::SinusoidsAttr::get(factor.getContext(), factor, config.maxPositions, config.width);
      });
  if (!model.ok())
    return {};
  Value x = model.create<lm::EmbeddingOp>("embed", ids, words);
  x = model.create<lm::AddPositionsOp>("position", x, places);
  return model.layerNorm("embed_norm", x, config.normEps);
}

/// Queries, keys or values: block `number` of the three that each head has.
Value UltraFastBertBuilder::projection(const std::string &part, const char *name, int64_t number, Value input) {
  std::string own = part + "." + name;
  int64_t width = config.width, headWidth = config.width / config.heads;
  lm::ParamOp weight =
      model.paramFrom(own + ".weight", part + ".qkv.weight", {3 * width, width}, {width, width}, [&](Attribute all) {
        return lm::TakeBlocksAttr::get(all.getContext(), all, headWidth, number, 3);
      });
  return model.ok() ? model.create<lm::LinearOp>(own, input, weight, lm::ParamOp()).getResult() : input;
}

Value UltraFastBertBuilder::attention(const std::string &layer, int64_t index, Value input, Value lengths) {
  std::string part = layer + ".attn";
  Value query = projection(part, "q", 0, input), key = projection(part, "k", 1, input);
  Value value = projection(part, "v", 2, input);
  if (!model.ok())
    return input;
  auto mask = lm::FullAttr::get(model.builder.getContext());
  auto attended = model.create<lm::AttentionOp>(part, query, key, value, Value(), lengths, index, config.heads,
                                                config.heads, config.attentionScales[index], mask, lm::RopeAttr());
  return model.linear(part + ".o", attended.getResult(), config.width, /*bias=*/false);
}

Value UltraFastBertBuilder::neuronTree(const std::string &layer, Value input) {
  std::string part = layer + ".ffn.tree";
  int64_t neurons = config.neurons(), width = config.width;
  lm::ParamOp weight = model.param(part + ".weight", {neurons, width}), bias = model.param(part + ".bias", {neurons});
  lm::ParamOp values =
      model.paramFrom(part + ".values", layer + ".ffn.linear_out.weight", {width, neurons}, {neurons, width},
                      [](Attribute source) { return lm::TransposeAttr::get(source.getContext(), source); });
  if (!model.ok())
    return input;
  return model.create<lm::NeuronTreeOp>(part, input.getType(), input, weight.getSymName(), lm::refTo(bias),
                                        values.getSymName(), FlatSymbolRefAttr(), lm::kindOf(config.activation),
                                        config.trees);
}

/// A param with the numbers of a tensor in another shape.
lm::ParamOp UltraFastBertBuilder::reshaped(const std::string &name, const std::string &tensor, ArrayRef<int64_t> from,
                                           ArrayRef<int64_t> shape) {
  return model.paramFrom(name, tensor, from, shape,
                         [&](Attribute source) { return lm::ReshapeAttr::get(source.getContext(), source, shape); });
}

Value UltraFastBertBuilder::gates(const std::string &layer, Value input) {
  std::string part = layer + ".ffn.gates";
  int64_t nodes = config.leaves() - 1;
  lm::ParamOp weight = model.paramFrom(part + ".weight", layer + ".ffn.node_weights", {nodes, config.width},
                                       {nodes, config.width}, [](Attribute source) { return source; });
  lm::ParamOp bias = reshaped(part + ".bias", layer + ".ffn.node_biases", {nodes, 1}, {nodes});
  if (!model.ok())
    return {};
  return model.create<lm::TreeGatesOp>(part, lm::withWidth(input, config.leaves()), input, weight.getSymName(),
                                       lm::refTo(bias), /*count=*/1,
                                       /*tie_right=*/true);
}

FlatSymbolRefAttr UltraFastBertBuilder::leafBias(const std::string &part, const std::string &tensors) {
  lm::ParamOp bias = model.paramFrom(part + ".values_bias", tensors + "b2s", {config.leaves(), config.width},
                                     {config.leaves(), config.width}, [](Attribute source) { return source; });
  return lm::refTo(bias);
}

/// w1s [leaf, in, neuron] holds the neurons of a leaf as columns, w2s [leaf, neuron, out] as rows.
Value UltraFastBertBuilder::experts(const std::string &layer, Value input) {
  std::string part = layer + ".ffn.experts", tensors = layer + ".ffn.";
  int64_t leaves = config.leaves(), neurons = config.leafWidth, width = config.width, all = leaves * neurons;
  lm::ParamOp weight =
      model.paramFrom(part + ".weight", tensors + "w1s", {leaves, width, neurons}, {all, width}, [&](Attribute source) {
        Attribute turned = lm::TransposeEachAttr::get(source.getContext(), source);
        return lm::ReshapeAttr::get(source.getContext(), turned, {all, width});
      });
  lm::ParamOp bias = reshaped(part + ".bias", tensors + "b1s", {leaves, neurons}, {all});
  lm::ParamOp values = reshaped(part + ".values", tensors + "w2s", {leaves, neurons, width}, {all, width});
  FlatSymbolRefAttr shift = config.leafBias ? leafBias(part, tensors) : FlatSymbolRefAttr();
  Value chosen = gates(layer, input);
  if (!model.ok())
    return input;
  return model.create<lm::ExpertsOp>(part, input.getType(), input, chosen, weight.getSymName(), lm::refTo(bias),
                                     FlatSymbolRefAttr(), values.getSymName(), shift, lm::kindOf(config.activation));
}

void UltraFastBertBuilder::build() {
  OpBuilder &builder = model.builder;
  int64_t dynamic = ShapedType::kDynamic;
  Block *body = model.beginFunction("encode", {RankedTensorType::get({dynamic, dynamic}, builder.getI32Type()),
                                               RankedTensorType::get({dynamic}, builder.getI32Type())});
  Value lengths = body->getArgument(1), x = embed(body->getArgument(0));
  for (int64_t i = 0; i < config.layers && model.ok(); ++i) {
    std::string layer = "layers." + std::to_string(i);
    Value normed = model.layerNorm(layer + ".attn_norm", x, config.normEps);
    x = model.addResidual(layer + ".attn", x, attention(layer, i, normed, lengths));
    if (!model.ok())
      return;
    normed = model.layerNorm(layer + ".ffn_norm", x, config.normEps);
    x = model.addResidual(layer + ".ffn", x,
                          config.tree == TreeKind::Neurons ? neuronTree(layer, normed) : experts(layer, normed));
  }
  if (!model.ok())
    return;
  x = model.layerNorm("final_norm", x, config.normEps);
  Value vector = model.ok() ? buildSentenceVector(model, config, x, lengths) : Value();
  if (model.ok())
    model.endFunction(vector);
}

void lmopt::buildUltraFastBert(ModelBuilder &model, const ModelConfig &config) {
  UltraFastBertBuilder(model, static_cast<const UltraFastBertConfig &>(config)).build();
}
