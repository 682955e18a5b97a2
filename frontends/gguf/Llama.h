// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GGUF files of architecture `llama`: metadata to LlamaConfig, and the names of their tensors.
//
// In: an opened file. Out: the configuration; exit code 4 for other architectures and for keys of this one that nobody
// here looked at (they may change what the model computes).
// From: the key names of llama.cpp. Tested by test/unit/frontends/GgufLlamaTest.cpp, fuzzed by fuzz-gguf.
#ifndef LMOPT_FRONTENDS_GGUF_LLAMA_H
#define LMOPT_FRONTENDS_GGUF_LLAMA_H

#include "files/gguf/Gguf.h"
#include "frontends/families/LlamaConfig.h"

namespace lmopt {

Result<LlamaConfig> readLlamaConfig(const GgufFile &file);

/// The tensor that holds lm.param @name: "layers.3.attn.q.weight" is "blk.3.attn_q.weight".
std::string ggufLlamaTensorName(const std::string &name);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_GGUF_LLAMA_H
