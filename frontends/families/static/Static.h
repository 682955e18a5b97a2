// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The family of static embeddings: its record, its builder, and the part of the record that reads tensors.
#ifndef LMOPT_FRONTENDS_FAMILIES_STATIC_STATIC_H
#define LMOPT_FRONTENDS_FAMILIES_STATIC_STATIC_H

#include "files/safetensors/Checkpoint.h"
#include "frontends/families/Family.h"
#include "frontends/families/static/StaticConfig.h"

namespace lmopt {

/// StaticFamily.cpp
Family describeStatic();
/// StaticBuilder.cpp: @encode of a StaticConfig.
void buildStatic(ModelBuilder &model, const ModelConfig &config);

/// StaticTensors.cpp: vocabulary, width and table, or what is wrong with them.
Result<void> readStaticTensors(const Checkpoint &checkpoint, StaticConfig &config);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_STATIC_STATIC_H
