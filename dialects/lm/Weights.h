// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values of weights: reads what a `lm.param` stands for, from files or inline numbers, through all derivations.
// In: a param or a weight attribute. Out: numbers, or failure with a diagnostic that names op, file, tensor, what was
// expected, what was found and what to do; no content of a file or module makes it crash.
// Cost: one weight at a time; peak memory is the largest weight as f32 plus its sources.
// Tested by test/unit/dialects/WeightsTest.cpp and test/dialects/lm/weights*.mlir.

#ifndef LMOPT_DIALECTS_LM_WEIGHTS_H
#define LMOPT_DIALECTS_LM_WEIGHTS_H

#include "dialects/lm/param/Param.h"
#include "dialects/lm/weights/WeightData.h"

#include <memory>
#include <string>
#include <vector>

namespace lmopt::lm {

/// Reads weights and keeps the files open that it has seen. read() may be called from several threads.
class WeightReader {
public:
  /// Relative file names start at `baseDirectory` (the folder of model.mlir); "" is the working directory.
  explicit WeightReader(std::string baseDirectory = "");
  ~WeightReader();

  /// The value of a param; its shape and form are those of the type.
  mlir::FailureOr<WeightData> read(ParamOp param);
  /// The value of any weight attribute. `what` names it in diagnostics.
  mlir::FailureOr<WeightData> read(mlir::Attribute weight, mlir::Location loc, llvm::StringRef what = "weight");

  /// Exit code of the driver that fits the last failure: 3 malformed, 4 unsupported, 5 missing file or memory.
  int errorCode() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

/// The folder of the file that a module was parsed from (relative names of weights start there); "" when unknown.
std::string moduleDirectory(mlir::ModuleOp module);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_H
