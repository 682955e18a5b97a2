// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What makes one Llama-like decoder differ from another, in plain numbers. Front ends fill it from config.json or from
// GGUF metadata; LlamaBuilder turns it into a module. Layers may differ from each other (ragged models).
//
// Tested by test/unit/frontends/families/LlamaConfigTest.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_LLAMA_LLAMACONFIG_H
#define LMOPT_FRONTENDS_FAMILIES_LLAMA_LLAMACONFIG_H

#include "frontends/families/Mixture.h"
#include "frontends/families/ModelConfig.h"

namespace lmopt {

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
  bool rope = true;    // queries and keys are turned
  bool slides = false; // attends to a window
  bool mixed = false;  // its feed-forward block is the model's mixture of experts
};

/// Where the norms of a branch f stand.
enum class NormPlace {
  Before, // x += f(norm(x))
  Behind, // x += norm(f(x))
  Around  // x += norm(f(norm(x)))
};

/// What norms queries and keys before they are turned.
enum class QueryKeyNorms {
  None,
  Whole, // all queries, and all keys, of a token together
  Heads  // each head by itself, with the same weights
};

struct LlamaConfig : DecoderConfig {
  int64_t headSize = 0;
  std::vector<LlamaLayer> layers;
  double normEps = 0;
  Activation activation = Activation::Silu;
  bool queryBias = false;     // on q, k and v
  bool outputBias = false;    // on o
  bool ffnBias = false;       // on gate, up and down
  bool biasIfPresent = false; // GGUF: a bias is there when its tensor is; the flags are not used

  bool fused = false; // q, k and v are one tensor, gate and up are another
  NormPlace normPlace = NormPlace::Before;
  QueryKeyNorms queryKeyNorms = QueryKeyNorms::None;
  bool normsFromOne = false;                              // the file holds the weights of norms less 1
  double attentionScale = 0;                              // of scores; 0: 1 / sqrt(head size)
  double attentionCap = 0, logitsCap = 0;                 // numbers become cap tanh(number / cap); 0: they stay
  double embeddingMultiplier = 1, residualMultiplier = 1; // of what is looked up, of what is added to it
  double logitsDivisor = 1;

  std::optional<Mixture> mixture; // of layers that are mixed

  double ropeBase = 10000;
  int64_t ropeDims = 0;
  bool ropeInterleaved = false; // GGUF: pairs (2i, 2i+1); Hugging Face: (i, i + dims/2)
  std::optional<RopeScaling> ropeScaling;

  // Of layers that slide:
  int64_t window = 0;       // how many of the last positions a query sees; 0: all that there can be
  double localRopeBase = 0; // of their own angles, which are not stretched; 0: they have the model's
};

/// Checks what the numbers must satisfy together (divisibility, ranges); `place` begins the message.
Result<void> checkLlamaConfig(const LlamaConfig &config, const std::string &place);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_LLAMA_LLAMACONFIG_H
