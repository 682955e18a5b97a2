// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which linears a pass works on: patterns over the names of ops (`layers.*.ffn.*`), to take and to skip. Who works on
// mixtures of experts, tables of embeddings, or attentions, says so: their names count then.
//
// In: the pass's `layers` and `skip` options and the module. Out: a yes or no for each op.
// A pattern that matches no linear of the module is an error, because it is a spelling mistake that would silently
// change nothing. Tested by test/passes/rotate/options-invalid.mlir and test/unit/passes/LayerSelectionTest.cpp.
#ifndef LMOPT_PASSES_ANALYSIS_LAYERSELECTION_H
#define LMOPT_PASSES_ANALYSIS_LAYERSELECTION_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/GlobPattern.h"

#include <string>

namespace lmopt::lm {

/// What patterns may name; joined with |.
enum class Selectable : unsigned { Linears = 1, Tables = 2, Experts = 4, Attentions = 8 };
constexpr Selectable operator|(Selectable a, Selectable b) {
  return static_cast<Selectable>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

class LayerSelection {
public:
  /// Reads the patterns; no pattern to take means all. Reports faults at the module and fails.
  static mlir::FailureOr<LayerSelection> create(mlir::ModuleOp module, llvm::ArrayRef<std::string> layers,
                                                llvm::ArrayRef<std::string> skip,
                                                Selectable selectable = Selectable::Linears);

  bool contains(mlir::Operation *op) const { return containsName(getName(op)); }
  bool containsName(llvm::StringRef name) const;

private:
  static llvm::StringRef getName(mlir::Operation *op);

  llvm::SmallVector<llvm::GlobPattern> taken, skipped;
};

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_LAYERSELECTION_H
