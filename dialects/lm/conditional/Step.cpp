// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of conditional layers: how they run and what they read. Costs are of what a row uses. Tested by
// test/unit/dialects/StepTest.cpp.

#include "dialects/lm/conditional/Conditional.h"

#include "dialects/lm/Verify.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lmopt::lm;

/// Rows of the matrix that a symbol names; the op has been verified.
static int64_t rowsOf(Operation *op, FlatSymbolRefAttr symbol) {
  SymbolTableCollection tables;
  return lookupParam(tables, op, symbol).getShape()[0];
}

Motion NeuronTreeOp::getMotion() { return Motion::Kernel; }
bool NeuronTreeOp::mixesRows() { return false; }
bool NeuronTreeOp::isBoundToToken() { return false; }
void NeuronTreeOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Matrix);
  addUse(uses, getBiasAttr(), WeightUse::Role::Vector);
  addUse(uses, getValuesAttr(), WeightUse::Role::Matrix);
  addUse(uses, getNarrowAttr(), WeightUse::Role::Matrix);
}

/// A way through each tree.
Cost NeuronTreeOp::getCost() {
  auto trees = static_cast<int64_t>(getTrees());
  int64_t rows = rowsOf(*this, getWeightAttr()), visited = trees * levelsOf(rows, trees);
  return {2 * visited * (widthOf(getInput()) + widthOf(getResult())), 0, double(visited) / double(rows)};
}

Motion TreeGatesOp::getMotion() { return Motion::Kernel; }
bool TreeGatesOp::mixesRows() { return false; }
bool TreeGatesOp::isBoundToToken() { return false; }
void TreeGatesOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Matrix);
  addUse(uses, getBiasAttr(), WeightUse::Role::Vector);
}

/// One way, or all nodes where several leaves are wanted.
Cost TreeGatesOp::getCost() {
  int64_t nodes = widthOf(getResult()) - 1;
  int64_t visited = getCount() == 1 ? static_cast<int64_t>(llvm::Log2_64(static_cast<uint64_t>(nodes + 1))) : nodes;
  return {2 * visited * widthOf(getInput()), 0, double(visited) / double(nodes)};
}

Motion TopGatesOp::getMotion() { return Motion::Kernel; }
bool TopGatesOp::mixesRows() { return false; }
bool TopGatesOp::isBoundToToken() { return false; }
void TopGatesOp::getWeightUses(SmallVectorImpl<WeightUse> &) {}
Cost TopGatesOp::getCost() { return {}; }

Motion ExpertsOp::getMotion() { return Motion::Kernel; }
bool ExpertsOp::mixesRows() { return false; }
bool ExpertsOp::isBoundToToken() { return false; }
void ExpertsOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Matrix);
  addUse(uses, getBiasAttr(), WeightUse::Role::Vector);
  addUse(uses, getUpAttr(), WeightUse::Role::Matrix);
  addUse(uses, getValuesAttr(), WeightUse::Role::Matrix);
  addUse(uses, getValuesBiasAttr(), WeightUse::Role::Matrix);
}

/// Of as many experts as the op that makes the gates leaves; of all where that is not known.
static int64_t usedExperts(Value gates) {
  if (auto tree = gates.getDefiningOp<TreeGatesOp>())
    return static_cast<int64_t>(tree.getCount());
  if (auto top = gates.getDefiningOp<TopGatesOp>())
    return static_cast<int64_t>(top.getCount());
  return widthOf(gates);
}

/// Of experts in f32 and in codes.
template <class Op>
static Cost costOfExperts(Op op) {
  int64_t experts = widthOf(op.getGates()), used = usedExperts(op.getGates());
  int64_t neurons = rowsOf(op, op.getWeightAttr()) / experts;
  int64_t products = (op.getUpAttr() ? 2 : 1) * widthOf(op.getInput()) + widthOf(op.getResult());
  return {2 * used * neurons * products, 0, double(used) / double(experts)};
}

Cost ExpertsOp::getCost() { return costOfExperts(*this); }

Motion GroupedExpertsOp::getMotion() { return Motion::Kernel; }
bool GroupedExpertsOp::mixesRows() { return false; }
bool GroupedExpertsOp::isBoundToToken() { return false; }
void GroupedExpertsOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Matrix);
  addUse(uses, getUpAttr(), WeightUse::Role::Matrix);
  addUse(uses, getValuesAttr(), WeightUse::Role::Matrix);
}
Cost GroupedExpertsOp::getCost() { return costOfExperts(*this); }

Motion NonzeroLinearOp::getMotion() { return Motion::Kernel; }
bool NonzeroLinearOp::mixesRows() { return false; }
bool NonzeroLinearOp::isBoundToToken() { return false; }
void NonzeroLinearOp::getWeightUses(SmallVectorImpl<WeightUse> &uses) {
  addUse(uses, getWeightAttr(), WeightUse::Role::Matrix);
  addUse(uses, getBiasAttr(), WeightUse::Role::Vector);
}

/// Of all rows: how many numbers are zero is known only when it runs.
Cost NonzeroLinearOp::getCost() { return {2 * widthOf(getInput()) * widthOf(getResult())}; }
