// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Static embeddings as lm ops:
//
//   x = embed(ids)
//   vector = pool(x) and what follows it (SentenceBuilder.h)
//
// In: StaticConfig, WeightSource. Out: @encode(ids, lengths) -> one row a sequence. Tested by the fixtures static-*.
#include "frontends/families/ModelBuilder.h"
#include "frontends/families/SentenceBuilder.h"
#include "frontends/families/static/Static.h"

using namespace mlir;
using namespace lmopt;

static lm::ParamOp buildTable(ModelBuilder &model, const StaticConfig &config) {
  SmallVector<int64_t> shape = {config.vocabulary, config.width};
  if (config.table.empty())
    return model.inlineParam("embed.weight", shape, config.rows);
  return model.paramFrom("embed.weight", config.table, shape, shape, [](Attribute table) { return table; });
}

void lmopt::buildStatic(ModelBuilder &model, const ModelConfig &modelConfig) {
  const auto &config = static_cast<const StaticConfig &>(modelConfig);
  int64_t dynamic = ShapedType::kDynamic;
  Type number = model.builder.getI32Type();
  Block *body = model.beginFunction(
      "encode", {RankedTensorType::get({dynamic, dynamic}, number), RankedTensorType::get({dynamic}, number)});
  lm::ParamOp table = buildTable(model, config);
  if (!model.ok())
    return;
  Value rows = model.create<lm::EmbeddingOp>("embed", body->getArgument(0), table);
  Value vector = buildSentenceVector(model, config, rows, body->getArgument(1));
  if (!model.ok())
    return;
  if (config.dense.empty()) // a mean of nothing is zero, and so is what is made one long
    model.setFact("empty_text", model.builder.getStringAttr("zeros"));
  model.endFunction(vector);
}
