// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of the parts of a model ("layers.3.attn.q") on ops: the discardable attribute `lm.part`.
//
// Passes choose layers by these names, reports and artifacts tell them; so they are data, not debug information, and
// survive text, bytecode, clones and every print form. Locations carry them too while a module is in memory, for the
// sake of messages; nothing but messages depends on that. What replaces an op takes its name (takePartName), what is
// put beside a value is named after its maker (nameAfter). Ops without a name are fine: hand-written modules have none.
// Tested by test/dialects/lm/part-names.mlir, test/unit/dialects/BuildersTest.cpp and test/tools/lmopt/piecewise.sh.
#ifndef LMOPT_DIALECTS_LM_PARTNAMES_H
#define LMOPT_DIALECTS_LM_PARTNAMES_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"

namespace lmopt::lm {

inline constexpr llvm::StringLiteral kPartAttribute = "lm.part";

/// An empty name is none.
void setPartName(mlir::Operation *op, llvm::StringRef name);
/// For an op that takes the place of another.
void takePartName(mlir::Operation *op, mlir::Operation *replaced);
/// For an op that works on `value`: NAME.SUFFIX when the value's maker has a name.
void nameAfter(mlir::Operation *op, mlir::Value value, llvm::StringRef suffix);

/// Modules from before names were attributes have them in locations, loc("layers.3.attn.q"): makes attributes of them.
void adoptLocationNames(mlir::Operation *root);
/// The other way, for the messages about a module that was read from text; params too.
void nameLocations(mlir::Operation *root);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_PARTNAMES_H
