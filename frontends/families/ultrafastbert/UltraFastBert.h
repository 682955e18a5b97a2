// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The UltraFastBERT family: its record, its builder, and the parts of the record that stand in files of their own.
#ifndef LMOPT_FRONTENDS_FAMILIES_ULTRAFASTBERT_ULTRAFASTBERT_H
#define LMOPT_FRONTENDS_FAMILIES_ULTRAFASTBERT_ULTRAFASTBERT_H

#include "frontends/families/Family.h"
#include "frontends/families/ultrafastbert/UltraFastBertConfig.h"

namespace lmopt {

/// UltraFastBertFamily.cpp
Family describeUltraFastBert();
/// UltraFastBertBuilder.cpp: @encode of an UltraFastBertConfig.
void buildUltraFastBert(ModelBuilder &model, const ModelConfig &config);

/// UltraFastBertFields.cpp: config.json, the object `arch` in it, and the objects in that.
FieldTable crammedBertFields();
const FieldTable &crammedArchFields();
const FieldTable &crammedEmbeddingFields();
const FieldTable &crammedAttentionFields();

/// UltraFastBertTensors.cpp: what the tensors say beside weights, into an UltraFastBertConfig.
Result<void> readCrammedTensors(const Checkpoint &checkpoint, const std::string &prefix, ModelConfig &config);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_ULTRAFASTBERT_ULTRAFASTBERT_H
