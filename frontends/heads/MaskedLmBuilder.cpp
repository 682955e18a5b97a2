// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What may stand in the place of each token:  table layer_norm(f(dense(x))) + bias, the table often that of the
// embedding; some have no bias.
#include "frontends/heads/HeadBuilder.h"

using namespace mlir;
using namespace lmopt;

Value lmopt::buildMaskedLm(ModelBuilder &model, const EncoderConfig &config, Value rows, Value) {
  int64_t width = config.tableWidth();
  Value normal = buildBeforeLast(model, config, rows, width);
  SmallVector<int64_t> shape = {config.vocabulary, width};
  lm::ParamOp table =
      config.head->tiedTable ? model.sharedTable("head.table", shape) : model.matrix("head.table", shape);
  // Where the file has a bias beside the table, transformers does not use the head's own one.
  lm::ParamOp bias;
  if (config.head->tableBias)
    bias = model.param(model.has("head.table.bias") ? "head.table.bias" : "head.out.bias", {config.vocabulary});
  normal = model.asRead("head.table", normal);
  if (!model.ok())
    return {};
  return model.asMade("head.table", model.create<lm::LinearOp>("head.out", normal, table, bias));
}
