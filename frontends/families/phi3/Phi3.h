// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Phi-3 family: its record. Its configuration is a LlamaConfig, and Llama's builder builds it.
#ifndef LMOPT_FRONTENDS_FAMILIES_PHI3_PHI3_H
#define LMOPT_FRONTENDS_FAMILIES_PHI3_PHI3_H

#include "frontends/families/Family.h"

namespace lmopt {

/// Phi3Family.cpp
Family describePhi3();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_PHI3_PHI3_H
