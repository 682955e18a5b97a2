// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A classifier over the first token:  out(f(dense(x[0])))  with the function of the family.
#include "frontends/heads/HeadBuilder.h"

using namespace mlir;
using namespace lmopt;

Value lmopt::buildSequenceClassification(ModelBuilder &model, const EncoderConfig &config, Value rows, Value lengths) {
  Value first = model.create<lm::PoolOp>("head.pool", rows, lengths, lm::kindOf(Pooling::Cls));
  Value dense = model.linear("head.dense", first, config.width, /*bias=*/true);
  if (!model.ok())
    return {};
  Value active = model.create<lm::ActivationOp>("head.activation", dense, lm::kindOf(config.head->activation));
  return model.linear("head.out", active, int64_t(config.head->labels.size()), /*bias=*/true);
}
