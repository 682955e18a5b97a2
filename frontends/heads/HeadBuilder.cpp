// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of HeadBuilder.h.
#include "frontends/heads/HeadBuilder.h"

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

Value lmopt::buildHead(ModelBuilder &model, const EncoderConfig &config, Value rows, Value lengths) {
  setFacts(model, *config.head);
  return builderOf(config.head->task)(model, config, rows, lengths);
}
