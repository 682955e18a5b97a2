// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of lm.pool: how they run and what they read. Tested by test/unit/dialects/StepTest.cpp.

#include "dialects/lm/pooling/Pooling.h"

using namespace mlir;
using namespace lmopt::lm;

Motion PoolOp::getMotion() { return Motion::Kernel; }
bool PoolOp::mixesRows() { return true; }

void PoolOp::getAccesses(SmallVectorImpl<Access> &accesses) {
  accesses.push_back({getInput(), /*write=*/false, Access::Reach::Segment});
  accesses.push_back({getLengths()});
  accesses.push_back({getResult(), /*write=*/true});
}

void PoolOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost PoolOp::getCost() { return {}; }
