// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of lm.attention: how they run and what they read. Tested by test/unit/dialects/StepTest.cpp.

#include "dialects/lm/attention/Attention.h"

using namespace mlir;
using namespace lmopt::lm;

Motion AttentionOp::getMotion() { return Motion::Kernel; }
bool AttentionOp::mixesRows() { return true; }

void AttentionOp::getAccesses(SmallVectorImpl<Access> &accesses) {
  accesses.push_back({getQuery()});
  accesses.push_back({getKey(), /*write=*/false, Access::Reach::Segment});
  accesses.push_back({getValue(), /*write=*/false, Access::Reach::Segment});
  if (getLengths())
    accesses.push_back({getLengths()});
  if (getCache()) {
    accesses.push_back({Value(), /*write=*/false, Access::Reach::Segment});
    accesses.push_back({Value(), /*write=*/true});
  }
  accesses.push_back({getResult(), /*write=*/true});
}

void AttentionOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}

// q . k and p v of every head.
Cost AttentionOp::getCost() { return {0, 2 * int64_t(getHeads()) * (getHeadWidth() + getValueWidth())}; }

State AttentionOp::getState() { return {/*perPosition=*/static_cast<bool>(getCache())}; }
