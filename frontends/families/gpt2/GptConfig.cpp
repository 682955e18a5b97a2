// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of GptConfig.h. Tested by test/unit/frontends/families/{Gpt2,GptNeox,Opt,Bloom}ConfigTest.cpp.
#include "frontends/families/gpt2/GptConfig.h"

#include "files/Json.h"

#include <cmath>

using namespace lmopt;

static Result<void> checkRope(const GptConfig &config, const std::string &place) {
  if (config.ropeDims < 2 || config.ropeDims % 2 != 0 || config.ropeDims > config.headWidth())
    return malformed(place + "rotary positions turn " + std::to_string(config.ropeDims) +
                     " numbers of each head, expected an even number up to the head size " +
                     std::to_string(config.headWidth()));
  if (!(config.ropeBase > 1))
    return malformed(place + "the base of the rotary positions is " + std::to_string(config.ropeBase) +
                     ", expected more than 1");
  return {};
}

Result<GptConfig> lmopt::completeGptConfig(GptConfig config, const std::string &path) {
  std::string place = path + ": ";
  if (config.width % config.heads != 0)
    return malformed(place + std::to_string(config.heads) + " attention heads cannot share the width " +
                     std::to_string(config.width) + " evenly");
  if (config.scales.empty())
    config.scales.assign(config.layers, 1 / std::sqrt(static_cast<double>(config.headWidth())));
  if (Result<void> checked = config.ropeDims ? checkRope(config, place) : Result<void>(); !checked)
    return checked.error();
  return config;
}

/// Of `heads` heads, a power of two: those number 1, 1 + step, ... to the end or until there are enough.
static void addSlopes(std::vector<double> &slopes, int64_t heads, int64_t step, size_t enough) {
  const auto base = static_cast<double>(static_cast<float>(std::exp2(-8.0 / static_cast<double>(heads))));
  for (int64_t head = 1; head <= heads && slopes.size() < enough; head += step)
    slopes.push_back(static_cast<double>(static_cast<float>(std::pow(base, static_cast<double>(head)))));
}

std::vector<double> lmopt::alibiSlopes(int64_t heads) {
  int64_t power = 1;
  while (2 * power <= heads)
    power *= 2;
  std::vector<double> slopes;
  addSlopes(slopes, power, 1, static_cast<size_t>(heads));
  addSlopes(slopes, 2 * power, 2, static_cast<size_t>(heads));
  return slopes;
}

GptConfig lmopt::readGptSizes(JsonFields &fields, const char *ffnWidth) {
  GptConfig config;
  config.vocabulary = fields.requireInteger("vocab_size", 1, kMaxVocabulary);
  config.width = fields.requireInteger("hidden_size", 1, kMaxWidth);
  config.layers = fields.requireInteger("num_hidden_layers", 1, kMaxLayers);
  config.heads = fields.requireInteger("num_attention_heads", 1, kMaxHeads);
  config.ffnWidth = fields.requireInteger(ffnWidth, 1, kMaxWidth);
  config.maxPositions = fields.integer("max_position_embeddings", 1, kMaxPositions).value_or(2048);
  return config;
}
