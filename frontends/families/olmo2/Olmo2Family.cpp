// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the OLMo 2 family: Olmo2ForCausalLM of Hugging Face, architecture `olmo2` of GGUF, a Llama whose norms
// stand behind attention and feed-forward block, and which norms all queries and all keys of a token together.
// Converters leave heads as they are. From: OLMo et al., 2 OLMo 2 Furious (2025); transformers' Olmo2Config and
// modeling_olmo2.py; llama.cpp. Tested by test/unit/frontends/families/Olmo2ConfigTest.cpp and the fixtures olmo2-norms
// and gguf/olmo2.
#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/families/olmo2/Olmo2.h"

using namespace lmopt;

static const FieldTable kFields = {
    {"rms_norm_eps", FieldUse::Read, "added to the mean square in a norm; 1e-5 when missing"},
    {"mlp_bias", FieldUse::Only, "biases of the feed-forward block, which the family has not", "[false]"},
};

static void setNorms(LlamaConfig &config) {
  config.normPlace = NormPlace::Behind;
  config.queryKeyNorms = QueryKeyNorms::Whole;
}

static LlamaShape shape() {
  LlamaShape shape;
  shape.normEps = 1e-5;
  shape.readOwn = [](JsonFields &, LlamaConfig &config) { setNorms(config); };
  return shape;
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form =
      llamaForm("olmo2", "Olmo2ForCausalLM", kFields, [](const nlohmann::json &object, const std::string &path) {
        return readLlamaJson(object, path, shape());
      });
  form.tensors.parts = {{"attn_norm", "post_attention_layernorm"},
                        {"ffn_norm", "post_feedforward_layernorm"},
                        {"attn.q", "self_attn.q_proj"},
                        {"attn.k", "self_attn.k_proj"},
                        {"attn.v", "self_attn.v_proj"},
                        {"attn.o", "self_attn.o_proj"},
                        {"ffn.gate", "mlp.gate_proj"},
                        {"ffn.up", "mlp.up_proj"},
                        {"ffn.down", "mlp.down_proj"}};
  nameQueryKeyNorms(form);
  return form;
}

static GgufForm describeGguf() {
  GgufForm form = ggufLlamaForm("olmo2", {}, [](const GgufFile &file) {
    LlamaMetadata shape;
    shape.interleaved = false;
    shape.readOwn = [](const GgufFile &, GgufFields &, LlamaConfig &config) { setNorms(config); };
    return readLlamaMetadata(file, "olmo2", shape);
  });
  form.tensors.parts.push_back({"attn_norm", "post_attention_norm"});
  form.tensors.parts.push_back({"ffn_norm", "post_ffw_norm"});
  nameQueryKeyNorms(form);
  return form;
}

Family lmopt::describeOlmo2() {
  Family family;
  family.name = "OLMo 2";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGguf();
  return family;
}
