// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What makes one Llama-like decoder differ from another, in plain numbers. Front ends fill it from config.json or from
// GGUF metadata; LlamaBuilder turns it into a module. Layers may differ from each other (ragged models).
//
// Tested by test/unit/frontends/LlamaConfigTest.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_LLAMACONFIG_H
#define LMOPT_FRONTENDS_FAMILIES_LLAMACONFIG_H

#include "files/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lmopt {

/// Bounds on what a model file may claim; far above real models, low enough that no product of two overflows.
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxWidth = 1 << 20;
constexpr int64_t kMaxHeads = 1 << 14;
constexpr int64_t kMaxVocabulary = 1 << 24;
constexpr int64_t kMaxPositions = 1 << 26;

/// The pointwise function of a feed-forward block; the names are those of the dialect.
enum class Activation { Gelu, GeluTanh, Silu, Relu };
/// Understands the names of Hugging Face ("gelu", "gelu_new", "silu", ...); empty for others.
std::optional<Activation> activationFromName(const std::string &name);
/// The names it understands, for messages.
const char *activationNames();

/// How rotary frequencies were stretched; the parameters are those of #lm.rope_scaling.
struct RopeScaling {
  enum class Kind { Linear, Dynamic, Yarn, Llama3, LongRope };
  Kind kind = Kind::Linear;
  double factor = 1;
  int64_t originalPositions = 0;
  double betaFast = 32, betaSlow = 1;
  double lowFrequency = 1, highFrequency = 4;
  std::optional<double> attentionFactor;
  std::vector<double> shortFactors, longFactors; // head size / 2 each, LongRope only
};

struct LlamaLayer {
  int64_t heads = 0;
  int64_t kvHeads = 0;
  int64_t ffnWidth = 0;
};

struct LlamaConfig {
  std::string name; // of the model, for people; may be empty
  int64_t vocabulary = 0;
  int64_t width = 0;
  int64_t headSize = 0;
  int64_t maxPositions = 0;
  std::vector<LlamaLayer> layers;
  double normEps = 0;
  Activation activation = Activation::Silu;
  bool tiedHead = false;
  bool attentionBias = false; // on q, k, v and o
  bool ffnBias = false;       // on gate, up and down
  bool biasIfPresent = false; // GGUF: a bias is there when its tensor is; the two flags are not used

  double ropeBase = 10000;
  int64_t ropeDims = 0;
  bool ropeInterleaved = false; // GGUF: pairs (2i, 2i+1); Hugging Face: (i, i + dims/2)
  std::optional<RopeScaling> ropeScaling;

  std::vector<std::string> warnings; // for the user, in whole sentences
};

/// Checks what the numbers must satisfy together (divisibility, ranges); `place` begins the message.
Result<void> checkLlamaConfig(const LlamaConfig &config, const std::string &place);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_LLAMACONFIG_H
