// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the facts of several families need; see Step.h.

#include "dialects/lm/interfaces/Step.h"

using namespace mlir;

#include "dialects/lm/interfaces/Step.cpp.inc"

void lmopt::lm::addOwnRows(Operation *op, SmallVectorImpl<Access> &accesses) {
  for (Value operand : op->getOperands())
    accesses.push_back({operand});
  for (Value result : op->getResults())
    accesses.push_back({result, /*write=*/true});
}

void lmopt::lm::addUse(SmallVectorImpl<WeightUse> &uses, FlatSymbolRefAttr symbol, WeightUse::Role role) {
  if (symbol)
    uses.push_back({symbol, role});
}
