// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What may stand in the place of each token:  table layer_norm(f(dense(x))) + bias, the table often that of the
// embedding.
#include "frontends/heads/HeadBuilder.h"

using namespace mlir;
using namespace lmopt;

Value lmopt::buildMaskedLm(ModelBuilder &model, const EncoderConfig &config, Value rows, Value) {
  int64_t width = config.tableWidth();
  Value dense = model.linear("head.dense", rows, width, /*bias=*/true);
  SmallVector<int64_t> shape = {config.vocabulary, width};
  lm::ParamOp table =
      config.head->tiedTable ? model.sharedTable("head.table", shape) : model.matrix("head.table", shape);
  // Where the file has a bias beside the table, transformers does not use the head's own one.
  lm::ParamOp bias =
      model.param(model.has("head.table.bias") ? "head.table.bias" : "head.out.bias", {config.vocabulary});
  if (!model.ok())
    return {};
  Value active = model.create<lm::ActivationOp>("head.activation", dense, lm::kindOf(config.head->activation));
  Value normal = model.asRead("head.table", model.layerNorm("head.norm", active, config.normEps));
  if (!model.ok())
    return {};
  return model.asMade("head.table", model.create<lm::LinearOp>("head.out", normal, table, bias));
}
