// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbers of a mixture of experts: feed-forward blocks side by side, of which each token uses some, chosen by a
// router. Plain C++, filled by the families' readers; MixtureBuilder.h makes ops of it. From: Jiang et al., Mixtral of
// Experts (2024); transformers' MixtralSparseMoeBlock. Tested by test/unit/frontends/families/MixtralConfigTest.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_MIXTURE_H
#define LMOPT_FRONTENDS_FAMILIES_MIXTURE_H

#include "files/Status.h"

#include <cstdint>
#include <string>

namespace lmopt {

/// So many tensors may a weight be made of (WeightAttrInterface), and each expert may have one of its own.
constexpr int64_t kMaxExperts = 256;

struct Mixture {
  int64_t experts = 0;
  int64_t used = 0;         // of them, by each token
  int64_t width = 0;        // neurons of an expert
  bool renormalized = true; // what a token takes of its experts sums to one; else each by its share among all experts
};

/// What the numbers must satisfy together; `place` begins the message.
Result<void> checkMixture(const Mixture &mixture, const std::string &place);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_MIXTURE_H
