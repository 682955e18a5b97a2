// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the Mistral family: MistralForCausalLM of Hugging Face, a Llama without biases that may attend to a
// window of the last tokens in all layers (version 0.1 does, 0.2 and later do not).
// GGUF files of Mistral's have the architecture `llama`. From: Jiang et al., Mistral 7B (2023); transformers'
// MistralConfig. Tested by test/unit/frontends/families/MistralConfigTest.cpp and the fixture mistral-tied.
#include "frontends/families/llama/Llama.h"
#include "frontends/families/mistral/Mistral.h"

using namespace lmopt;

static constexpr char kNoBias[] = "biases, which the family has not";

static const FieldTable kFields = {
    {"num_key_value_heads", FieldUse::Read, "key and value heads; 8 when missing"},
    {"max_position_embeddings", FieldUse::Read, "longest sequence; 131072 when missing"},
    {"sliding_window", FieldUse::Read, "how many of the last positions are seen; 4096 when missing, all when null"},
    {"layer_types", FieldUse::Read, "refused when it says something else"},
    {"attention_bias", FieldUse::Only, kNoBias, "[false]"},
    {"mlp_bias", FieldUse::Only, kNoBias, "[false]"},
};

static LlamaShape shape() {
  LlamaShape shape;
  shape.readsBiases = false;
  shape.maxPositions = 131072;
  shape.kvHeads = 8;
  shape.windows = Windows::All;
  shape.window = 4096;
  return shape;
}

static HuggingFaceForm describeHuggingFace() {
  return llamaForm("mistral", "MistralForCausalLM", kFields, [](const nlohmann::json &object, const std::string &path) {
    return readLlamaJson(object, path, shape());
  });
}

Family lmopt::describeMistral() {
  Family family;
  family.name = "Mistral";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
