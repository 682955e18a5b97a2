// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a model over a text and sums up what its linears read.
//
// In: a module, sequences of ids. Out: a file of statistics (passes/analysis/Statistics.h says what is in it). The
// model is compiled and run a few layers at a time (Segments.h): the rows that go on from one part to the next lie in a
// file, so memory is bounded by the sums and weights of one part, and work that was interrupted goes on with the next
// part. What is done so far lies in the folder OUTPUT.partial, which knows what it belongs to and goes when the file is
// complete. An output that holds the very same statistics already is left as it is.
//
// The same model, sequences and settings give the same bytes, whatever the number of threads. Source: techniques 15.1.
// Tested by test/unit/tools/CalibrationTest.cpp and test/tools/lmopt/calibrate.sh.
#ifndef LMOPT_TOOLS_CALIBRATE_CALIBRATION_H
#define LMOPT_TOOLS_CALIBRATE_CALIBRATION_H

#include "files/Status.h"
#include "passes/analysis/LayerSelection.h"

#include <functional>
#include <string>
#include <vector>

namespace lmopt {

struct Sequences {
  std::vector<int32_t> ids;     ///< of all sequences, one after another
  std::vector<int64_t> lengths; ///< >= 1 each

  int64_t tokens() const { return static_cast<int64_t>(ids.size()); }
  /// Sequences evenly spread over all, of about so many tokens together; all when there are no more.
  Sequences thinned(int64_t tokens) const;
  /// Tells them from all others.
  std::string fingerprint() const;
};

struct CalibrationSettings {
  std::string output;
  std::string baseDirectory; ///< relative file names of weights start here
  int threads = 0;           ///< 0: as many as suit this machine
  int64_t partBytes = 0;     ///< most bytes of sums in a part of the model
  int64_t headRows = 0;      ///< of a decoder: at most so many rows that the head reads are kept
  int64_t blockRows = 0;     ///< at most so many rows that each feed-forward block reads are kept
  /// How far the work is, in [0, 1], and what is at hand.
  std::function<void(double, const std::string &)> progress;
  /// Something that the user should know.
  std::function<void(const std::string &)> note;
};

/// Errors that MLIR reports at an op come as diagnostics, with an empty message here.
Result<void> calibrate(mlir::ModuleOp module, const lm::LayerSelection &selection, const Sequences &sequences,
                       const CalibrationSettings &settings);

} // namespace lmopt

#endif // LMOPT_TOOLS_CALIBRATE_CALIBRATION_H
