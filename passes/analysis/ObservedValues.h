// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The values that calibration watches: what linears read. One list for those who measure (lm-observe, `lmopt
// calibrate`) and those who use what was measured (Statistics.h), so that both mean the same value by a name.
//
// In: a module and a selection of layers. Out: each distinct input of the selected linears, in the order of the model.
// Tested by test/passes/observe and test/unit/passes/StatisticsTest.cpp.
#ifndef LMOPT_PASSES_ANALYSIS_OBSERVEDVALUES_H
#define LMOPT_PASSES_ANALYSIS_OBSERVEDVALUES_H

#include "passes/analysis/LayerSelection.h"

#include "llvm/ADT/SmallVector.h"

#include <string>

namespace lmopt::lm {

struct ObservedValue {
  mlir::Value value; ///< rows of f32; where a linear reads codes, what was quantized
  std::string name;  ///< of the first linear that reads it: layers.3.attn.q
  /// How it is computed from the sum that the layer reads (the residual stream), weights included, as a hash. What
  /// changes the basis of the value, like a folded norm or removed neurons, changes this; where the files lie does not.
  /// What undoes itself, like a rotation with that of the weights, and roundings do not (ValueDescription.h).
  std::string fingerprint;

  /// When the value is x diag(times) H, x something that could have been measured: `times`, or null; the blocks of H,
  /// or 0; the fingerprint of x. Empty otherwise.
  mlir::Attribute times = nullptr;
  int64_t rotated = 0;
  std::string origin = "";

  int64_t width() const { return llvm::cast<mlir::ShapedType>(value.getType()).getShape().back(); }
};

/// Not those behind the pooling: they have a row for each sequence.
llvm::SmallVector<ObservedValue> findObservedValues(mlir::ModuleOp module, const LayerSelection &selection);

/// A hash of 128 bits, in hexadecimal.
std::string fingerprint(llvm::StringRef bytes);

/// Which files the model was made from (lm.source), as a hash: the same layers with other weights are another model.
std::string sourceFingerprint(mlir::ModuleOp module);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_OBSERVEDVALUES_H
