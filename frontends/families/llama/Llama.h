// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The Llama family: its record, its builder, and the parts of the record that stand in files of their own.
#ifndef LMOPT_FRONTENDS_FAMILIES_LLAMA_LLAMA_H
#define LMOPT_FRONTENDS_FAMILIES_LLAMA_LLAMA_H

#include "frontends/families/Family.h"

namespace lmopt {

/// LlamaFamily.cpp
Family describeLlama();
/// LlamaBuilder.cpp: @forward of a LlamaConfig.
void buildLlama(ModelBuilder &model, const ModelConfig &config);

/// LlamaFields.cpp: config.json, with the fields that any family has, and its object that sets rotary positions.
FieldTable llamaConfigFields();
const FieldTable &ropeFields();
/// LlamaHuggingFace.cpp
ConfigResult readLlamaJson(const nlohmann::json &object, const std::string &path);

/// LlamaKeys.cpp: the metadata of GGUF files, with the keys that any architecture has.
FieldTable ggufLlamaKeys();
/// LlamaGguf.cpp
ConfigResult readLlamaMetadata(const GgufFile &file);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_LLAMA_LLAMA_H
