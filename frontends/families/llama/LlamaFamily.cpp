// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the Llama family: LlamaForCausalLM of Hugging Face, architecture `llama` of GGUF, which is also that of
// Mistral and, with experts, of Mixtral.
// From: transformers' modeling_llama.py; the tensor names of llama.cpp.
// Tested by test/unit/frontends/families/{LlamaConfig,GgufLlama}Test.cpp.
#include "frontends/families/llama/Llama.h"

using namespace lmopt;

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "llama";
  form.architectures = {"LlamaForCausalLM"};
  form.fields = llamaConfigFields();
  form.objects = {{"rope_scaling and rope_parameters",
                   "The first when it is there and not empty, else the second. A parameter that its type does not use "
                   "is ignored with a warning, as\ntransformers does.",
                   ropeFields()}};
  form.read = [](const nlohmann::json &object, const std::string &path) {
    return readLlamaJson(object, path, LlamaShape());
  };
  form.tensors.whole = {{"embed", "model.embed_tokens"}, {"final_norm", "model.norm"}, {"head", "lm_head"}};
  form.tensors.layers = "model.layers.";
  form.tensors.parts = {{"attn_norm", "input_layernorm"}, {"ffn_norm", "post_attention_layernorm"},
                        {"attn.q", "self_attn.q_proj"},   {"attn.k", "self_attn.k_proj"},
                        {"attn.v", "self_attn.v_proj"},   {"attn.o", "self_attn.o_proj"},
                        {"ffn.gate", "mlp.gate_proj"},    {"ffn.up", "mlp.up_proj"},
                        {"ffn.down", "mlp.down_proj"}};
  form.ignorable = {"*.rotary_emb.inv_freq"}; // old checkpoints carry what follows from the configuration
  return form;
}

static GgufForm describeGguf() {
  GgufForm form;
  form.architecture = "llama";
  form.keys = joinTables(llamaMixtureKeys(), ggufLlamaKeys("llama"));
  form.read = [](const GgufFile &file) {
    LlamaMetadata shape;
    shape.readOwn = [](const GgufFile &, GgufFields &fields, LlamaConfig &config) { readMixture(fields, config); };
    return readLlamaMetadata(file, "llama", shape);
  };
  form.tensors.whole = {{"embed", "token_embd"}, {"final_norm", "output_norm"}, {"head", "output"}};
  form.tensors.layers = "blk.";
  form.tensors.parts = {{"attn.q", "attn_q"},      {"attn.k", "attn_k"},     {"attn.v", "attn_v"},
                        {"attn.o", "attn_output"}, {"ffn.gate", "ffn_gate"}, {"ffn.up", "ffn_up"},
                        {"ffn.down", "ffn_down"}}; // attn_norm and ffn_norm have the same names
  form.ignorable = {"rope_freqs.weight"};          // in the configuration
  nameMixture(form);
  return form;
}

HuggingFaceForm lmopt::llamaForm(const char *modelType, const char *architecture, const FieldTable &own,
                                 decltype(HuggingFaceForm::read) read) {
  HuggingFaceForm form = describeHuggingFace();
  form.modelType = modelType;
  form.architectures = {architecture};
  form.fields = joinTables(own, llamaConfigFields());
  form.read = read;
  return form;
}

GgufForm lmopt::ggufLlamaForm(const char *architecture, const FieldTable &own, decltype(GgufForm::read) read) {
  GgufForm form = describeGguf();
  form.architecture = architecture;
  form.keys = joinTables(own, ggufLlamaKeys(architecture));
  form.read = read;
  return form;
}

void lmopt::nameQueryKeyNorms(HuggingFaceForm &form) {
  form.tensors.parts.push_back({"attn.q_norm", "self_attn.q_norm"});
  form.tensors.parts.push_back({"attn.k_norm", "self_attn.k_norm"});
}

void lmopt::nameQueryKeyNorms(GgufForm &form) {
  form.tensors.parts.push_back({"attn.q_norm", "attn_q_norm"});
  form.tensors.parts.push_back({"attn.k_norm", "attn_k_norm"});
}

Family lmopt::describeLlama() {
  Family family;
  family.name = "Llama";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGguf();
  return family;
}
