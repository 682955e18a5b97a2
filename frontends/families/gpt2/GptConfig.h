// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What makes one decoder of GPT's kind (layer norms, one feed-forward product after another) differ from another, in
// plain numbers. The records of GPT-2, GPT-1, GPT-Neo, GPT-NeoX, OPT and BLOOM fill it; Gpt2Builder turns it into a
// module.
//
// Tested by test/unit/frontends/families/{Gpt2,OpenAiGpt,GptNeo,GptNeox,Opt,Bloom}ConfigTest.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_GPT2_GPTCONFIG_H
#define LMOPT_FRONTENDS_FAMILIES_GPT2_GPTCONFIG_H

#include "frontends/families/ModelConfig.h"

namespace lmopt {

class JsonFields;

/// What a layer does with x, attention a and feed-forward block f.
enum class GptOrder {
  NormsFirst, // x += a(norm(x)); x += f(norm(x))
  NormsLast,  // x = norm(x + a(x)); x = norm(x + f(x))
  Parallel,   // x += a(norm(x)) + f(norm'(x))
};

/// How a file holds the matrices of queries, keys and values.
enum class GptProjections {
  Separate,
  Fused,        // one tensor: all queries, all keys, all values
  FusedByHeads, // one tensor: queries, keys and values of head 0, those of head 1, ...
};

struct GptConfig : DecoderConfig {
  int64_t layers = 0, heads = 0, ffnWidth = 0;
  double normEps = 1e-5;
  bool normWeights = true;    // norms have a weight and a bias
  bool embeddingNorm = false; // behind the table
  bool finalNorm = true;
  Activation activation = Activation::GeluTanh;
  GptOrder order = GptOrder::NormsFirst;
  bool normedResidual = false; // of GptOrder::NormsFirst: branches are added to norm(x)
  GptProjections projections = GptProjections::Separate;
  bool transposed = false; // matrices of linears are [IN, OUT] in the file
  bool attentionBias = true, ffnBias = true;
  bool projectionBias = true; // of queries, keys and values, where attention has biases
  std::vector<double> scales; // of attention, one a layer
  std::vector<bool> slides;   // which layers see a window only; empty: none
  int64_t window = 0;         // of those: how many of the last positions

  int64_t tableWidth = 0;        // of the embedding table, which linears bring to `width` and back; 0: `width`
  bool learnedPositions = false; // a table of them
  int64_t firstPosition = 0;     // its row for the first token

  int64_t ropeDims = 0; // rotated part of a head; 0: none
  double ropeBase = 10000;

  std::vector<double> slopes; // of ALiBi, by head; empty: none

  int64_t headWidth() const { return width / heads; }
  int64_t embeddingWidth() const { return tableWidth ? tableWidth : width; }
};

/// The same, once it is checked what the numbers must satisfy together, with `scales` where they are the usual ones.
Result<GptConfig> completeGptConfig(GptConfig config, const std::string &path);

/// The slopes that ALiBi gives so many heads: 2^(-8 h / H) of head h = 1 .. H where H is a power of two; else those of
/// the power below, and then of twice as many heads each other one. Powers of a number that was rounded to f32, as
/// makers' code computes them.
std::vector<double> alibiSlopes(int64_t heads);

/// The sizes in config.json of GPT-NeoX and OPT; `ffnWidth`: the field of the feed-forward block's width.
GptConfig readGptSizes(JsonFields &fields, const char *ffnWidth);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_GPT2_GPTCONFIG_H
