// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The BERT family of Hugging Face (BertModel and checkpoints that contain one): config.json and the names of its
// tensors. From: transformers' BertConfig and modeling_bert.py.
// Tested by test/unit/frontends/BertConfigTest.cpp.
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

Result<BertConfig> lmopt::parseBertConfig(const json &object, const std::string &path) {
  BertConfig config;
  if (Result<void> known = checkConfigFields(object, bertConfigFields(), path, config.warnings); !known)
    return known.error();
  JsonFields fields(object, path);
  config.vocabulary = fields.requireInteger("vocab_size", 1, kMaxVocabulary);
  config.width = fields.requireInteger("hidden_size", 1, kMaxWidth);
  config.layers = fields.requireInteger("num_hidden_layers", 1, kMaxLayers);
  config.heads = fields.requireInteger("num_attention_heads", 1, kMaxHeads);
  config.ffnWidth = fields.requireInteger("intermediate_size", 1, kMaxWidth);
  config.positions = fields.requireInteger("max_position_embeddings", 1, kMaxPositions);
  config.tokenTypes = fields.integer("type_vocab_size", 1, kMaxVocabulary).value_or(2);
  config.normEps = fields.number("layer_norm_eps", 0, 1).value_or(1e-12);
  config.activation = readActivation(fields, Activation::Gelu);
  config.maxTokens = config.positions;
  config.name = modelName(object);
  if (fields.ok() && config.width % config.heads != 0)
    fields.fail("num_attention_heads", "does not divide hidden_size");
  if (!fields.ok())
    return fields.error();
  return config;
}

std::string lmopt::bertTensorName(const std::string &name) {
  static const std::pair<const char *, const char *> whole[] = {
      {"embed.weight", "embeddings.word_embeddings.weight"},
      {"position.weight", "embeddings.position_embeddings.weight"},
      {"token_type.weight", "embeddings.token_type_embeddings.weight"},
      {"embed_norm.weight", "embeddings.LayerNorm.weight"},
      {"embed_norm.bias", "embeddings.LayerNorm.bias"},
  };
  for (auto [ours, theirs] : whole)
    if (name == ours)
      return theirs;
  // layers.N.PART.weight -> encoder.layer.N.HFPART.weight
  static const std::pair<const char *, const char *> parts[] = {
      {".attn.q.", ".attention.self.query."},
      {".attn.k.", ".attention.self.key."},
      {".attn.v.", ".attention.self.value."},
      {".attn.o.", ".attention.output.dense."},
      {".attn_norm.", ".attention.output.LayerNorm."},
      {".ffn.up.", ".intermediate.dense."},
      {".ffn.down.", ".output.dense."},
      {".ffn_norm.", ".output.LayerNorm."},
  };
  std::string result = "encoder.layer." + name.substr(std::string("layers.").size());
  for (auto [ours, theirs] : parts)
    if (size_t position = result.find(ours); position != std::string::npos)
      return result.replace(position, std::string(ours).size(), theirs);
  return result;
}
