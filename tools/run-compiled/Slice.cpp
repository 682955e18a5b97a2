// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Slices and steps; see Slice.h.
#include "tools/run-compiled/Slice.h"

#include "codegen/plan/FormSteps.h"
#include "dialects/lm/Lm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace lmopt {

static bool isCache(Value value) { return isa<lm::CacheType>(value.getType()); }

/// Whether an op needs what made the value. A cache is state, and where a slice begins; but what lm.attend reads was
/// appended for it.
static bool needsMaker(Operation *op, Value operand) {
  return !isCache(operand) || (isa<lm::AttendOp>(op) && operand.getDefiningOp<lm::CacheAppendOp>());
}

static llvm::DenseSet<Operation *> producersOf(Value root) {
  llvm::DenseSet<Operation *> found;
  std::vector<Value> work = {root};
  while (!work.empty()) {
    Operation *op = work.back().getDefiningOp();
    work.pop_back();
    if (!op || !found.insert(op).second)
      continue;
    for (Value operand : op->getOperands())
      if (needsMaker(op, operand))
        work.push_back(operand);
  }
  return found;
}

/// The cache that an op appends to, and the layer; null for an op that appends to none.
static std::pair<Value, int64_t> appendedBy(Operation *op) {
  if (auto attention = dyn_cast<lm::AttentionOp>(op))
    return {attention.getCache(), attention.getLayer()};
  if (auto append = dyn_cast<lm::CacheAppendOp>(op))
    return {append.getCache(), append.getLayer()};
  return {};
}

// Which cache the slice begins with. A cache has one part for each layer, so a step reads and appends to it once.
static LogicalResult findCache(Slice &slice, const llvm::DenseSet<Operation *> &inside) {
  llvm::DenseSet<int64_t> layers;
  for (Operation *op : slice.ops) {
    auto [cache, layer] = appendedBy(op);
    if (!cache)
      continue;
    if (!layers.insert(layer).second)
      return plan::refuse(op, "layer " + Twine(layer) + " attends twice before one result; give them numbers");
    if (inside.contains(cache.getDefiningOp()))
      continue;
    if (slice.cache)
      return plan::refuse(op, "a result that needs two caches is not supported");
    slice.cache = cache;
  }
  return success();
}

static FailureOr<Slice> sliceOf(Block &block, Value root) {
  llvm::DenseSet<Operation *> inside = producersOf(root);
  Slice slice;
  slice.root = root;
  for (Operation &op : block)
    if (inside.contains(&op))
      slice.ops.push_back(&op);
  if (failed(findCache(slice, inside)))
    return failure();
  return slice;
}

// The same op, constants aside, on what `known` says are the same values.
static bool isAlike(Operation *a, Operation *b, const llvm::DenseMap<Value, Value> &known) {
  bool constants = isa<arith::ConstantOp>(a) && isa<arith::ConstantOp>(b);
  if (a->getName() != b->getName() || (!constants && a->getAttrDictionary() != b->getAttrDictionary()) ||
      a->getNumOperands() != b->getNumOperands())
    return false;
  return llvm::all_of(llvm::zip_equal(a->getOperands(), b->getOperands()), [&](auto pair) {
    auto [x, y] = pair;
    auto found = known.find(x);
    return found == known.end() ? x == y : found->second == y;
  });
}

static bool isAlike(const Slice &a, const Slice &b) {
  if (a.ops.size() != b.ops.size())
    return false;
  llvm::DenseMap<Value, Value> known = {{a.cache, b.cache}};
  for (auto [x, y] : llvm::zip_equal(a.ops, b.ops)) {
    if (!isAlike(x, y, known))
      return false;
    for (auto [from, to] : llvm::zip_equal(x->getResults(), y->getResults()))
      known[from] = to;
  }
  return known.lookup(a.root) == b.root;
}

// The slice that ends before `later`: that of a result which needs `maker` too.
static FailureOr<Slice> findStepBefore(func::ReturnOp op, const Slice &later, Operation *maker) {
  for (Value operand : op.getOperands()) {
    if (isCache(operand) || operand == later.root)
      continue;
    FailureOr<Slice> slice = sliceOf(*op->getBlock(), operand);
    if (failed(slice))
      return failure();
    if (llvm::is_contained(slice->ops, maker) && isAlike(*slice, later))
      return slice;
  }
  return plan::refuse(maker,
                      "its cache is read by a later step; expected that step to be made of the same ops and its rows "
                      "here to be a result, too");
}

FailureOr<std::vector<Slice>> findSteps(func::ReturnOp op, unsigned result) {
  FailureOr<Slice> last = sliceOf(*op->getBlock(), op.getOperand(result));
  if (failed(last))
    return failure();
  std::vector<Slice> steps = {*last};
  while (steps.front().cache && steps.front().cache.getDefiningOp()) {
    FailureOr<Slice> before = findStepBefore(op, steps.front(), steps.front().cache.getDefiningOp());
    if (failed(before))
      return failure();
    steps.insert(steps.begin(), *before);
  }
  return steps;
}

} // namespace lmopt
