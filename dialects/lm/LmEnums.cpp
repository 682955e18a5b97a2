// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The enumerations of the dialect, and the proof that Kinds.h lists the same; interfaces of attributes.
// Tested by test/dialects/lm/attributes*.mlir.

#include "dialects/lm/LmDialect.h"
#include "dialects/lm/weights/Evaluation.h"

using namespace mlir;
using namespace lmopt::lm;

#include "dialects/lm/LmEnums.cpp.inc"
#include "dialects/lm/LmInterfaces.cpp.inc"

// Kinds.h lists what the enumerations of the IR list.
#define LMOPT_SAME(name, word, kernel) static_assert(kindOf(lmopt::Activation::name) == ActivationKind::word);
LMOPT_ACTIVATIONS(LMOPT_SAME)
#undef LMOPT_SAME
#define LMOPT_SAME(name, word, kernel) static_assert(kindOf(lmopt::Pooling::name) == PoolKind::word);
LMOPT_POOLINGS(LMOPT_SAME)
#undef LMOPT_SAME
#define LMOPT_ONE(name, word, kernel) +1
static_assert(getMaxEnumValForActivationKind() + 1 == 0 LMOPT_ACTIVATIONS(LMOPT_ONE));
static_assert(getMaxEnumValForPoolKind() + 1 == 0 LMOPT_POOLINGS(LMOPT_ONE));
#undef LMOPT_ONE
