// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tensors behind #lm.packed, brought to one form: rows are outputs, whatever the tool's layout. In: the attribute.
// Out: codes, scales and zero points, or an error that names tensor and file, what was expected and found.
// Inside this folder only; tested by test/unit/dialects/PackedTest.cpp.
#ifndef LMOPT_DIALECTS_LM_WEIGHTS_PACKEDCODES_H
#define LMOPT_DIALECTS_LM_WEIGHTS_PACKEDCODES_H

#include "dialects/lm/weights/Evaluation.h"

namespace lmopt::lm {

struct PackedCodes {
  std::vector<uint8_t> codes;   // rows x columns, 0 .. 2^bits - 1
  std::vector<float> scales;    // rows x groups
  std::vector<uint8_t> zeros;   // rows x groups; empty: 2^(bits - 1) everywhere
  std::vector<int64_t> groupOf; // of each input, of an order; empty: k / group
};

mlir::FailureOr<PackedCodes> readPackedCodes(Evaluation &evaluation, PackedAttr packed);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_WEIGHTS_PACKEDCODES_H
