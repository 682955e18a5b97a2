// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes that a model was trained with (#lm.fake_quantize) or comes with (#lm.packed), through what leaves them what
// they are: moved rows take their scales along, multiplied rows have other scales. In: a weight with such codes
// (hasTrainedCodes, LmDialect.h). Out: an int8 matrix. Inside this folder only; tested by
// test/unit/dialects/WeightsTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_TRAINEDCODES_H
#define LMOPT_DIALECTS_LM_WEIGHTS_TRAINEDCODES_H

#include "dialects/lm/weights/Evaluation.h"

namespace lmopt::lm {

mlir::FailureOr<WeightData> readTrainedCodes(Evaluation &evaluation, mlir::Attribute weight);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_TRAINEDCODES_H
