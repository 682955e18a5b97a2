// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of the ops of Elementwise.td: how they run and what they read. Tested by test/unit/dialects/StepTest.cpp.

#include "dialects/lm/elementwise/Elementwise.h"

using namespace mlir;
using namespace lmopt::lm;

Motion AddOp::getMotion() { return Motion::Rows; }
bool AddOp::mixesRows() { return false; }
bool AddOp::isBoundToToken() { return false; }
void AddOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost AddOp::getCost() { return {}; }

Motion BiasAddOp::getMotion() { return Motion::Rows; }
bool BiasAddOp::mixesRows() { return false; }
bool BiasAddOp::isBoundToToken() { return false; }
void BiasAddOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getVectorAttr(), WeightUse::Role::Vector);
}
Cost BiasAddOp::getCost() { return {}; }

Motion ActivationOp::getMotion() { return Motion::Rows; }
bool ActivationOp::mixesRows() { return false; }
bool ActivationOp::isBoundToToken() { return false; }
void ActivationOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost ActivationOp::getCost() { return {}; }

Motion GatedProductOp::getMotion() { return Motion::Rows; }
bool GatedProductOp::mixesRows() { return false; }
bool GatedProductOp::isBoundToToken() { return false; }
void GatedProductOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost GatedProductOp::getCost() { return {}; }

Motion SoftCapOp::getMotion() { return Motion::Rows; }
bool SoftCapOp::mixesRows() { return false; }
bool SoftCapOp::isBoundToToken() { return false; }
void SoftCapOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost SoftCapOp::getCost() { return {}; }
