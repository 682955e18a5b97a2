// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules that the numbers of a Llama configuration obey together; single numbers are bounded where they are read.
// Tested by test/unit/frontends/families/LlamaConfigTest.cpp.
#include "frontends/families/llama/LlamaConfig.h"

#include <algorithm>

using namespace lmopt;

static Result<void> checkLayer(const LlamaLayer &layer, const std::string &place) {
  if (layer.heads < 1 || layer.heads > kMaxHeads || layer.kvHeads < 1 || layer.heads % layer.kvHeads != 0)
    return malformed(place + std::to_string(layer.heads) + " attention heads cannot share " +
                     std::to_string(layer.kvHeads) + " key/value heads evenly");
  if (layer.ffnWidth < 1 || layer.ffnWidth > kMaxWidth)
    return malformed(place + "impossible width of the feed-forward block: " + std::to_string(layer.ffnWidth));
  return {};
}

static Result<void> checkFactors(const std::vector<double> &factors, const LlamaConfig &config,
                                 const std::string &place) {
  if (static_cast<int64_t>(factors.size()) != config.ropeDims / 2)
    return malformed(place + "the rope scaling has " + std::to_string(factors.size()) + " factors, expected " +
                     std::to_string(config.ropeDims / 2) + " (half the rotated size of a head)");
  if (!std::all_of(factors.begin(), factors.end(), [](double factor) { return factor > 0 && factor < 1e30; }))
    return malformed(place + "the rope scaling has a factor that is not positive");
  return {};
}

static Result<void> checkScaling(const LlamaConfig &config, const std::string &place) {
  const RopeScaling &scaling = *config.ropeScaling;
  if (!(scaling.factor >= 1))
    return malformed(place + "rope scaling factor " + std::to_string(scaling.factor) + ", expected at least 1");
  if (scaling.kind != RopeScaling::Kind::Linear && scaling.originalPositions < 2)
    return malformed(place + "rope scaling needs the original number of positions, found " +
                     std::to_string(scaling.originalPositions));
  if (!(scaling.betaFast > scaling.betaSlow && scaling.betaSlow > 0))
    return malformed(place + "rope scaling: expected beta_fast > beta_slow > 0");
  if (!(scaling.highFrequency > scaling.lowFrequency && scaling.lowFrequency > 0))
    return malformed(place + "rope scaling: expected high_freq_factor > low_freq_factor > 0");
  if (scaling.attentionFactor && !(*scaling.attentionFactor > 0))
    return malformed(place + "rope scaling: the attention factor is not positive");
  if (scaling.kind != RopeScaling::Kind::LongRope)
    return {};
  if (Result<void> checked = checkFactors(scaling.shortFactors, config, place); !checked)
    return checked;
  return checkFactors(scaling.longFactors, config, place);
}

Result<void> lmopt::checkLlamaConfig(const LlamaConfig &config, const std::string &path) {
  std::string place = path + ": ";
  if (config.headSize < 2 || config.headSize > kMaxWidth)
    return malformed(place + "impossible head size " + std::to_string(config.headSize));
  if (config.ropeDims < 2 || config.ropeDims % 2 != 0 || config.ropeDims > config.headSize || config.ropeDims > 65536)
    return malformed(place + "rotary positions turn " + std::to_string(config.ropeDims) +
                     " numbers of each head, expected an even number up to the head size " +
                     std::to_string(config.headSize));
  if (!(config.ropeBase > 1))
    return malformed(place + "the base of the rotary positions is " + std::to_string(config.ropeBase) +
                     ", expected more than 1");
  for (size_t i = 0; i < config.layers.size(); ++i)
    if (Result<void> checked = checkLayer(config.layers[i], place + "layer " + std::to_string(i) + ": "); !checked)
      return checked;
  if (config.mixture)
    if (Result<void> checked = checkMixture(*config.mixture, place); !checked)
      return checked;
  return config.ropeScaling ? checkScaling(config, place) : Result<void>();
}
