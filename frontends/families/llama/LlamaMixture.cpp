// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mixtures of experts in config.json and in GGUF metadata: how many experts there are and how many each token uses, how
// wide they are, whether gates sum to one, which layers have them. Out: LlamaConfig::mixture, LlamaLayer::mixed.
// From: transformers' MixtralConfig, Qwen3MoeConfig, OlmoeConfig, and their models; llama.cpp's loader, whose
// architecture `llama` divides gates by their sum. Tested by MixtralConfigTest.cpp, Qwen3MoeConfigTest.cpp,
// OlmoeConfigTest.cpp and GgufMixtureTest.cpp of test/unit/frontends/families.
#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/gguf/Metadata.h"
#include "frontends/huggingface/Config.h"

#include <algorithm>

using namespace lmopt;
using nlohmann::json;

//===- config.json ------------------------------------------------------------------------------------------------===//

FieldTable lmopt::mixtureFields() {
  return {
      {"output_router_logits", FieldUse::Harmless, "chooses what the Python class returns beside the result"},
      {"router_aux_loss_coef", FieldUse::Harmless, "matters in training only"},
      {"router_jitter_noise", FieldUse::Harmless, "matters in training only"},
  };
}

FieldTable lmopt::denseLayerFields() {
  return {
      {"decoder_sparse_step", FieldUse::Read, "experts in each so many-th layer, the others dense; 1 when missing"},
      {"mlp_only_layers", FieldUse::Read, "numbers of layers that are dense all the same"},
  };
}

/// One number under two names. Which one transformers takes depends on the order of its own steps.
static int64_t readCount(JsonFields &fields, const MixtureShape &shape) {
  int64_t least = shape.hasDenseLayers ? 0 : 1;
  std::optional<int64_t> count = fields.integer(shape.count, least, kMaxWidth),
                         other = fields.integer(shape.otherCount, least, kMaxWidth);
  if (count && other && *count != *other)
    fields.fail(shape.otherCount,
                "is " + std::to_string(*other) + ", but " + shape.count + ", which means the same, is " +
                    std::to_string(*count) + "; remove the one that is not the model's",
                kErrorUnsupported);
  return count ? *count : other.value_or(shape.experts);
}

static std::vector<int64_t> readDenseLayers(JsonFields &fields) {
  std::vector<int64_t> layers;
  const json *list = fields.value("mlp_only_layers");
  if (!list)
    return layers;
  bool isList = list->is_array() &&
                std::all_of(list->begin(), list->end(), [](const json &layer) { return layer.is_number_integer(); });
  if (!isList)
    fields.fail("mlp_only_layers", "expected a list of numbers of layers");
  else
    layers = list->get<std::vector<int64_t>>();
  return layers;
}

/// The layers that have experts.
static void markLayers(JsonFields &fields, LlamaConfig &config, const MixtureShape &shape) {
  int64_t step = 1;
  std::vector<int64_t> dense;
  if (shape.hasDenseLayers) {
    step = fields.integer("decoder_sparse_step", 1, INT64_MAX).value_or(1);
    dense = readDenseLayers(fields);
  }
  for (size_t i = 0; i < config.layers.size(); ++i) {
    auto number = static_cast<int64_t>(i);
    bool isDense = std::find(dense.begin(), dense.end(), number) != dense.end();
    config.layers[i].mixed = config.mixture && !isDense && (number + 1) % step == 0;
  }
}

void lmopt::readMixture(JsonFields &fields, LlamaConfig &config, const MixtureShape &shape) {
  Mixture mixture;
  mixture.experts = readCount(fields, shape);
  mixture.used = fields.integer("num_experts_per_tok", 1, kMaxWidth).value_or(shape.used);
  mixture.width = config.layers.front().ffnWidth;
  if (shape.width)
    mixture.width = fields.integer("moe_intermediate_size", 1, kMaxWidth).value_or(shape.width);
  if (shape.switchedSum)
    mixture.renormalized = fields.boolean("norm_topk_prob").value_or(false);
  if (mixture.experts)
    config.mixture = mixture;
  markLayers(fields, config, shape);
}

void lmopt::nameMixture(HuggingFaceForm &form, const char *gate, const char *up, const char *down) {
  TensorNames::Pairs names = {{"ffn.router", "mlp.gate"},
                              {"ffn.experts", "mlp.experts"},
                              {"ffn.experts.*.gate", gate},
                              {"ffn.experts.*.up", up},
                              {"ffn.experts.*.down", down}};
  form.tensors.parts.insert(form.tensors.parts.end(), names.begin(), names.end());
}

//===- GGUF -------------------------------------------------------------------------------------------------------===//

FieldTable lmopt::llamaMixtureKeys() {
  return {
      {"llama.expert_count", FieldUse::Read, "experts of each layer; 0, no mixture, when missing"},
      {"llama.expert_used_count", FieldUse::Read, "how many of them a token uses"},
  };
}

/// Stacked, or as the first converters wrote them.
void lmopt::nameMixture(GgufForm &form) {
  TensorNames::Pairs names = {{"ffn.router", "ffn_gate_inp"},       {"ffn.experts.gate", "ffn_gate_exps"},
                              {"ffn.experts.up", "ffn_up_exps"},    {"ffn.experts.down", "ffn_down_exps"},
                              {"ffn.experts.*.gate", "ffn_gate.*"}, {"ffn.experts.*.up", "ffn_up.*"},
                              {"ffn.experts.*.down", "ffn_down.*"}};
  form.tensors.parts.insert(form.tensors.parts.end(), names.begin(), names.end());
}

void lmopt::readMixture(GgufFields &fields, LlamaConfig &config, const char *widthKey) {
  Mixture mixture;
  mixture.experts = fields.integer("expert_count", 0, kMaxWidth, 0);
  mixture.used = fields.integer("expert_used_count", 0, kMaxWidth, 0);
  if (mixture.experts == 0 && mixture.used != 0)
    fields.fail("expert_used_count", "is " + std::to_string(mixture.used) + ", but there is no expert_count");
  if (mixture.experts == 0 || !fields.ok())
    return;
  mixture.width = widthKey ? fields.integer(widthKey, 1, kMaxWidth) : config.layers.front().ffnWidth;
  for (LlamaLayer &layer : config.layers) {
    layer.mixed = true;
    if (!widthKey && layer.ffnWidth != mixture.width)
      fields.fail("feed_forward_length", "experts of several widths are not supported", kErrorUnsupported);
  }
  config.mixture = mixture;
}
