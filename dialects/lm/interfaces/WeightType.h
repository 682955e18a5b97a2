// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C++ of WeightType.td.

#ifndef LMOPT_DIALECTS_LM_INTERFACES_WEIGHTTYPE_H
#define LMOPT_DIALECTS_LM_INTERFACES_WEIGHTTYPE_H

#include "mlir/IR/Types.h"
#include "llvm/ADT/SmallVector.h"

#include <string>

namespace lmopt::lm {
struct WeightForm;
} // namespace lmopt::lm

#include "dialects/lm/interfaces/WeightType.h.inc"

#endif // LMOPT_DIALECTS_LM_INTERFACES_WEIGHTTYPE_H
