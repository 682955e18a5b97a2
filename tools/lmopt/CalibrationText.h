// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The text that a model is measured on, as sequences of ids.
//
// In: an imported model, a file. Out: of a decoder the text cut into pieces of one length, of an encoder a sequence for
// each line; as many of them as wanted, spread over the text. Used by calibrate, compile --calibrate and compress.
// Tested by test/tools/lmopt/calibrate.sh.
#ifndef LMOPT_TOOLS_LMOPT_CALIBRATIONTEXT_H
#define LMOPT_TOOLS_LMOPT_CALIBRATIONTEXT_H

#include "frontends/Import.h"
#include "tools/calibrate/Calibration.h"

namespace lmopt::driver {

struct CalibrationText {
  std::string source;  ///< the model, for messages
  std::string path;    ///< -: standard input
  int64_t context = 0; ///< tokens in a sequence of a decoder; 0: 512, or what the model can take
  int64_t tokens = 0;  ///< about so many in all
};

/// An empty message: MLIR has told what is wrong.
Result<Sequences> readSequences(const ImportedModel &model, const CalibrationText &text);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_CALIBRATIONTEXT_H
