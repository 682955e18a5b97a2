// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of norms: how they run and what they read. Tested by test/unit/dialects/StepTest.cpp.

#include "dialects/lm/norm/Norm.h"

using namespace mlir;
using namespace lmopt::lm;

Motion RmsNormOp::getMotion() { return Motion::Rows; }
bool RmsNormOp::mixesRows() { return false; }
void RmsNormOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Vector);
}
Cost RmsNormOp::getCost() { return {}; }

Motion LayerNormOp::getMotion() { return Motion::Rows; }
bool LayerNormOp::mixesRows() { return false; }
void LayerNormOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Vector);
  addUse(uses, getBiasAttr(), WeightUse::Role::Vector);
}
Cost LayerNormOp::getCost() { return {}; }

Motion L2NormalizeOp::getMotion() { return Motion::Rows; }
bool L2NormalizeOp::mixesRows() { return false; }
void L2NormalizeOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost L2NormalizeOp::getCost() { return {}; }
