// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GGUF files of architecture `llama`: its own keys, which others of its shape have under their own names. What the
// table says was read off llama.cpp's loader and the Python package gguf (0.19). A key that llama.cpp does not read for
// this architecture may have the value that changes nothing; with another one the file means something that llama.cpp
// would not compute either, so it is refused. Tested by test/unit/frontends/FieldTablesTest.cpp and
// families/GgufLlamaTest.cpp.
#include "frontends/families/llama/Llama.h"
#include "frontends/gguf/Keys.h"

using namespace lmopt;

static constexpr char kExperts[] = "mixtures of experts";
static constexpr char kYarn[] = ".cpp does not read it for this architecture; remove it to get what llama.cpp "
                                "computes";

static const FieldTable kLlama = {
    {".context_length", FieldUse::Read, "longest sequence"},
    {".embedding_length", FieldUse::Read, "width"},
    {".block_count", FieldUse::Read, "layers"},
    {".feed_forward_length", FieldUse::Read, "width of the feed-forward block, one for all layers or one for each"},
    {".attention.head_count", FieldUse::Read, "query heads, likewise"},
    {".attention.head_count_kv", FieldUse::Read, "key and value heads, likewise; as many as query heads when missing"},
    {".attention.key_length", FieldUse::Read, "width of a head; width / heads when missing"},
    {".attention.value_length", FieldUse::Read, "refused when it is another"},
    {".attention.layer_norm_rms_epsilon", FieldUse::Read, "added to the mean square in a norm"},
    {".rope.dimension_count", FieldUse::Read, "rotated part of a head; all of it when missing"},
    {".rope.freq_base", FieldUse::Read, "base of the rotary positions; 10000 when missing"},
    {".rope.scaling.type", FieldUse::Read, "none, linear or yarn; linear when missing"},
    {".rope.scaling.factor", FieldUse::Read, "0 is 1"},
    {".rope.scale_linear", FieldUse::Read, "the older name of rope.scaling.factor"},
    {".rope.scaling.original_context_length", FieldUse::Read, "yarn: the length before stretching"},
    {".rope.scaling.attn_factor", FieldUse::Read, "yarn: multiplies its factor; refused with another type"},
    {".embedding_length_out", FieldUse::Read, "refused when it is not the width"},
    {".attention.sliding_window", FieldUse::Read, "refused when shorter than the longest sequence"},
    {".attention.scale", FieldUse::Read, "refused when it is not 1 / sqrt(width of a head)"},
    {".vocab_size", FieldUse::Harmless, "the embedding table has its own number of rows"},
    {".tensor_data_layout", FieldUse::Harmless, "says how the first converters laid out heads"},
    {".rope.scaling.finetuned", FieldUse::Harmless, "says whether the model was trained with it"},
    {".rope.scaling.yarn_ext_factor", FieldUse::Only, kYarn, "[1, -1]"},
    {".rope.scaling.yarn_attn_factor", FieldUse::Only, kYarn, "[1, -1]"},
    {".rope.scaling.yarn_beta_fast", FieldUse::Only, kYarn, "[32, -1]"},
    {".rope.scaling.yarn_beta_slow", FieldUse::Only, kYarn, "[1, -1]"},
    {".rope.scaling.yarn_log_multiplier", FieldUse::Only, kYarn, "[0]"},
    {".rope.scaling.alpha", FieldUse::Only, "a base that depends on the length", "[0]"},
    {".attention.causal", FieldUse::Only, "attention to later tokens", "[true]"},
    {".attention.max_alibi_bias", FieldUse::Only, "another kind of positions", "[0]"},
    {".attention.clamp_kqv", FieldUse::Only, "clamped queries, keys and values", "[0]"},
    {".pooling_type", FieldUse::Only, "vectors of texts instead of tokens", "[0, -1, 4294967295]"},
    {".expert_count", FieldUse::Only, kExperts, "[0]"},
    {".expert_used_count", FieldUse::Only, kExperts, "[0]"},
    {".expert_group_count", FieldUse::Only, kExperts, "[0]"},
    {".expert_group_used_count", FieldUse::Only, kExperts, "[0]"},
    {".expert_shared_count", FieldUse::Only, kExperts, "[0]"},
    {".leading_dense_block_count", FieldUse::Only, kExperts, "[0]"},
    {".nextn_predict_layers", FieldUse::Only, "layers that predict further tokens", "[0]"},
    {".logit_scale", FieldUse::Only, "a scale of the logits", "[1, 0]"},
    {".embedding_scale", FieldUse::Only, "a scale of the embeddings", "[1, 0]"},
    {".residual_scale", FieldUse::Only, "a scale of the residual stream", "[1, 0]"},
    {".attn_logit_softcapping", FieldUse::Only, "attention scores bent by tanh", "[0]"},
    {".final_logit_softcapping", FieldUse::Only, "logits bent by tanh", "[0]"},
    {".use_parallel_residual", FieldUse::Only, "a parallel residual", "[false, 0]"},
    {".*", FieldUse::Only, kUnknownKey},
};

FieldTable lmopt::ggufLlamaKeys(const std::string &architecture) { return ggufKeysOf(architecture, kLlama); }
