// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of lm.top_linear, of logits by classes, by a preview and by a tree: how they run and what they read. Tested
// by test/unit/dialects/StepTest.cpp.

#include "dialects/lm/ranking/Ranking.h"

#include "dialects/lm/Verify.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace lmopt::lm;

Motion TopLinearOp::getMotion() { return Motion::Kernel; }
bool TopLinearOp::mixesRows() { return false; }
bool TopLinearOp::isBoundToToken() { return false; }
void TopLinearOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Matrix);
  addUse(uses, getBiasAttr(), WeightUse::Role::Vector);
}

/// At the least: the rows of W whose results are wanted. What else a bound does not rule out depends on the numbers.
Cost TopLinearOp::getCost() {
  double share = double(getCount()) / double(widthOf(getResult()));
  return {2 * widthOf(getInput()) * int64_t(getCount()), 0, share};
}

Motion ClassLogitsOp::getMotion() { return Motion::Kernel; }
bool ClassLogitsOp::mixesRows() { return false; }
bool ClassLogitsOp::isBoundToToken() { return false; }
void ClassLogitsOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost ClassLogitsOp::getCost() { return {}; }

Motion TopClassLinearOp::getMotion() { return Motion::Kernel; }
bool TopClassLinearOp::mixesRows() { return false; }
bool TopClassLinearOp::isBoundToToken() { return false; }
void TopClassLinearOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Matrix);
  addUse(uses, getBiasAttr(), WeightUse::Role::Vector);
}

/// At the least: one class of the mean size, of those that have products. How many are opened depends on the numbers.
Cost TopClassLinearOp::getCost() {
  ClassesAttr words = getClasses();
  int64_t classes = static_cast<int64_t>(words.getSizes().size()) - words.getSingles();
  return {2 * widthOf(getInput()) * (words.getSharing() / classes), 0, 1.0 / double(classes)};
}

Motion PreviewLinearOp::getMotion() { return Motion::Kernel; }
bool PreviewLinearOp::mixesRows() { return false; }
bool PreviewLinearOp::isBoundToToken() { return false; }
void PreviewLinearOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Matrix);
  addUse(uses, getBiasAttr(), WeightUse::Role::Vector);
}

/// Of the rows of W that are wanted; panels have others with them.
Cost PreviewLinearOp::getCost() {
  double share = double(getCount()) / double(widthOf(getResult()));
  return {2 * widthOf(getInput()) * int64_t(getCount()), 0, share};
}

Motion TreeLogitsOp::getMotion() { return Motion::Kernel; }
bool TreeLogitsOp::mixesRows() { return false; }
bool TreeLogitsOp::isBoundToToken() { return false; }
void TreeLogitsOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost TreeLogitsOp::getCost() { return {}; }

Motion TreeScoreOp::getMotion() { return Motion::Kernel; }
bool TreeScoreOp::mixesRows() { return false; }
bool TreeScoreOp::isBoundToToken() { return true; }
void TreeScoreOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Matrix);
  addUse(uses, getBiasAttr(), WeightUse::Role::Vector);
}

/// Of a way as long as in a balanced tree; those of frequent words are shorter.
Cost TreeScoreOp::getCost() {
  auto nodes = static_cast<int64_t>(llvm::Log2_64_Ceil(static_cast<uint64_t>(getTree().getWords())));
  return {2 * widthOf(getInput()) * nodes, 0, double(nodes) / double(getTree().getNodes())};
}
