// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Halves of layers: what adds something to the rows that pass by.
//
//     before -> ... -> last -> sum with `before` (-> norm)
//
// In: a linear whose results are added to rows. Out: the ops between those rows and the sum, the norm behind the sum
// with them where the norm stands there (BERT); or why they are no half. Used by lm-drop-layers, and by calibration,
// which measures how much a half changes the rows. Tested by test/passes/drop-layers and
// test/unit/models/CalibrationTest.cpp.
#ifndef LMOPT_PASSES_ANALYSIS_LAYERHALVES_H
#define LMOPT_PASSES_ANALYSIS_LAYERHALVES_H

#include "passes/analysis/LayerSelection.h"

#include "dialects/lm/Lm.h"
#include "llvm/ADT/SetVector.h"

#include <string>
#include <vector>

namespace lmopt::lm {

struct LayerHalf {
  LinearOp last;
  AddOp sum;
  mlir::Operation *end = nullptr; ///< the sum, or the norm behind it
  llvm::SetVector<mlir::Operation *> ops = {};

  /// The rows that it reads and adds to.
  mlir::Value before() { return sum.getLhs() == last.getResult() ? sum.getRhs() : sum.getLhs(); }
  /// Those behind it.
  mlir::Value after() const { return end->getResult(0); }
  AttentionOp attention() const;
};

/// The sum that a half ends in, if that linear is the last of one.
AddOp sumBehind(LinearOp last);

/// Fills in what belongs to a half of which the last linear and the sum are known. Why it is none, or an empty string.
std::string completeHalf(LayerHalf &half);

/// All halves of a model, in its order.
std::vector<LayerHalf> findLayerHalves(mlir::ModuleOp module);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_LAYERHALVES_H
