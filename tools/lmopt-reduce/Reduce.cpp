// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Reduce.h.

#include "tools/lmopt-reduce/Reduce.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace lmopt;

/// Operands that can stand for the results, one of the same type for each; empty when there are none.
static SmallVector<Value> findReplacements(Operation *op) {
  SmallVector<Value> replacements;
  for (Type type : op->getResultTypes()) {
    auto same = llvm::find_if(op->getOperands(), [&](Value operand) { return operand.getType() == type; });
    if (same == op->operand_end())
      return {};
    replacements.push_back(*same);
  }
  return replacements;
}

/// What a reduction tries to take out, in a fixed order: ops that can be bypassed and functions, last first; the ops of
/// a function stand before it.
static SmallVector<Operation *> findCandidates(ModuleOp module) {
  SmallVector<Operation *> candidates;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    bool isLm = op->getDialect() && isa<lm::LMDialect>(op->getDialect());
    if (isa<FunctionOpInterface>(op) || (isLm && !findReplacements(op).empty()))
      candidates.push_back(op);
  });
  std::reverse(candidates.begin(), candidates.end());
  return candidates;
}

static void takeOut(Operation *op) {
  SmallVector<Value> replacements = findReplacements(op);
  if (!replacements.empty())
    op->replaceAllUsesWith(replacements);
  op->erase();
}

/// Erases what nothing uses: values without users and params that no op names.
static void eraseUnused(ModuleOp module) {
  SmallVector<Operation *> ops;
  module.walk([&](Operation *op) { ops.push_back(op); });
  for (Operation *op : llvm::reverse(ops)) {
    bool isUnusedParam = isa<lm::ParamOp>(op) && SymbolTable::symbolKnownUseEmpty(op, module);
    if (isUnusedParam || (op->getNumResults() > 0 && isOpTriviallyDead(op)))
      op->erase();
  }
}

/// The module without candidates [begin, end), or null when that is not a module or not interesting.
static OwningOpRef<ModuleOp> tryWithout(ModuleOp module, size_t begin, size_t end,
                                        function_ref<bool(ModuleOp)> isInteresting) {
  OwningOpRef<ModuleOp> smaller(module.clone());
  SmallVector<Operation *> candidates = findCandidates(*smaller);
  for (Operation *op : ArrayRef(candidates).slice(begin, end - begin))
    takeOut(op); // a function comes after its ops, so no pointer dangles
  eraseUnused(*smaller);
  ScopedDiagnosticHandler silence(smaller->getContext(), [](Diagnostic &) { return success(); });
  if (failed(verify(*smaller)) || !isInteresting(*smaller))
    return {};
  return smaller;
}

OwningOpRef<ModuleOp> lmopt::reduceModule(OwningOpRef<ModuleOp> module, function_ref<bool(ModuleOp)> isInteresting) {
  bool changed = true;
  while (changed) {
    changed = false;
    size_t count = findCandidates(*module).size();
    for (size_t size = std::max<size_t>(count, 1); size >= 1; size /= 2)
      for (size_t begin = 0; begin < (count = findCandidates(*module).size());) {
        OwningOpRef<ModuleOp> smaller = tryWithout(*module, begin, std::min(begin + size, count), isInteresting);
        if (!smaller) {
          begin += size;
          continue;
        }
        module = std::move(smaller); // what followed has moved to `begin`
        changed = true;
      }
  }
  return module;
}
