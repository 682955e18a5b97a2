// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A linear over each token.
#include "frontends/heads/HeadBuilder.h"

using namespace mlir;
using namespace lmopt;

Value lmopt::buildTokenClassification(ModelBuilder &model, const EncoderConfig &config, Value rows, Value) {
  return model.linear("head.out", rows, int64_t(config.head->labels.size()), /*bias=*/true);
}
