// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A GGUF file as far as it can be understood without building the graph: family, configuration, names of its tensors.
//
// In: an opened file. Out: the model; exit code 4 for architectures that no family has, and for keys that nobody here
// looked at (they may change what the model computes).
// Tested by test/unit/frontends/families/GgufLlamaTest.cpp, fuzzed by fuzz-gguf.
#ifndef LMOPT_FRONTENDS_GGUF_MODEL_H
#define LMOPT_FRONTENDS_GGUF_MODEL_H

#include "frontends/families/Family.h"

namespace lmopt {

struct GgufModel {
  static Result<GgufModel> read(const GgufFile &file);

  const Family *family;
  std::unique_ptr<ModelConfig> config; // of the family

  /// The tensor that holds lm.param @name.
  std::string tensorName(const std::string &name) const { return family->gguf->tensors.translate(name); }
  /// Whether the model is complete without the tensor.
  bool mayRemain(std::string_view tensor) const;
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_GGUF_MODEL_H
