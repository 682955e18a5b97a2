// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of lm.embedding and lm.add_positions: how they run and what they read. Tested by
// test/unit/dialects/StepTest.cpp.

#include "dialects/lm/embedding/Embedding.h"

using namespace mlir;
using namespace lmopt::lm;

Motion EmbeddingOp::getMotion() { return Motion::Rows; }
bool EmbeddingOp::mixesRows() { return false; }
void EmbeddingOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getTableAttr(), WeightUse::Role::Table);
}
Cost EmbeddingOp::getCost() { return {}; }

Motion AddPositionsOp::getMotion() { return Motion::Rows; }
bool AddPositionsOp::mixesRows() { return false; }
void AddPositionsOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getTableAttr(), WeightUse::Role::Table);
}
Cost AddPositionsOp::getCost() { return {}; }
