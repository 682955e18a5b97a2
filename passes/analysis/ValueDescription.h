// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a value is computed from the sum that its layer reads (the residual stream), weights included, as text, and what
// exact rewrites have made of it since: values that were scaled or rotated, with the weights that undo it, are still
// the values that were measured, up to rounding.
//
// In: a value. Out: its text, in which are undone
//   lm.rotate and #lm.rotate_columns of the linears that read it, a rotated embedding (lm-rotate);
//   #lm.scale_rows of what makes a value, or the values of attention, and #lm.scale_columns of the linears that read it
//   (lm-migrate-scales);
//   #lm.permute_rope and #lm.scale of queries and keys and what they changed of lm.attention (lm-normalize-rope,
//   lm-fold-attention-scale);
//   roundings: quantized, narrowed and native weights, quantized activations, the element of attention; zeros that
//     lm-sparsify has made, for which what stays of a weight makes up.
// What is none of these (folded norms, removed neurons) changes the text. Tested by
// test/unit/models/FittedRoundingTest.cpp.
#ifndef LMOPT_PASSES_ANALYSIS_VALUEDESCRIPTION_H
#define LMOPT_PASSES_ANALYSIS_VALUEDESCRIPTION_H

#include "dialects/lm/Lm.h"

#include "llvm/ADT/DenseMap.h"

#include <string>

namespace lmopt::lm {

/// What a value is beside what was measured: x diag(times) H, its rows permuted or scaled for attention.
struct Rewritten {
  mlir::Attribute times;   ///< a dense f32 vector, or null
  int64_t rotated = 0;     ///< blocks of H, or 0
  mlir::Attribute permute; ///< the #lm.permute_rope, or null: not of a value that linears read
  double factor = 1;       ///< of #lm.scale; likewise

  bool isNone() const { return !times && rotated == 0 && isForLinears(); }
  bool isForLinears() const { return !permute && factor == 1; }
};

class ValueDescriptions {
public:
  explicit ValueDescriptions(mlir::ModuleOp module);

  Rewritten rewritten(mlir::Value value);
  /// The text of what the value was before it was `rewritten`.
  std::string describe(mlir::Value value);

private:
  friend class DescriptionWriter;
  llvm::DenseMap<mlir::Operation *, unsigned> sums; ///< the additions of the model, numbered
  llvm::DenseMap<mlir::Operation *, Rewritten> known;

  Rewritten find(mlir::Operation *op);
  mlir::Attribute timesOfResult(AttentionOp attention);
};

/// The attribute as text, files without their folders: the same files elsewhere are the same files.
std::string textOf(mlir::Attribute attribute);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_VALUEDESCRIPTION_H
