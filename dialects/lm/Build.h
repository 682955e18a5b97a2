// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the builders of several families of ops need to infer result types.
// Tested by test/unit/dialects/BuildersTest.cpp.

#ifndef LMOPT_DIALECTS_LM_BUILD_H
#define LMOPT_DIALECTS_LM_BUILD_H

#include "dialects/lm/param/Param.h"

namespace lmopt::lm {

/// The symbol of a param; null for null.
mlir::FlatSymbolRefAttr refTo(ParamOp param);

/// The shape of `value`, activations or codes of them, with another width and f32 numbers.
mlir::RankedTensorType withWidth(mlir::Value value, int64_t width);

} // namespace lmopt::lm

#endif // LMOPT_DIALECTS_LM_BUILD_H
