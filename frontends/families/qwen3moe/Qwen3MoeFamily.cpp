// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the Qwen3 MoE family: Qwen3MoeForCausalLM of Hugging Face and architecture `qwen3moe` of GGUF, a Qwen3
// whose layers, or some of them, have mixtures of experts. A window is that of all layers. llama.cpp has experts in all
// layers and always divides gates by their sum, whatever the checkpoint said, so that is what a GGUF file means. From:
// Yang et al., Qwen3 Technical Report (2025); transformers' Qwen3MoeConfig and modeling_qwen3_moe.py; llama.cpp. Tested
// by test/unit/frontends/families/Qwen3MoeConfigTest.cpp and the fixtures qwen3moe-dense and gguf/qwen3moe.
#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/families/qwen3moe/Qwen3Moe.h"

using namespace lmopt;

static const FieldTable kFields = {
    {"num_experts", FieldUse::Read, "experts of a layer; 128 when missing, 0: all layers are dense"},
    {"num_local_experts", FieldUse::Read, "another name of it"},
    {"num_experts_per_tok", FieldUse::Read, "how many of them a token uses; 8 when missing"},
    {"moe_intermediate_size", FieldUse::Read, "neurons of an expert; 768 when missing"},
    {"intermediate_size", FieldUse::Read, "width of the feed-forward block of dense layers"},
    {"norm_topk_prob", FieldUse::Read,
     "whether what a token takes of its experts sums to one, or each counts by its share among all experts; false when "
     "missing"},
    {"num_key_value_heads", FieldUse::Read, "key and value heads; 4 when missing"},
    {"max_position_embeddings", FieldUse::Read, "longest sequence; 32768 when missing"},
    {"use_sliding_window", FieldUse::Read, "whether there is a window; false when missing"},
    {"sliding_window", FieldUse::Read, "how many of the last positions all layers see then; 4096 when missing"},
    {"layer_types", FieldUse::Read, "refused when it says something else"},
    {"max_window_layers", FieldUse::Harmless, "the family's class does not read it"},
    {"mlp_bias", FieldUse::Only, "biases of the feed-forward block, which the family has not", "[false]"},
};

static const FieldTable kKeys = {
    {"qwen3moe.expert_count", FieldUse::Read, "experts of each layer"},
    {"qwen3moe.expert_used_count", FieldUse::Read, "how many of them a token uses"},
    {"qwen3moe.expert_feed_forward_length", FieldUse::Read, "neurons of an expert"},
};

static LlamaShape shape() {
  LlamaShape shape;
  shape.maxPositions = 32768;
  shape.kvHeads = 4;
  shape.windows = Windows::All;
  shape.window = 4096;
  shape.windowSwitch = true;
  shape.readOwn = [](JsonFields &fields, LlamaConfig &config) {
    config.queryKeyNorms = QueryKeyNorms::Heads;
    MixtureShape mixture;
    mixture.experts = 128;
    mixture.used = 8;
    mixture.width = 768;
    mixture.hasDenseLayers = true;
    readMixture(fields, config, mixture);
  };
  return shape;
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form = llamaForm(
      "qwen3_moe", "Qwen3MoeForCausalLM", joinTables(joinTables(kFields, denseLayerFields()), mixtureFields()),
      [](const nlohmann::json &object, const std::string &path) { return readLlamaJson(object, path, shape()); });
  nameQueryKeyNorms(form);
  nameMixture(form, "mlp.experts.*.gate_proj", "mlp.experts.*.up_proj", "mlp.experts.*.down_proj");
  return form;
}

static GgufForm describeGguf() {
  GgufForm form = ggufLlamaForm("qwen3moe", kKeys, [](const GgufFile &file) {
    LlamaMetadata shape;
    shape.interleaved = false;
    shape.readOwn = [](const GgufFile &, GgufFields &fields, LlamaConfig &config) {
      config.queryKeyNorms = QueryKeyNorms::Heads;
      readMixture(fields, config, "expert_feed_forward_length");
    };
    return readLlamaMetadata(file, "qwen3moe", shape);
  });
  nameQueryKeyNorms(form);
  return form;
}

Family lmopt::describeQwen3Moe() {
  Family family;
  family.name = "Qwen3 MoE";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGguf();
  return family;
}
