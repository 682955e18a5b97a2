// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Hugging Face directory as far as it can be understood without building the graph: family, configuration with all
// that the files beside config.json say about it, and the weights.
//
// In: a path. Out: the model, or why it is not one that lmopt reads; the text side is TextFiles.h.
// Tested by test/unit/frontends/VariantsTest.cpp: the fixtures with their files written in other ways.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_MODEL_H
#define LMOPT_FRONTENDS_HUGGINGFACE_MODEL_H

#include "frontends/families/BertConfig.h"
#include "frontends/huggingface/TiedHead.h"

#include <variant>

namespace lmopt {

struct HuggingFaceModel {
  static Result<HuggingFaceModel> open(const std::string &directory);

  std::string directory; // of config.json, weights and tokenizer: a sentence model may keep them in a folder
  std::variant<LlamaConfig, BertConfig> config;
  Checkpoint checkpoint;
  HeadTables head; // decoders

  const std::vector<std::string> &warnings() const;
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_MODEL_H
