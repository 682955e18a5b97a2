// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the Gemma family: GemmaForCausalLM of Hugging Face, architecture `gemma` of GGUF, a Llama whose norms
// are weighted by 1 + w, whose table is multiplied by the root of the width when it is looked up, and whose blocks are
// gated by GELU. Converters leave heads as they are. From: Gemma Team, Gemma (2024); transformers' GemmaConfig and
// modeling_gemma.py; llama.cpp. Tested by test/unit/frontends/families/GemmaConfigTest.cpp and the fixtures gemma-tied
// and gguf/gemma.
#include "frontends/families/gemma/Gemma.h"

using namespace lmopt;

static const FieldTable kFields = {
    {"hidden_act", FieldUse::Read, "function of the feed-forward block; gelu_pytorch_tanh when missing, and for gelu"},
    {"hidden_activation", FieldUse::Only, "another function than hidden_act's", "[\"gelu_pytorch_tanh\"]"},
};

static HuggingFaceForm describeHuggingFace() {
  return llamaForm("gemma", "GemmaForCausalLM", joinTables(kFields, gemmaFields()),
                   [](const nlohmann::json &object, const std::string &path) {
                     LlamaShape shape = gemmaShape();
                     shape.readOwn = [](JsonFields &, LlamaConfig &config) {
                       setGemma(config);
                       if (config.activation == Activation::Gelu) // as the first checkpoints call it
                         config.activation = Activation::GeluTanh;
                     };
                     return readLlamaJson(object, path, shape);
                   });
}

static GgufForm describeGguf() {
  return ggufLlamaForm("gemma", {}, [](const GgufFile &file) {
    auto readOwn = [](const GgufFile &, GgufFields &, LlamaConfig &config) { setGemmaOfGguf(config); };
    return readLlamaMetadata(file, "gemma", gemmaMetadata(readOwn));
  });
}

Family lmopt::describeGemma() {
  Family family;
  family.name = "Gemma";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGguf();
  return family;
}
