// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention to a window in config.json: which layers see only the last `sliding_window` positions. In: sliding_window,
// use_sliding_window, layer_types. Out: LlamaLayer::slides; LlamaConfig::window, 0 where it is no shorter than the
// longest sequence. From: transformers' masking_utils.py (a query at p sees the keys from p - window + 1 on) and the
// families' configurations. Tested by test/unit/frontends/families/{Mistral,Qwen2,Qwen3,Gemma}ConfigTest.cpp.
#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"
#include "frontends/huggingface/Config.h"

#include <algorithm>

using namespace lmopt;
using nlohmann::json;

/// Empty: none. null is none, too, where the field is not missing.
static std::optional<int64_t> windowOf(JsonFields &fields, const json &object, const LlamaShape &shape) {
  if (shape.windows == Windows::Ignored)
    return std::nullopt;
  bool isOn = !shape.windowSwitch || fields.boolean("use_sliding_window").value_or(false);
  std::optional<int64_t> window = shape.window;
  if (object.contains("sliding_window"))
    window = fields.integer("sliding_window", 1, INT64_MAX);
  return isOn ? window : std::nullopt;
}

/// By sliding_window and the family alone.
static std::vector<bool> usualLayers(JsonFields &fields, const LlamaConfig &config, const LlamaShape &shape,
                                     bool hasWindow) {
  std::vector<bool> slides(config.layers.size(), shape.windows == Windows::All);
  if (shape.slides)
    slides = shape.slides(fields, config);
  return hasWindow ? slides : std::vector<bool>(config.layers.size());
}

static void checkWindow(JsonFields &fields, std::optional<int64_t> window, const std::vector<bool> &slides,
                        const LlamaConfig &config, const LlamaShape &shape) {
  if (window && *window < config.maxPositions && shape.windows == Windows::Refused)
    return fields.fail("sliding_window",
                       "attention to a window of " + std::to_string(*window) + " of " +
                           std::to_string(config.maxPositions) +
                           " positions is not what transformers computes for this family",
                       kErrorUnsupported);
  if (!window && std::find(slides.begin(), slides.end(), true) != slides.end())
    fields.fail("layer_types", "has layers of sliding_attention, but there is no sliding_window");
}

void lmopt::readWindows(JsonFields &fields, const json &object, LlamaConfig &config, const LlamaShape &shape) {
  std::optional<int64_t> window = windowOf(fields, object, shape);
  bool maySlide = shape.windows == Windows::All || shape.windows == Windows::Typed;
  std::optional<std::vector<bool>> listed = readLayerTypes(fields, config.layers.size(), maySlide);
  if (!fields.ok())
    return;
  std::vector<bool> usual = usualLayers(fields, config, shape, window.has_value());
  std::vector<bool> slides = listed.value_or(usual);
  if (shape.windows != Windows::Typed && slides != usual) // the family's code does not read the list, its cache does
    return fields.fail("layer_types", "expected the same kind of attention in all layers, as sliding_window says",
                       kErrorUnsupported);
  checkWindow(fields, window, slides, config, shape);
  for (size_t i = 0; i < slides.size(); ++i)
    config.layers[i].slides = slides[i];
  config.window = window && *window < config.maxPositions ? *window : 0;
}

static const FieldTable kSwitched = {
    {"use_sliding_window", FieldUse::Read, "whether there are windows; false when missing"},
    {"sliding_window", FieldUse::Read, "how many of the last positions those layers see; 4096 when missing"},
    {"layer_types", FieldUse::Read, "a name a layer: full_attention or sliding_attention"},
    {"max_window_layers", FieldUse::Read, "when there is no such list: the first layer with a window; 28 when missing"},
};

FieldTable lmopt::switchedWindowFields() { return kSwitched; }

void lmopt::readSwitchedWindows(LlamaShape &shape) {
  shape.windows = Windows::Typed;
  shape.window = 4096;
  shape.windowSwitch = true;
  shape.slides = [](JsonFields &fields, const LlamaConfig &config) {
    std::vector<bool> slides(config.layers.size());
    int64_t first = fields.integer("max_window_layers", 0, INT64_MAX).value_or(28);
    for (size_t i = 0; i < slides.size(); ++i)
      slides[i] = static_cast<int64_t>(i) >= first;
    return slides;
  };
}
