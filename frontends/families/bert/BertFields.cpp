// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the BERT family: its own fields, and how those are read that families after it share. From:
// transformers' BertConfig and modeling_bert.py. Tested by test/unit/frontends/FieldTablesTest.cpp.
#include "frontends/families/bert/Bert.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;

static constexpr char kHead[] = "belongs to a head, which is not part of the encoder";

static const FieldTable kSizes = {
    {"vocab_size", FieldUse::Read, "rows of the embedding table"},
    {"hidden_size", FieldUse::Read, "width"},
    {"num_hidden_layers", FieldUse::Read, "layers"},
    {"num_attention_heads", FieldUse::Read, "heads"},
    {"intermediate_size", FieldUse::Read, "width of the feed-forward block"},
    {"max_position_embeddings", FieldUse::Read, "rows of the position table"},
    {"type_vocab_size", FieldUse::Read, "rows of the table of segments; 2 when missing"},
    {"layer_norm_eps", FieldUse::Read, "added to the variance in a norm; 1e-12 when missing"},
    {"hidden_act", FieldUse::Read, "function of the feed-forward block; gelu when missing"},
    {"position_embedding_type", FieldUse::Only, "relative positions, which transformers 5 has dropped too",
     R"(["absolute"])"},
    {"is_decoder", FieldUse::Only, "a BERT that generates text", "[false]"},
    {"is_causal", FieldUse::Only, "attention to earlier tokens only", "[false]"},
    {"tie_word_embeddings", FieldUse::Harmless, kHead},
};

static const FieldTable kBert = {
    {"pooler_fc_size", FieldUse::Harmless, kHead},       {"pooler_num_attention_heads", FieldUse::Harmless, kHead},
    {"pooler_num_fc_layers", FieldUse::Harmless, kHead}, {"pooler_size_per_head", FieldUse::Harmless, kHead},
    {"pooler_type", FieldUse::Harmless, kHead},          {"directionality", FieldUse::Harmless, "always both ways"},
};

const FieldTable &lmopt::bertSizeFields() { return kSizes; }

FieldTable lmopt::bertConfigFields() { return joinTables(joinTables(kSizes, kBert), commonConfigFields()); }

BertConfig lmopt::readBertSizes(JsonFields &fields, bool hasTokenTypes) {
  BertConfig config;
  config.vocabulary = fields.requireInteger("vocab_size", 1, kMaxVocabulary);
  config.width = fields.requireInteger("hidden_size", 1, kMaxWidth);
  config.layers = fields.requireInteger("num_hidden_layers", 1, kMaxLayers);
  config.heads = fields.requireInteger("num_attention_heads", 1, kMaxHeads);
  config.ffnWidth = fields.requireInteger("intermediate_size", 1, kMaxWidth);
  config.maxPositions = fields.requireInteger("max_position_embeddings", 1, kMaxPositions);
  if (hasTokenTypes)
    config.tokenTypes = fields.integer("type_vocab_size", 1, kMaxVocabulary).value_or(2);
  config.normEps = fields.number("layer_norm_eps", 0, 1).value_or(1e-12);
  config.activation = readActivation(fields, "hidden_act", Activation::Gelu);
  config.maxTokens = config.maxPositions;
  if (fields.ok() && config.width % config.heads != 0)
    fields.fail("num_attention_heads", "does not divide hidden_size");
  return config;
}
