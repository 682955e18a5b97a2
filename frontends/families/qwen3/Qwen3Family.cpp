// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the Qwen3 family: Qwen3ForCausalLM of Hugging Face and architecture `qwen3` of GGUF, a Llama that norms
// each head of queries and keys before it is turned. Converters leave heads as they are, so GGUF files turn halves of a
// head, not neighbours. From: Yang et al., Qwen3 Technical Report (2025); transformers' Qwen3Config and
// modeling_qwen3.py; llama.cpp. Tested by test/unit/frontends/families/Qwen3ConfigTest.cpp and the fixtures qwen3-norms
// and gguf/qwen3.
#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/families/qwen3/Qwen3.h"

using namespace lmopt;

static const FieldTable kFields = {
    {"num_key_value_heads", FieldUse::Read, "key and value heads; 32 when missing"},
    {"head_dim", FieldUse::Read, "width of a head; 128 when missing"},
    {"max_position_embeddings", FieldUse::Read, "longest sequence; 32768 when missing"},
    {"mlp_bias", FieldUse::Only, "biases of the feed-forward block, which the family has not", "[false]"},
};

static LlamaShape shape() {
  LlamaShape shape;
  shape.maxPositions = 32768;
  shape.kvHeads = 32;
  shape.headSize = 128;
  shape.readOwn = [](JsonFields &, LlamaConfig &config) { config.queryKeyNorms = QueryKeyNorms::Heads; };
  readSwitchedWindows(shape);
  return shape;
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form = llamaForm(
      "qwen3", "Qwen3ForCausalLM", joinTables(kFields, switchedWindowFields()),
      [](const nlohmann::json &object, const std::string &path) { return readLlamaJson(object, path, shape()); });
  nameQueryKeyNorms(form);
  return form;
}

static GgufForm describeGguf() {
  GgufForm form = ggufLlamaForm("qwen3", {}, [](const GgufFile &file) {
    LlamaMetadata shape;
    shape.interleaved = false;
    shape.readOwn = [](const GgufFile &, GgufFields &, LlamaConfig &config) {
      config.queryKeyNorms = QueryKeyNorms::Heads;
    };
    return readLlamaMetadata(file, "qwen3", shape);
  });
  nameQueryKeyNorms(form);
  return form;
}

Family lmopt::describeQwen3() {
  Family family;
  family.name = "Qwen3";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGguf();
  return family;
}
