// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C++ of Step.td and the words in which ops state their facts.

#ifndef LMOPT_DIALECTS_LM_INTERFACES_STEP_H
#define LMOPT_DIALECTS_LM_INTERFACES_STEP_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpDefinition.h"

#include <optional>

namespace lmopt::lm {

/// `Rows`: row-wise, may run fused with its neighbours. `Kernel`: a kernel of its own.
enum class Motion { Rows, Kernel };

/// Rows that are touched to make one row of the results.
struct Access {
  /// `Own`: the row of the same number. `Segment`: any row of the same sequence; of the state, at any position.
  enum class Reach { Own, Segment };
  mlir::Value value; ///< null: the state
  bool write = false;
  Reach reach = Reach::Own;
};

struct WeightUse {
  /// `Matrix`: multiplied, all of it. `Table`: a row of it is picked. `Vector`: as wide as a row. `Distances`: numbers
  /// of it are added to what is made of two rows.
  enum class Role { Matrix, Table, Vector, Distances };
  mlir::FlatSymbolRefAttr symbol;
  Role role;
};

/// Multiplications and additions of products; what is done number by number counts as nothing beside them.
struct Cost {
  int64_t flopsPerRow = 0;
  int64_t flopsPerPair = 0; ///< for each pair of a row and a position that it sees
  double weightShare = 1;   ///< of the weights that one row reads
};

/// What an op keeps from step to step.
struct State {
  bool perPosition = false; ///< grows with each position, as keys and values do
  bool perSequence = false; ///< of one size for each sequence
};

/// The accesses of an op that makes each row from its operands' rows of the same number.
void addOwnRows(mlir::Operation *op, llvm::SmallVectorImpl<Access> &accesses);
/// Nothing for a null symbol.
void addUse(llvm::SmallVectorImpl<WeightUse> &uses, mlir::FlatSymbolRefAttr symbol, WeightUse::Role role);

} // namespace lmopt::lm

#include "dialects/lm/interfaces/Step.h.inc"

#endif // LMOPT_DIALECTS_LM_INTERFACES_STEP_H
