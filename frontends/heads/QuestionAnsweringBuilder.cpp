// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A linear over each token, or over what the family's head makes of it before: how well the answer begins and ends
// there.
#include "frontends/heads/HeadBuilder.h"

using namespace mlir;
using namespace lmopt;

Value lmopt::buildQuestionAnswering(ModelBuilder &model, const EncoderConfig &config, Value rows, Value) {
  return model.linear("head.out", buildBeforeLast(model, config, rows, config.width), /*outputs=*/2, /*bias=*/true);
}
