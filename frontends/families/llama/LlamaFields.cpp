// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json of the Llama family: its own fields, and those of the object that sets the rotary positions.
// From: transformers' LlamaConfig, modeling_llama.py, modeling_rope_utils.py, and what DynamicCache reads of a
// configuration. Tested by test/unit/frontends/FieldTablesTest.cpp.
#include "frontends/families/llama/Llama.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;

static const FieldTable kLlama = {
    {"vocab_size", FieldUse::Read, "rows of the embedding table"},
    {"hidden_size", FieldUse::Read, "width"},
    {"intermediate_size", FieldUse::Read, "width of the feed-forward block"},
    {"num_hidden_layers", FieldUse::Read, "layers"},
    {"num_attention_heads", FieldUse::Read, "query heads"},
    {"num_key_value_heads", FieldUse::Read, "key and value heads; as many as query heads when missing"},
    {"head_dim", FieldUse::Read, "width of a head; width / heads when missing"},
    {"max_position_embeddings", FieldUse::Read, "longest sequence; 2048 when missing"},
    {"rms_norm_eps", FieldUse::Read, "added to the mean square in a norm; 1e-6 when missing"},
    {"hidden_act", FieldUse::Read, "function of the feed-forward block; silu when missing"},
    {"tie_word_embeddings", FieldUse::Read,
     "one table for embedding and head, if the file does not hold two that differ (then both are used, with a "
     "warning); false when missing"},
    {"attention_bias", FieldUse::Read, "biases of q, k, v and o; false when missing"},
    {"mlp_bias", FieldUse::Read, "biases of the feed-forward block; false when missing"},
    {"rope_theta", FieldUse::Read, "base of the rotary positions; 10000 when missing here and below"},
    {"rope_scaling", FieldUse::Read, "see below; when it is there and not empty, rope_parameters does not count"},
    {"rope_parameters", FieldUse::Read, "see below: how transformers 5 writes it"},
    {"original_max_position_embeddings", FieldUse::Read, "counts before the one in rope_scaling"},
    {"sliding_window", FieldUse::Read, "refused when shorter than the longest sequence"},
    {"layer_types", FieldUse::Read, "refused when a layer is not full_attention"},
    {"partial_rotary_factor", FieldUse::Only, "rotary positions on a part of each head", "[1]"},
    {"rope_interleaved", FieldUse::Only, "rotary positions on neighbours", "[false]"},
    {"is_causal", FieldUse::Only, "attention to later tokens", "[true]"},
    {"use_bidirectional_attention", FieldUse::Only, "attention to later tokens", "[false]"},
    {"use_sliding_window", FieldUse::Only, "attention to a window", "[false]"},
    {"is_decoder", FieldUse::Harmless, "the family is always a decoder"},
};

FieldTable lmopt::llamaConfigFields() { return joinTables(kLlama, commonConfigFields()); }

// A parameter that its type does not use is ignored with a warning, as transformers does (LlamaHuggingFace.cpp).
static const FieldTable kRope = {
    {"rope_type", FieldUse::Read, "default, linear, dynamic, yarn, llama3 or longrope"},
    {"type", FieldUse::Read, "the older name; rope_type counts first"},
    {"rope_theta", FieldUse::Read, "counts before the one outside"},
    {"factor", FieldUse::Read, "all types but default: how many times the length grows"},
    {"original_max_position_embeddings", FieldUse::Read, "yarn, llama3, longrope: the length before stretching"},
    {"attention_factor", FieldUse::Read, "yarn, longrope: scale of the rotated vectors"},
    {"beta_fast", FieldUse::Read, "yarn; 32 when missing"},
    {"beta_slow", FieldUse::Read, "yarn; 1 when missing"},
    {"mscale", FieldUse::Read, "yarn, with mscale_all_dim: the attention factor"},
    {"mscale_all_dim", FieldUse::Read, "yarn, with mscale: the attention factor"},
    {"low_freq_factor", FieldUse::Read, "llama3"},
    {"high_freq_factor", FieldUse::Read, "llama3"},
    {"short_factor", FieldUse::Read, "longrope: divisors of the frequencies"},
    {"long_factor", FieldUse::Read, "longrope: the same beyond the original length"},
    {"truncate", FieldUse::Only, "yarn with a range that is not rounded", "[true]"},
    {"partial_rotary_factor", FieldUse::Only, "rotary positions on a part of each head", "[1]"},
    {"finetuned", FieldUse::Harmless, "says whether the model was trained with it"},
};

static const FieldTable kPartialRotary = {
    {"partial_rotary_factor", FieldUse::Read, "rotated part of a head; counts before the one outside"},
};

FieldTable lmopt::ropeFields(bool partialRotary) { return partialRotary ? joinTables(kPartialRotary, kRope) : kRope; }
