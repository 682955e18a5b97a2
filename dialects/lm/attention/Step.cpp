// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of lm.attention and of its halves: how they run and what they read. Tested by
// test/unit/dialects/StepTest.cpp.

#include "dialects/lm/attention/Attention.h"

using namespace mlir;
using namespace lmopt::lm;

// q . k and p v of every head.
template <typename Op>
static Cost costOf(Op op) {
  return {0, 2 * int64_t(op.getHeads()) * (op.getHeadWidth() + op.getValueWidth())};
}

Motion AttentionOp::getMotion() { return Motion::Kernel; }
bool AttentionOp::mixesRows() { return true; }
bool AttentionOp::isBoundToToken() { return true; }

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

Cost AttentionOp::getCost() { return costOf(*this); }

State AttentionOp::getState() { return {/*perPosition=*/static_cast<bool>(getCache())}; }

//===- lm.cache_append -------------------------------------------------------------------------------------------===//

Motion CacheAppendOp::getMotion() { return Motion::Kernel; }
bool CacheAppendOp::mixesRows() { return false; }
bool CacheAppendOp::isBoundToToken() { return true; }

void CacheAppendOp::getAccesses(SmallVectorImpl<Access> &accesses) {
  accesses.push_back({getKey()});
  accesses.push_back({getValue()});
  accesses.push_back({Value(), /*write=*/true});
}

void CacheAppendOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost CacheAppendOp::getCost() { return {}; }
State CacheAppendOp::getState() { return {/*perPosition=*/true}; }

//===- lm.attend -------------------------------------------------------------------------------------------------===//

Motion AttendOp::getMotion() { return Motion::Kernel; }
bool AttendOp::mixesRows() { return true; }
bool AttendOp::isBoundToToken() { return true; }

void AttendOp::getAccesses(SmallVectorImpl<Access> &accesses) {
  accesses.push_back({getQuery()});
  accesses.push_back({Value(), /*write=*/false, Access::Reach::Segment});
  accesses.push_back({getResult(), /*write=*/true});
}

void AttendOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost AttendOp::getCost() { return costOf(*this); }
State AttendOp::getState() { return {/*perPosition=*/true}; }
