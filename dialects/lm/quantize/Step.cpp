// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of the ops of Quantize.td: how they run and what they read. Tested by test/unit/dialects/StepTest.cpp.

#include "dialects/lm/quantize/Quantize.h"

using namespace mlir;
using namespace lmopt::lm;

Motion NarrowOp::getMotion() { return Motion::Rows; }
bool NarrowOp::mixesRows() { return false; }
bool NarrowOp::isBoundToToken() { return false; }
void NarrowOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost NarrowOp::getCost() { return {}; }

Motion RotateOp::getMotion() { return Motion::Rows; }
bool RotateOp::mixesRows() { return false; }
bool RotateOp::isBoundToToken() { return false; }
void RotateOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost RotateOp::getCost() { return {}; }

Motion QuantizeDynamicOp::getMotion() { return Motion::Rows; }
bool QuantizeDynamicOp::mixesRows() { return false; }
bool QuantizeDynamicOp::isBoundToToken() { return false; }
void QuantizeDynamicOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost QuantizeDynamicOp::getCost() { return {}; }

Motion QuantizeGroupsOp::getMotion() { return Motion::Rows; }
bool QuantizeGroupsOp::mixesRows() { return false; }
bool QuantizeGroupsOp::isBoundToToken() { return false; }
void QuantizeGroupsOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost QuantizeGroupsOp::getCost() { return {}; }

Motion FakeQuantizeOp::getMotion() { return Motion::Rows; }
bool FakeQuantizeOp::mixesRows() { return false; }
bool FakeQuantizeOp::isBoundToToken() { return false; }
void FakeQuantizeOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost FakeQuantizeOp::getCost() { return {}; }

Motion QuantizeStaticOp::getMotion() { return Motion::Rows; }
bool QuantizeStaticOp::mixesRows() { return false; }
bool QuantizeStaticOp::isBoundToToken() { return false; }
void QuantizeStaticOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost QuantizeStaticOp::getCost() { return {}; }
