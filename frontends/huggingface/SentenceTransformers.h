// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The files that sentence-transformers puts beside a BERT: modules.json (what follows the encoder),
// 1_Pooling/config.json, sentence_bert_config.json (length, case).
//
// In: a directory. Out: changes to a BertConfig. A pipeline that lmopt cannot follow exactly is refused with exit
// code 4. Without these files a bare BERT gives what sentence-transformers makes of it: the mean over all tokens, not
// normalized. Tested by test/unit/frontends/SentenceTransformersTest.cpp.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_SENTENCETRANSFORMERS_H
#define LMOPT_FRONTENDS_HUGGINGFACE_SENTENCETRANSFORMERS_H

#include "frontends/Json.h"
#include "frontends/families/BertConfig.h"

namespace lmopt {

struct SentencePipeline {
  std::string directory;
  std::string transformerDirectory; // where config.json and the weights are
  std::string poolingDirectory;     // empty: no pooling module
  bool normalize = false;
};

/// Reads modules.json; when there is none, the transformer is the directory itself and nothing follows it.
Result<SentencePipeline> readSentencePipeline(const std::string &directory);

/// For tests and fuzzing: the same from parsed JSON.
Result<SentencePipeline> parseSentencePipeline(const nlohmann::json &modules, const std::string &directory);
Result<void> applyPooling(const nlohmann::json &pooling, const std::string &path, BertConfig &config);

/// Applies pooling, normalization, maximal length and case to `config`.
Result<void> applySentencePipeline(const SentencePipeline &pipeline, BertConfig &config);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_SENTENCETRANSFORMERS_H
