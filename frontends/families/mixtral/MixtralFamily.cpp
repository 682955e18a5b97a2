// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the Mixtral family: MixtralForCausalLM of Hugging Face, a Mistral whose feed-forward blocks are
// mixtures of experts. Checkpoints have a tensor for each matrix of each expert, under the makers' names, also where
// transformers 5 saves them; it may save the stacks that it has in memory, too. GGUF files of Mixtral's have the
// architecture `llama`. From: Jiang et al., Mixtral of Experts (2024); transformers' MixtralConfig,
// modeling_mixtral.py, conversion_mapping.py. Tested by test/unit/frontends/families/MixtralConfigTest.cpp and the
// fixtures mixtral-*.
#include "frontends/families/llama/Llama.h"
#include "frontends/families/mixtral/Mixtral.h"

using namespace lmopt;

static constexpr char kNoBias[] = "biases, which the family has not";

static const FieldTable kFields = {
    {"num_local_experts", FieldUse::Read, "experts of each layer; 8 when missing"},
    {"num_experts", FieldUse::Read, "another name of it"},
    {"num_experts_per_tok", FieldUse::Read, "how many of them a token uses; 2 when missing"},
    {"intermediate_size", FieldUse::Read, "neurons of an expert"},
    {"num_key_value_heads", FieldUse::Read, "key and value heads; 8 when missing"},
    {"max_position_embeddings", FieldUse::Read, "longest sequence; 131072 when missing"},
    {"rms_norm_eps", FieldUse::Read, "added to the mean square in a norm; 1e-5 when missing"},
    {"rope_theta", FieldUse::Read, "base of the rotary positions; 1000000 when missing here and below"},
    {"sliding_window", FieldUse::Read, "how many of the last positions are seen; all when missing or null"},
    {"layer_types", FieldUse::Read, "refused when it says something else"},
    {"attention_bias", FieldUse::Only, kNoBias, "[false]"},
    {"mlp_bias", FieldUse::Only, kNoBias, "[false]"},
};

static LlamaShape shape() {
  LlamaShape shape;
  shape.readsBiases = false;
  shape.maxPositions = 131072;
  shape.kvHeads = 8;
  shape.normEps = 1e-5;
  shape.ropeBase = 1e6;
  shape.windows = Windows::All;
  shape.readOwn = [](JsonFields &fields, LlamaConfig &config) {
    MixtureShape mixture;
    mixture.count = "num_local_experts";
    mixture.otherCount = "num_experts";
    mixture.experts = 8;
    mixture.used = 2;
    mixture.switchedSum = false;
    readMixture(fields, config, mixture);
  };
  return shape;
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form = llamaForm(
      "mixtral", "MixtralForCausalLM", joinTables(kFields, mixtureFields()),
      [](const nlohmann::json &object, const std::string &path) { return readLlamaJson(object, path, shape()); });
  nameMixture(form, "block_sparse_moe.experts.*.w1", "block_sparse_moe.experts.*.w3", "block_sparse_moe.experts.*.w2");
  form.olderEndings.push_back({".mlp.gate.weight", ".block_sparse_moe.gate.weight"});
  return form;
}

Family lmopt::describeMixtral() {
  Family family;
  family.name = "Mixtral";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
