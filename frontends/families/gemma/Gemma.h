// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Gemma family: its record, and what Gemma 2 and 3 have in common with it. The configurations are LlamaConfigs, and
// Llama's builder builds them.
#ifndef LMOPT_FRONTENDS_FAMILIES_GEMMA_GEMMA_H
#define LMOPT_FRONTENDS_FAMILIES_GEMMA_GEMMA_H

#include "frontends/families/llama/Llama.h"
#include "frontends/families/llama/LlamaConfig.h"

namespace lmopt {

/// GemmaFamily.cpp
Family describeGemma();

// GemmaForms.cpp
/// config.json: no biases, a tied head, heads of 256 numbers. Norms have weights less 1; what is looked up is
/// multiplied by the root of the width.
LlamaShape gemmaShape();
/// The same of Gemma 2 and 3: four heads of keys, hidden_activation, layers with a window of 4096.
LlamaShape windowedGemmaShape();
void setGemma(LlamaConfig &config);
/// Of GGUF files: the same, but converters have added the 1.
void setGemmaOfGguf(LlamaConfig &config);
/// query_pre_attn_scalar: scores are divided by its root; 256 when missing.
void readScoreScale(JsonFields &fields, LlamaConfig &config);
/// A cap; null is none, missing is `standard`.
double readCap(JsonFields &fields, const char *field, double standard);
/// Norms around branches: the names of the tensors.
void nameNormsAround(HuggingFaceForm &form);
void nameNormsAround(GgufForm &form);
/// The fields of all Gemmas, and of those with windows.
FieldTable gemmaFields();
FieldTable gemmaWindowFields();
/// Of every `pattern` layers all but the last one slide.
std::vector<bool> slidingLayers(size_t layers, int64_t pattern);
/// Of GGUF files, which do not say it: the scale of scores of the largest model, which llama.cpp knows by its layers
/// and scales by the width of the model over its heads.
void setScaleOfLargest(LlamaConfig &config, size_t largestLayers);
/// GGUF: heads as Hugging Face has them.
LlamaMetadata gemmaMetadata(decltype(LlamaMetadata::readOwn) readOwn);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_GEMMA_GEMMA_H
