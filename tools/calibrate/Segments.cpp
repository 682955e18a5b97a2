// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cutting a model; see Segments.h.
#include "tools/calibrate/Segments.h"

#include "dialects/lm/LmDialect.h"
#include "tools/calibrate/Moments.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace lmopt {

namespace {

class Cutter {
public:
  Cutter(func::FuncOp function, ArrayRef<lm::ObservedValue> observed, int64_t bytes, bool results, size_t most,
         ArrayRef<KeptTogether> together)
      : block(function.getBody().front()), limit(bytes), results(results), most(most), together(together) {
    for (const lm::ObservedValue &value : observed)
      observedBy[value.value.getDefiningOp()].push_back(value);
  }

  std::vector<ObservedSegment> cut() {
    llvm::SetVector<Value> live;
    for (Operation &op : block.without_terminator()) {
      add(op);
      updateLive(op, live);
      if (Value only = onlyRows(live); only && !isLast(op) && !isInside(op))
        mark(only);
    }
    finish();
    return std::move(segments);
  }

private:
  Block &block;
  int64_t limit;
  bool results;
  size_t most;
  ArrayRef<KeptTogether> together;
  llvm::DenseMap<Operation *, std::vector<lm::ObservedValue>> observedBy;
  std::vector<ObservedSegment> segments;
  /// What has been added since the last cut: up to the last place where one could cut, and behind it.
  ObservedSegment open, behind;
  Value place, input;

  static int64_t bytesOf(const ObservedSegment &segment) {
    int64_t bytes = 0;
    for (const lm::ObservedValue &value : segment.observed)
      bytes += Moments::bytesFor(value.width());
    return bytes;
  }

  bool isTooMuch() const {
    return place && (bytesOf(open) + bytesOf(behind) > limit || open.observed.size() + behind.observed.size() > most);
  }

  void add(Operation &op) {
    behind.segment.ops.push_back(&op);
    auto found = observedBy.find(&op);
    if (found != observedBy.end())
      llvm::append_range(behind.observed, found->second);
  }

  // Values that an op at hand or before has made and one behind reads; a cache goes its own way. And the ids, and what
  // comes with them: where they are read again, there is no cut.
  void updateLive(Operation &op, llvm::SetVector<Value> &live) {
    for (Value result : op.getResults())
      if (!isa<lm::CacheType>(result.getType()))
        live.insert(result);
    live.remove_if([&](Value value) { return !isReadBehind(value, op); });
  }

  static bool isReadBehind(Value value, Operation &op) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) { return op.isBeforeInBlock(user); });
  }

  bool isInside(Operation &op) {
    return llvm::any_of(together, [&](const KeptTogether &ops) {
      Operation *begin = ops.begin.getDefiningOp();
      return (!begin || begin->isBeforeInBlock(&op)) && op.isBeforeInBlock(ops.end.getDefiningOp());
    });
  }

  bool isLast(Operation &op) { return op.getNextNode() == block.getTerminator(); }

  Value onlyRows(const llvm::SetVector<Value> &live) {
    if (live.size() != 1)
      return {};
    Operation *last = behind.segment.ops.back();
    for (BlockArgument argument : block.getArguments())
      if (argument.getArgNumber() != 1 && isReadBehind(argument, *last))
        return {};
    auto type = dyn_cast<RankedTensorType>(live[0].getType());
    return type && type.getRank() == 3 && type.getElementType().isF32() ? live[0] : Value();
  }

  // A place to cut. Where what has come since the last one is too much with what was before, the cut is there.
  void mark(Value only) {
    if (isTooMuch())
      close(place);
    takeBehind();
    place = only;
  }

  void takeBehind() {
    llvm::append_range(open.segment.ops, behind.segment.ops);
    llvm::append_range(open.observed, behind.observed);
    behind = {};
  }

  void close(Value output) {
    open.segment.input = input;
    open.segment.output = output;
    dropUnneeded(open);
    segments.push_back(std::move(open));
    open = {};
    input = output;
    place = {};
  }

  // The rest of the model, if anything is wanted of it.
  void finish() {
    if (isTooMuch() && !behind.observed.empty())
      close(place);
    takeBehind();
    if (open.observed.empty() && !results)
      endHere();
    else
      close(Value());
  }

  void endHere() {
    if (segments.empty())
      return;
    segments.back().segment.output = {};
    dropUnneeded(segments.back());
  }

  void dropUnneeded(ObservedSegment &part) {
    llvm::DenseSet<Operation *> needed;
    std::vector<Value> wanted;
    for (const lm::ObservedValue &value : part.observed)
      wanted.push_back(value.value);
    if (part.segment.output)
      wanted.push_back(part.segment.output);
    else if (results)
      llvm::append_range(wanted, block.getTerminator()->getOperands());
    llvm::DenseSet<Operation *> inside(part.segment.ops.begin(), part.segment.ops.end());
    for (const KeptTogether &ops : together)
      if (inside.contains(ops.end.getDefiningOp()))
        wanted.push_back(ops.end);
    while (!wanted.empty()) {
      Value value = wanted.back();
      wanted.pop_back();
      Operation *op = value.getDefiningOp();
      if (op && value != part.segment.input && inside.contains(op) && needed.insert(op).second)
        llvm::append_range(wanted, op->getOperands());
    }
    llvm::erase_if(part.segment.ops, [&](Operation *op) { return !needed.contains(op); });
  }
};

} // namespace

std::vector<ObservedSegment> cutModel(func::FuncOp function, ArrayRef<lm::ObservedValue> observed, int64_t bytes,
                                      bool results, size_t most, ArrayRef<KeptTogether> together) {
  return Cutter(function, observed, bytes, results, most, together).cut();
}

} // namespace lmopt
