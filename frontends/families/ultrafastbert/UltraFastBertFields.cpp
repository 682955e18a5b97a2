// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the UltraFastBERT family: crammedBertConfig keeps all settings of the architecture in one object,
// `arch`, with objects of its own. From: Belcak and Wattenhofer's copy of the cramming repository, crammed_bert.py,
// components.py, attention.py, embeddings.py. Tested by test/unit/frontends/FieldTablesTest.cpp.
#include "frontends/families/ultrafastbert/UltraFastBert.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;

static constexpr char kHead[] = "belongs to a head, which is not part of the encoder";
static constexpr char kTraining[] = "matters in training only";
static constexpr char kSpeed[] = "chooses how the Python class computes, not what";

FieldTable lmopt::crammedBertFields() {
  static const FieldTable table = {
      {"arch", FieldUse::Read, "see below"},
      {"is_decoder", FieldUse::Only, "a BERT that generates text", "[false]"},
      {"tie_word_embeddings", FieldUse::Harmless, kHead},
  };
  return joinTables(table, commonConfigFields());
}

const FieldTable &lmopt::crammedArchFields() {
  static const FieldTable table = {
      {"num_transformer_layers", FieldUse::Read, "layers"},
      {"hidden_size", FieldUse::Read, "width"},
      {"intermed_type", FieldUse::Read,
       "fff: trees whose nodes are neurons; fastfeedforward: one tree with layers at its leaves (above)"},
      {"intermed_size", FieldUse::Read, "fff: trees side by side; fastfeedforward: neurons of a leaf"},
      {"intermed_depth", FieldUse::Read, "decisions from the root of a tree on"},
      {"leaf_output_bias", FieldUse::Read, "fastfeedforward: whether b2s is added (above); true when missing"},
      {"nonlin", FieldUse::Read, "function of the neurons: GELU, ReLU or SiLU"},
      {"norm_eps", FieldUse::Read, "added to the variance in a norm"},
      {"embedding", FieldUse::Read, "see below"},
      {"attention", FieldUse::Read, "see below"},
      {"norm", FieldUse::Only, "another norm", R"(["LayerNorm", "ApexLayerNorm"])"},
      {"norm_scheme", FieldUse::Only, "norms elsewhere, which the class does not have either", R"(["pre"])"},
      {"use_bias", FieldUse::Only, "biases of linears", "[false]"},
      {"final_norm", FieldUse::Only, "no norm behind the layers", "[true]"},
      {"ffn_layer_frequency", FieldUse::Only, "layers without a feed-forward block", "[1]"},
      {"architectures", FieldUse::Harmless, "how the training program calls the class"},
      {"tie_weights", FieldUse::Harmless, kHead},
      {"decoder_bias", FieldUse::Harmless, kHead},
      {"skip_head_transform", FieldUse::Harmless, kHead},
      {"num_labels", FieldUse::Harmless, kHead},
      {"classification_head", FieldUse::Harmless, kHead},
      {"hidden_dropout_prob", FieldUse::Harmless, kTraining},
      {"sparse_prediction", FieldUse::Harmless, kTraining},
      {"loss", FieldUse::Harmless, kTraining},
      {"objective_layout", FieldUse::Harmless, kTraining},
      {"init", FieldUse::Harmless, kTraining},
      // What fastfeedforward's FFF takes beside its sizes.
      {"dropout", FieldUse::Harmless, kTraining},
      {"train_hardened", FieldUse::Harmless, kTraining},
      {"region_leak", FieldUse::Harmless, kTraining},
      {"usage_mode", FieldUse::Harmless, kTraining},
  };
  return table;
}

const FieldTable &lmopt::crammedEmbeddingFields() {
  static const FieldTable table = {
      {"vocab_size", FieldUse::Read, "rows of the embedding table"},
      {"max_seq_length", FieldUse::Read, "positions"},
      {"embedding_dim", FieldUse::Read, "must be the width"},
      {"pos_embedding", FieldUse::Only, "other positions", R"(["scaled-sinusoidal"])"},
      {"normalization", FieldUse::Only, "no norm behind the embedding", "[true]"},
      {"pad_token_id", FieldUse::Harmless, "the row of the table that training does not change"},
      {"dropout_prob", FieldUse::Harmless, kTraining},
      {"stable_low_precision", FieldUse::Harmless, kSpeed},
  };
  return table;
}

const FieldTable &lmopt::crammedAttentionFields() {
  static const FieldTable table = {
      {"num_attention_heads", FieldUse::Read, "heads"},
      {"type", FieldUse::Only, "another mechanism, with other tensors", R"(["self-attention"])"},
      {"sequence_op", FieldUse::Only, "something else than softmax", R"(["torch-softmax"])"},
      {"causal_attention", FieldUse::Only, "attention to earlier tokens only", "[false]"},
      {"skip_output_projection", FieldUse::Only, "no linear behind attention", "[false]"},
      {"qkv_bias", FieldUse::Only, "biases of queries, keys and values", "[false]"},
      {"rotary_embedding", FieldUse::Only, "rotary positions", "[false]"},
      {"dropout_prob", FieldUse::Harmless, kTraining},
      {"seq_op_in_fp32", FieldUse::Harmless, kSpeed},
      {"low_level_fusion", FieldUse::Harmless, kSpeed},
      {"high_level_fusion", FieldUse::Harmless, kSpeed},
  };
  return table;
}
