// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The GPT-2 family: its record, its builder, and what families of its kind (GPT-NeoX, OPT, BLOOM) share.
#ifndef LMOPT_FRONTENDS_FAMILIES_GPT2_GPT2_H
#define LMOPT_FRONTENDS_FAMILIES_GPT2_GPT2_H

#include "frontends/families/Family.h"

namespace lmopt {

/// Gpt2Family.cpp
Family describeGpt2();
/// Gpt2Builder.cpp: @forward of a GptConfig.
void buildGpt2(ModelBuilder &model, const ModelConfig &config);

/// GptGguf.cpp: the forms of GGUF files.
GgufForm describeGpt2Gguf();
GgufForm describeGptNeoxGguf();
GgufForm describeBloomGguf();

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_GPT2_GPT2_H
