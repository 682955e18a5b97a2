// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A Hugging Face directory as far as it can be understood without building the graph: family, configuration with all
// that the files beside config.json say about it, and the weights with their names.
//
// In: a path. Out: the model, or why it is not one that lmopt reads; the text side is TextFiles.h.
// Tested by test/unit/frontends/VariantsTest.cpp: the fixtures with their files written in other ways.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_MODEL_H
#define LMOPT_FRONTENDS_HUGGINGFACE_MODEL_H

#include "files/safetensors/Checkpoint.h"
#include "frontends/families/Family.h"
#include "frontends/huggingface/TiedHead.h"

namespace lmopt {

struct HuggingFaceModel {
  /// `withHead` false: the encoder alone, also of a class with a head.
  static Result<HuggingFaceModel> open(const std::string &directory, bool withHead = true);

  const Family *family;
  std::string directory; // of config.json, weights and tokenizer: a sentence model may keep them in a folder
  std::unique_ptr<ModelConfig> config; // of the family
  Checkpoint checkpoint;
  std::string prefix; // of the names of all tensors of the model
  HeadTables head;    // of decoders, and of heads with a table

  /// The tensor that holds lm.param @name.
  std::string tensorName(const std::string &name) const;
  /// Whether the model is complete without the tensor.
  bool mayRemain(std::string_view tensor) const;

private:
  const HeadForm *headForm() const; // null without a head
  Result<void> resolveHead();
};

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_MODEL_H
