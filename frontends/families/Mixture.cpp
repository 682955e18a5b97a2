// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Mixture.h. Tested by test/unit/frontends/families/MixtralConfigTest.cpp.
#include "frontends/families/Mixture.h"

using namespace lmopt;

Result<void> lmopt::checkMixture(const Mixture &mixture, const std::string &place) {
  std::string experts = std::to_string(mixture.experts);
  if (mixture.experts > kMaxExperts)
    return unsupported(place + "mixtures of " + experts + " experts are not supported; the most are " +
                       std::to_string(kMaxExperts));
  if (mixture.used < 1 || mixture.used > mixture.experts)
    return malformed(place + "each token is to use " + std::to_string(mixture.used) + " of " + experts + " experts");
  return {};
}
