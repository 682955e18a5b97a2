// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of GptConfig.h. Tested by test/unit/frontends/families/{Gpt2,GptNeox,Opt}ConfigTest.cpp.
#include "frontends/families/gpt2/GptConfig.h"

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

Result<void> lmopt::completeGptConfig(GptConfig &config, const std::string &path) {
  std::string place = path + ": ";
  if (config.width % config.heads != 0)
    return malformed(place + std::to_string(config.heads) + " attention heads cannot share the width " +
                     std::to_string(config.width) + " evenly");
  if (config.scales.empty())
    config.scales.assign(config.layers, 1 / std::sqrt(static_cast<double>(config.headWidth())));
  return config.ropeDims ? checkRope(config, place) : Result<void>();
}
