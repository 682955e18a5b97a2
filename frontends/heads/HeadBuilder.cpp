// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of HeadBuilder.h.
#include "frontends/heads/HeadBuilder.h"

#include "frontends/families/Family.h"
#include "frontends/heads/Head.h"

using namespace mlir;
using namespace lmopt;

static void setFacts(ModelBuilder &model, const HeadConfig &head) {
  SmallVector<StringRef> labels(head.labels.begin(), head.labels.end());
  model.setFact("task", model.builder.getStringAttr(head.task));
  model.setFact("labels", model.builder.getStrArrayAttr(labels));
  model.setFact("score_activation", model.builder.getStringAttr(head.scoreActivation));
}

static BuildHead *builderOf(llvm::StringRef task) {
  static const llvm::StringMap<BuildHead *> builders = {
#define HEAD(NAME) {describe##NAME().task, build##NAME},
#include "frontends/heads/AllHeads.inc"
#undef HEAD
  };
  return builders.at(task);
}

Value lmopt::buildBeforeLast(ModelBuilder &model, const EncoderConfig &config, Value rows, int64_t width) {
  const HeadConfig &head = *config.head;
  if (!head.form->hasPart("head.dense"))
    return rows;
  Value dense = model.linear("head.dense", rows, width, head.denseBias);
  if (!model.ok())
    return rows;
  Value active = model.create<lm::ActivationOp>("head.activation", dense, lm::kindOf(head.activation));
  if (!head.form->hasPart("head.norm"))
    return active;
  return model.layerNorm("head.norm", active, config.normEps, "head.norm", head.normBias);
}

Value lmopt::buildHead(ModelBuilder &model, const EncoderConfig &config, Value rows, Value lengths) {
  setFacts(model, *config.head);
  return builderOf(config.head->task)(model, config, rows, lengths);
}
