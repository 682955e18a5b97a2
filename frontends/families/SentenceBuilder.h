// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What makes one vector of the rows of a text, whatever encoder made them: pooling, then the modules of
// sentence-transformers that follow it (Dense, Normalize).
//
// In: an EncoderConfig, rows (B, T, D) and lengths. Out: vectors (B, D). Tested by the fixtures with sentence files.
#ifndef LMOPT_FRONTENDS_FAMILIES_SENTENCEBUILDER_H
#define LMOPT_FRONTENDS_FAMILIES_SENTENCEBUILDER_H

#include "frontends/families/ModelBuilder.h"

namespace lmopt {

/// Null after an error.
mlir::Value buildSentenceVector(ModelBuilder &model, const EncoderConfig &config, mlir::Value rows,
                                mlir::Value lengths);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_SENTENCEBUILDER_H
