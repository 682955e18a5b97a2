// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C++ of Meaning.td. How a family gives its ops their meanings: interpreter/Frame.h.

#ifndef LMOPT_DIALECTS_LM_INTERFACES_MEANING_H
#define LMOPT_DIALECTS_LM_INTERFACES_MEANING_H

#include "dialects/lm/interpreter/Values.h"

#include "mlir/IR/OpDefinition.h"

namespace lmopt::lm {
class Frame;
} // namespace lmopt::lm

#include "dialects/lm/interfaces/Meaning.h.inc"

#endif // LMOPT_DIALECTS_LM_INTERFACES_MEANING_H
