// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the BERT family: its own fields. From: transformers' BertConfig and modeling_bert.py.
// Tested by test/unit/frontends/FieldTablesTest.cpp.
#include "frontends/families/bert/Bert.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;

static constexpr char kHead[] = "belongs to a head, which is not part of the encoder";

static const FieldTable kBert = {
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
    {"pooler_fc_size", FieldUse::Harmless, kHead},
    {"pooler_num_attention_heads", FieldUse::Harmless, kHead},
    {"pooler_num_fc_layers", FieldUse::Harmless, kHead},
    {"pooler_size_per_head", FieldUse::Harmless, kHead},
    {"pooler_type", FieldUse::Harmless, kHead},
    {"directionality", FieldUse::Harmless, "always both ways"},
};

FieldTable lmopt::bertConfigFields() { return joinTables(kBert, commonConfigFields()); }
