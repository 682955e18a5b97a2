// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A linear over each token, or over what the family's head makes of it before.
#include "frontends/heads/HeadBuilder.h"

using namespace mlir;
using namespace lmopt;

Value lmopt::buildTokenClassification(ModelBuilder &model, const EncoderConfig &config, Value rows, Value) {
  return model.linear("head.out", buildBeforeLast(model, config, rows, config.width),
                      int64_t(config.head->labels.size()), /*bias=*/true);
}
