// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of FamilyBuilder.h. Tested by test/unit/frontends/ImportTest.cpp.
#include "frontends/families/FamilyBuilder.h"

using namespace mlir;
using namespace lmopt;

/// What callers may put before their texts.
static void setPrompts(ModelBuilder &model, const EncoderConfig &config) {
  NamedAttrList prompts;
  for (const auto &[name, text] : config.prompts)
    prompts.set(name, model.builder.getStringAttr(text));
  if (!prompts.empty())
    model.setFact("prompts", prompts.getDictionary(model.builder.getContext()));
  if (!config.defaultPrompt.empty())
    model.setFact("default_prompt_name", model.builder.getStringAttr(config.defaultPrompt));
}

Result<OwningOpRef<ModuleOp>> lmopt::buildModel(MLIRContext &context, const Family &family, const ModelConfig &config,
                                                WeightSource &source) {
  ModelBuilder model(context, source);
  builderOf(family)(model, config);
  model.setFact("architecture", model.builder.getStringAttr(family.id));
  model.setFact("name", model.builder.getStringAttr(config.name));
  model.setFact("vocabulary", model.builder.getI64IntegerAttr(config.vocabulary));
  model.setFact("max_positions", model.builder.getI64IntegerAttr(config.maxPositions));
  if (config.maxTokens > 0)
    model.setFact("max_tokens", model.builder.getI64IntegerAttr(config.maxTokens));
  if (family.kind == FamilyKind::Encoder)
    setPrompts(model, static_cast<const EncoderConfig &>(config));
  return model.finish();
}
