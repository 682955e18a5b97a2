// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the Qwen2 family: Qwen2ForCausalLM of Hugging Face (Qwen2, Qwen2.5) and architecture `qwen2` of GGUF, a
// Llama with biases on queries, keys and values. Converters leave heads as they are, so GGUF files turn halves of a
// head, not neighbours. From: Yang et al., Qwen2 Technical Report (2024); transformers' Qwen2Config and
// modeling_qwen2.py; llama.cpp. Tested by test/unit/frontends/families/Qwen2ConfigTest.cpp and the fixtures qwen2-bias
// and gguf-qwen2-bias.
#include "frontends/families/llama/Llama.h"
#include "frontends/families/qwen2/Qwen2.h"

using namespace lmopt;

static const FieldTable kFields = {
    {"num_key_value_heads", FieldUse::Read, "key and value heads; 32 when missing"},
    {"max_position_embeddings", FieldUse::Read, "longest sequence; 32768 when missing"},
    {"attention_bias", FieldUse::Only, "no biases on queries, keys and values", "[true]"},
    {"mlp_bias", FieldUse::Only, "biases, which the family has not", "[false]"},
};

static LlamaShape shape() {
  LlamaShape shape;
  shape.readsBiases = false;
  shape.queryBias = true;
  shape.maxPositions = 32768;
  shape.kvHeads = 32;
  readSwitchedWindows(shape);
  return shape;
}

static HuggingFaceForm describeHuggingFace() {
  return llamaForm(
      "qwen2", "Qwen2ForCausalLM", joinTables(kFields, switchedWindowFields()),
      [](const nlohmann::json &object, const std::string &path) { return readLlamaJson(object, path, shape()); });
}

static GgufForm describeGguf() {
  return ggufLlamaForm("qwen2", {}, [](const GgufFile &file) {
    LlamaMetadata shape;
    shape.interleaved = false;
    return readLlamaMetadata(file, "qwen2", shape);
  });
}

Family lmopt::describeQwen2() {
  Family family;
  family.name = "Qwen2";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGguf();
  return family;
}
