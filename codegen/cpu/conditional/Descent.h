// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tokens walk down a tree of neurons: used by NeuronTree.cpp and Gates.cpp. Tested through them.
#ifndef LMOPT_CODEGEN_CPU_CONDITIONAL_DESCENT_H
#define LMOPT_CODEGEN_CPU_CONDITIONAL_DESCENT_H

#include "codegen/cpu/KernelLibrary.h"
#include "codegen/cpu/conditional/Lists.h"
#include "codegen/cpu/conditional/NeuronTree.h"

namespace lmopt::cpu {

/// 16 numbers of a row as f32.
mlir::Value loadNumbers(Emitter &e, RowNumber format, mlir::Value address);

/// What a tree is, as values of the kernel: the rows of the block, its neurons' rows, their numbers, their exact rows.
struct TreeValues {
  mlir::Value in, rows, numbers, exact, scratch;
  llvm::SmallVector<mlir::Value> all() const { return {in, rows, numbers, exact, scratch}; }
};

/// All of a block. `emitFirst` takes tokens from the root down `firstLevels` and orders them; then `emitRest` takes a
/// range of the list (tileTokens at most) to its end. The list is then in tokensOffset(endList) with the last neuron of
/// each in neuronsOffset(endList), the numbers a_l in numbersOffset.
class Descent {
public:
  Descent(KernelLibrary &kernels, const DescentSpec &spec);
  void emitFirst(Emitter &e, const TreeValues &tree, mlir::Value count, bool firstTree) const;
  void emitRest(Emitter &e, const TreeValues &tree, mlir::Value begin, mlir::Value end, mlir::Value count) const;
  /// The whole walk of a few tokens; the list is then that of tokensOffset(0).
  void emitWalk(Emitter &e, const TreeValues &tree, mlir::Value count, bool firstTree) const;
  int64_t endList() const { return listAfter(spec.levels, spec.firstLevels() < spec.levels); }

private:
  int64_t listAfter(int64_t levels, bool ordered) const;
  void emitSteps(Emitter &e, const TreeValues &tree, mlir::Value begin, mlir::Value end, mlir::Value count,
                 int64_t from, int64_t to, bool ordered) const;
  const DescentSpec &spec;
  std::string pairs, lastPair, lastSingle, order, reaches, walk;
};

} // namespace lmopt::cpu

#endif
