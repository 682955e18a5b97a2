// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of lm.attention and of its halves: how they run and what they read. Tested by
// test/unit/dialects/StepTest.cpp.

#include "dialects/lm/attention/Attention.h"
#include "dialects/lm/param/Param.h"

using namespace mlir;
using namespace lmopt::lm;

// q . k and p v of every head; of projected ones a row sees `rank`, or fewer in a short sequence.
template <typename Op>
static Cost costOf(Op op) {
  const int64_t pair = 2 * int64_t(op.getHeads()) * (op.getHeadWidth() + op.getValueWidth());
  if (ProjectionAttr projection = op.getProjectionAttr())
    return {projection.getRank() * pair, 0};
  return {0, pair};
}

// Every key and value goes into all rows of a learned projection.
template <typename Op>
static Cost projectionCost(Op op) {
  ProjectionAttr projection = op.getProjectionAttr();
  const bool isLearned = projection && projection.isLearned();
  return {isLearned ? 2 * projection.getRank() * int64_t(op.getKvHeads()) * (op.getHeadWidth() + op.getValueWidth())
                    : 0};
}

template <typename Op>
static void addProjections(Op op, SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, op.getKeyProjectionAttr(), WeightUse::Role::Matrix);
  if (op.getValueProjectionAttr() != op.getKeyProjectionAttr())
    addUse(uses, op.getValueProjectionAttr(), WeightUse::Role::Matrix);
}

template <typename Op>
static std::optional<int64_t> longestProjected(Op op) {
  FlatSymbolRefAttr matrix = op.getKeyProjectionAttr();
  return matrix ? std::optional(lookupParam(op, matrix).getShape()[1]) : std::nullopt;
}

// Rows of a learned projection are as many for every sequence.
template <typename Op>
static State stateOf(Op op) {
  ProjectionAttr projection = op.getProjectionAttr();
  const bool isLearned = projection && projection.isLearned();
  return {/*perPosition=*/!isLearned, /*perSequence=*/isLearned};
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

void AttentionOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addProjections(*this, uses);
  addUse(uses, getDistanceTable(), WeightUse::Role::Distances);
}

Cost AttentionOp::getCost() {
  Cost cost = costOf(*this);
  cost.flopsPerRow += projectionCost(*this).flopsPerRow;
  return cost;
}
std::optional<int64_t> AttentionOp::getPositionLimit() { return longestProjected(*this); }

State AttentionOp::getState() { return {/*perPosition=*/static_cast<bool>(getCache())}; }

//===- lm.cache_append -------------------------------------------------------------------------------------------===//

Motion CacheAppendOp::getMotion() { return Motion::Kernel; }
bool CacheAppendOp::mixesRows() { return false; }
bool CacheAppendOp::isBoundToToken() { return true; }

void CacheAppendOp::getAccesses(SmallVectorImpl<Access> &accesses) {
  const auto reach = getProjection() ? Access::Reach::Segment : Access::Reach::Own;
  accesses.push_back({getKey(), /*write=*/false, reach});
  accesses.push_back({getValue(), /*write=*/false, reach});
  accesses.push_back({Value(), /*write=*/true, reach});
}

void CacheAppendOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) { addProjections(*this, uses); }
Cost CacheAppendOp::getCost() { return projectionCost(*this); }
State CacheAppendOp::getState() { return stateOf(*this); }
std::optional<int64_t> CacheAppendOp::getPositionLimit() { return longestProjected(*this); }

//===- lm.attend -------------------------------------------------------------------------------------------------===//

Motion AttendOp::getMotion() { return Motion::Kernel; }
bool AttendOp::mixesRows() { return true; }
bool AttendOp::isBoundToToken() { return true; }

void AttendOp::getAccesses(SmallVectorImpl<Access> &accesses) {
  accesses.push_back({getQuery()});
  accesses.push_back({Value(), /*write=*/false, Access::Reach::Segment});
  accesses.push_back({getResult(), /*write=*/true});
}

void AttendOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getDistanceTable(), WeightUse::Role::Distances);
}
Cost AttendOp::getCost() { return costOf(*this); }
State AttendOp::getState() { return stateOf(*this); }
