// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A classifier over the first token, or the mean of all:  out(f(dense(x)))  with the function of the family, some
// behind a norm.
#include "frontends/heads/HeadBuilder.h"

using namespace mlir;
using namespace lmopt;

Value lmopt::buildSequenceClassification(ModelBuilder &model, const EncoderConfig &config, Value rows, Value lengths) {
  Value pooled = model.create<lm::PoolOp>("head.pool", rows, lengths, lm::kindOf(config.head->pooling));
  Value last = buildBeforeLast(model, config, pooled, config.width);
  return model.linear("head.out", last, int64_t(config.head->labels.size()), /*bias=*/true);
}
