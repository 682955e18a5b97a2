// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the OLMoE family: OlmoeForCausalLM of Hugging Face and architecture `olmoe` of GGUF, a Llama that norms
// all queries and all keys of a token, with mixtures of experts that count by their shares among all experts unless the
// configuration says otherwise; llama.cpp always takes shares. From: Muennighoff et al., OLMoE (2024); transformers'
// OlmoeConfig and modeling_olmoe.py; llama.cpp. Tested by test/unit/frontends/families/OlmoeConfigTest.cpp and the
// fixtures olmoe-shares and gguf/olmoe.
#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/families/olmoe/Olmoe.h"

using namespace lmopt;

static const FieldTable kFields = {
    {"num_experts", FieldUse::Read, "experts of each layer; 64 when missing"},
    {"num_local_experts", FieldUse::Read, "another name of it"},
    {"num_experts_per_tok", FieldUse::Read, "how many of them a token uses; 8 when missing"},
    {"intermediate_size", FieldUse::Read, "neurons of an expert"},
    {"norm_topk_prob", FieldUse::Read,
     "whether what a token takes of its experts sums to one, or each counts by its share among all experts; false when "
     "missing"},
    {"max_position_embeddings", FieldUse::Read, "longest sequence; 4096 when missing"},
    {"rms_norm_eps", FieldUse::Read, "added to the mean square in a norm; 1e-5 when missing"},
    {"clip_qkv", FieldUse::Only, "queries, keys and values that are clipped"},
    {"mlp_bias", FieldUse::Only, "biases of the feed-forward block, which the family has not", "[false]"},
};

static const FieldTable kKeys = {
    {"olmoe.expert_count", FieldUse::Read, "experts of each layer"},
    {"olmoe.expert_used_count", FieldUse::Read, "how many of them a token uses"},
};

static LlamaShape shape() {
  LlamaShape shape;
  shape.maxPositions = 4096;
  shape.normEps = 1e-5;
  shape.readOwn = [](JsonFields &fields, LlamaConfig &config) {
    config.queryKeyNorms = QueryKeyNorms::Whole;
    MixtureShape mixture;
    mixture.experts = 64;
    mixture.used = 8;
    readMixture(fields, config, mixture);
  };
  return shape;
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form = llamaForm(
      "olmoe", "OlmoeForCausalLM", joinTables(kFields, mixtureFields()),
      [](const nlohmann::json &object, const std::string &path) { return readLlamaJson(object, path, shape()); });
  nameQueryKeyNorms(form);
  nameMixture(form, "mlp.experts.*.gate_proj", "mlp.experts.*.up_proj", "mlp.experts.*.down_proj");
  return form;
}

static GgufForm describeGguf() {
  GgufForm form = ggufLlamaForm("olmoe", kKeys, [](const GgufFile &file) {
    LlamaMetadata shape;
    shape.interleaved = false;
    shape.readOwn = [](const GgufFile &, GgufFields &fields, LlamaConfig &config) {
      config.queryKeyNorms = QueryKeyNorms::Whole;
      readMixture(fields, config);
      if (config.mixture)
        config.mixture->renormalized = false;
    };
    return readLlamaMetadata(file, "olmoe", shape);
  });
  nameQueryKeyNorms(form);
  return form;
}

Family lmopt::describeOlmoe() {
  Family family;
  family.name = "OLMoE";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGguf();
  return family;
}
