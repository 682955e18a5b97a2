// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the Phi-3 family: Phi3ForCausalLM of Hugging Face (Phi-3, Phi-3.5, Phi-4 and its mini), architecture
// `phi3` of GGUF. Queries, keys and values are one tensor, gate and up are another; a part of each head may be turned,
// by longrope's factors. All layers may attend to a window (mini-4k does), which llama.cpp does not compute. From:
// Abdin et al., Phi-3 Technical Report (2024); transformers' Phi3Config and modeling_phi3.py; llama.cpp. Tested by
// test/unit/frontends/families/Phi3ConfigTest.cpp and the fixtures phi3-longrope and gguf/phi3.
#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/families/phi3/Phi3.h"
#include "frontends/gguf/Metadata.h"

using namespace lmopt;

static constexpr char kNoBias[] = "biases, which the family has not";
static constexpr char kTraining[] = "matters in training only";

static const FieldTable kFields = {
    {"max_position_embeddings", FieldUse::Read, "longest sequence; 4096 when missing"},
    {"original_max_position_embeddings", FieldUse::Read,
     "longrope: the length before stretching, whatever rope_scaling says; 4096 when missing"},
    {"rms_norm_eps", FieldUse::Read, "added to the mean square in a norm; 1e-5 when missing"},
    {"partial_rotary_factor", FieldUse::Read, "rotated part of a head; all of it when missing"},
    {"attention_bias", FieldUse::Only, kNoBias, "[false]"},
    {"mlp_bias", FieldUse::Only, kNoBias, "[false]"},
    {"sliding_window", FieldUse::Read, "how many of the last positions are seen; all when missing or null"},
    {"layer_types", FieldUse::Read, "refused when it says something else"},
    {"resid_pdrop", FieldUse::Harmless, kTraining},
    {"embd_pdrop", FieldUse::Harmless, kTraining},
    {"lm_head_bias", FieldUse::Only, kNoBias, "[false]"},
};

static const FieldTable kKeys = {
    {"phi3.rope.scaling.original_context_length", FieldUse::Read, "the length before stretching"},
    {"phi3.attention.sliding_window", FieldUse::Read, "how many of the last positions are seen"},
    {"phi3.rope.scaling.attn_factor", FieldUse::Read, "scale of the rotated vectors, with tensors of factors"},
};

static LlamaShape shape() {
  LlamaShape shape;
  shape.readsBiases = false;
  shape.maxPositions = shape.originalPositions = 4096;
  shape.normEps = 1e-5;
  shape.windows = Windows::All;
  shape.partialRotary = shape.longRopeOnly = true;
  shape.readOwn = [](JsonFields &, LlamaConfig &config) { config.fused = true; };
  return shape;
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form =
      llamaForm("phi3", "Phi3ForCausalLM", kFields, [](const nlohmann::json &object, const std::string &path) {
        return readLlamaJson(object, path, shape());
      });
  form.objects = {{"rope_scaling and rope_parameters", "As Llama's, of the types default and longrope only.",
                   ropeFields(/*partialRotary=*/true)}};
  form.tensors.parts.push_back({"attn.qkv", "self_attn.qkv_proj"});
  form.tensors.parts.push_back({"ffn.gate_up", "mlp.gate_up_proj"});
  return form;
}

/// The factors are tensors, and their scale is a key: what converters make of longrope.
static void readOwnMetadata(const GgufFile &file, GgufFields &fields, LlamaConfig &config) {
  config.fused = true;
  RopeScaling scaling;
  scaling.kind = RopeScaling::Kind::LongRope;
  scaling.originalPositions = fields.integer("rope.scaling.original_context_length", 2, kMaxPositions, 4096);
  double factor = fields.number("rope.scaling.attn_factor", 0, 1e6, 1.0);
  scaling.attentionFactor = factor > 0 ? factor : 1;
  scaling.shortFactors = readRopeFactors(file, fields, "rope_factors_short.weight", config.ropeDims / 2);
  scaling.longFactors = readRopeFactors(file, fields, "rope_factors_long.weight", config.ropeDims / 2);
  if (config.ropeScaling && fields.ok())
    fields.fail("rope.scaling.type", "is not supported; the family stretches by tensors of factors", kErrorUnsupported);
  if (!scaling.shortFactors.empty() || !scaling.longFactors.empty())
    config.ropeScaling = scaling;
  else if (*scaling.attentionFactor != 1)
    fields.fail("rope.scaling.attn_factor", "is supported with tensors of factors only", kErrorUnsupported);
}

static GgufForm describeGguf() {
  GgufForm form = ggufLlamaForm("phi3", kKeys, [](const GgufFile &file) {
    LlamaMetadata shape;
    shape.interleaved = false;
    shape.factorTensors = true;
    shape.slides = [](GgufFields &, const LlamaConfig &config) {
      return std::vector<bool>(config.layers.size(), true);
    };
    shape.readOwn = readOwnMetadata;
    return readLlamaMetadata(file, "phi3", shape);
  });
  form.tensors.parts.push_back({"attn.qkv", "attn_qkv"});
  form.tensors.parts.push_back({"ffn.gate_up", "ffn_up"});
  form.ignorable = {"rope_factors_short.weight", "rope_factors_long.weight"}; // in the configuration
  return form;
}

Family lmopt::describePhi3() {
  Family family;
  family.name = "Phi-3";
  family.kind = FamilyKind::Decoder;
  family.huggingFace = describeHuggingFace();
  family.gguf = describeGguf();
  return family;
}
