// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A pipeline whose passes get statistics as they need them: before the first pass that wants some (option `stats`,
// empty), the model is measured as it stands there; again before a later one when passes have changed what linears
// read since.
//
// In: passes, a model, a text. Out: the model behind all passes, and files OUTPUT.stats, OUTPUT.2.stats, ..., which its
// weights may be computed from until they are packed. A file that is there already and was measured on the same model
// and text is used again, so work that was interrupted goes on. Tested by test/tools/lmopt/compile-calibrate.sh.
#ifndef LMOPT_TOOLS_LMOPT_CALIBRATEDPASSES_H
#define LMOPT_TOOLS_LMOPT_CALIBRATEDPASSES_H

#include "tools/lmopt/CalibrationText.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace lmopt::driver {

struct CalibratedRun {
  CalibrationText text;
  std::string output;              ///< what the names of the files begin with
  CalibrationSettings measurement; ///< but for output and baseDirectory
};

/// Adds the names of the files to `files`. An empty message: MLIR has told what is wrong.
Result<void> runCalibrated(mlir::OpPassManager &passes, ImportedModel &model, const CalibratedRun &how,
                           std::vector<std::string> &files);

/// Whether some pass wants statistics that nobody named.
bool wantsStatistics(mlir::OpPassManager &passes);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_CALIBRATEDPASSES_H
