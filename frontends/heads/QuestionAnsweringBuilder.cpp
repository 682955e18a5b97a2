// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A linear over each token: how well the answer begins and ends there.
#include "frontends/heads/HeadBuilder.h"

using namespace mlir;
using namespace lmopt;

Value lmopt::buildQuestionAnswering(ModelBuilder &model, const EncoderConfig &, Value rows, Value) {
  return model.linear("head.out", rows, /*outputs=*/2, /*bias=*/true);
}
