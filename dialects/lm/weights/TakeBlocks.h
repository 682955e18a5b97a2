// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.take_blocks of numbers that have been read, which may be codes. Inside this folder only; tested by
// test/unit/dialects/WeightsTest.cpp and NativeTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_TAKEBLOCKS_H
#define LMOPT_DIALECTS_LM_WEIGHTS_TAKEBLOCKS_H

#include "dialects/lm/weights/Evaluation.h"

namespace lmopt::lm {

/// The rows that `blocks` takes, with their codes and scales; an error when the shape of the file does not fit.
mlir::FailureOr<WeightData> takeBlocks(Evaluation &evaluation, WeightData source, TakeBlocksAttr blocks);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_TAKEBLOCKS_H
