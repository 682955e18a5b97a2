// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The GPT-2 family: its record, its builder, and what families of its kind (GPT-NeoX, OPT) share.
#ifndef LMOPT_FRONTENDS_FAMILIES_GPT2_GPT2_H
#define LMOPT_FRONTENDS_FAMILIES_GPT2_GPT2_H

#include "frontends/families/Family.h"

namespace lmopt {

/// Gpt2Family.cpp
Family describeGpt2();
/// Gpt2Builder.cpp: @forward of a GptConfig.
void buildGpt2(ModelBuilder &model, const ModelConfig &config);

/// GptGguf.cpp: the form of a GGUF file of architecture gpt2 or gptneox, whose tensors have the same names.
GgufForm describeGptGguf(const char *architecture, ConfigResult (*read)(const GgufFile &file));
ConfigResult readGpt2Metadata(const GgufFile &file);
ConfigResult readGptNeoxMetadata(const GgufFile &file);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_GPT2_GPT2_H
