// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C++ of Linear.td.

#ifndef LMOPT_DIALECTS_LM_INTERFACES_LINEAR_H
#define LMOPT_DIALECTS_LM_INTERFACES_LINEAR_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpDefinition.h"

#include "dialects/lm/interfaces/Linear.h.inc"

#endif // LMOPT_DIALECTS_LM_INTERFACES_LINEAR_H
