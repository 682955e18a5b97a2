// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of the linears: how they run and what they read. Tested by test/unit/dialects/StepTest.cpp.

#include "dialects/lm/linear/Linear.h"

#include "dialects/lm/Verify.h"

using namespace mlir;
using namespace lmopt::lm;

static void addWeights(LinearLikeOpInterface linear, SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, linear.getWeightAttr(), WeightUse::Role::Matrix);
  addUse(uses, linear.getBiasAttr(), WeightUse::Role::Vector);
}

/// One multiplication and one addition for each number of the matrix.
static Cost costOf(LinearLikeOpInterface linear) {
  return {2 * widthOf(linear.getInput()) * widthOf(linear->getResult(0))};
}

Motion LinearOp::getMotion() { return Motion::Kernel; }
bool LinearOp::mixesRows() { return false; }
bool LinearOp::isBoundToToken() { return false; }
void LinearOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) { addWeights(*this, uses); }
Cost LinearOp::getCost() { return costOf(*this); }

Motion NarrowLinearOp::getMotion() { return Motion::Kernel; }
bool NarrowLinearOp::mixesRows() { return false; }
bool NarrowLinearOp::isBoundToToken() { return false; }
void NarrowLinearOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) { addWeights(*this, uses); }
Cost NarrowLinearOp::getCost() { return costOf(*this); }

Motion QuantizedLinearOp::getMotion() { return Motion::Kernel; }
bool QuantizedLinearOp::mixesRows() { return false; }
bool QuantizedLinearOp::isBoundToToken() { return false; }
void QuantizedLinearOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) { addWeights(*this, uses); }
Cost QuantizedLinearOp::getCost() { return costOf(*this); }

Motion GroupedLinearOp::getMotion() { return Motion::Kernel; }
bool GroupedLinearOp::mixesRows() { return false; }
bool GroupedLinearOp::isBoundToToken() { return false; }
void GroupedLinearOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) { addWeights(*this, uses); }
Cost GroupedLinearOp::getCost() { return costOf(*this); }

Motion CodebookLinearOp::getMotion() { return Motion::Kernel; }
bool CodebookLinearOp::mixesRows() { return false; }
bool CodebookLinearOp::isBoundToToken() { return false; }
void CodebookLinearOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) { addWeights(*this, uses); }
Cost CodebookLinearOp::getCost() { return costOf(*this); }
