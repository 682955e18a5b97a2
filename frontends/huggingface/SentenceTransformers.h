// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The files that sentence-transformers puts beside an encoder: modules.json (what follows the encoder), the settings of
// each module (1_Pooling/config.json, 2_Dense/config.json, 3_Normalize/config.json, sentence_bert_config.json and its
// older names: length, case), and config_sentence_transformers.json (prompts, size of the vector). Versions 2 to 6. A
// cross-encoder, which version 6 saves so too, is one module with a head.
//
// In: a directory. Out: changes to a EncoderConfig. A pipeline that lmopt cannot follow exactly is refused with exit
// code 4, a setting by its name (Tables.h). Without modules.json the others do not count and a bare encoder gives what
// sentence-transformers makes of it: the mean over all tokens, not normalized, cut where the tokenizer says.
// Tested by test/unit/frontends/SentenceTransformersTest.cpp.
#ifndef LMOPT_FRONTENDS_HUGGINGFACE_SENTENCETRANSFORMERS_H
#define LMOPT_FRONTENDS_HUGGINGFACE_SENTENCETRANSFORMERS_H

#include "files/Json.h"
#include "frontends/families/ModelConfig.h"

namespace lmopt {

struct SentencePipeline {
  std::string directory;
  bool isSentenceModel = false;              // there is a modules.json that ends in one vector a text
  bool isCrossEncoder = false;               // there is one of a class with a head
  std::string encoderModule = "Transformer"; // or StaticEmbedding
  std::string encoderDirectory;              // where config.json and the weights are
  std::string poolingDirectory;              // empty behind a StaticEmbedding
  std::vector<std::string> denseFolders;     // inside of the directory
  std::vector<std::string> normalizeDirectories;
  std::optional<nlohmann::json> settings; // config_sentence_transformers.json, if there is one beside modules.json
};

/// config_sentence_transformers.json of a directory.
std::string sentenceFile(const std::string &directory);

/// Reads modules.json; when there is none, the transformer is the directory itself and nothing follows it.
Result<SentencePipeline> readSentencePipeline(const std::string &directory);

/// For tests and fuzzing: the same from parsed JSON.
Result<SentencePipeline> parseSentencePipeline(const nlohmann::json &modules, const std::string &directory,
                                               bool isCrossEncoder = false);
/// A mode whose vectors differ from the mean's in length only is the mean where they are made one long.
Result<void> applyPooling(const nlohmann::json &pooling, const std::string &path, EncoderConfig &config,
                          bool onlyDirectionCounts = false);
/// The settings of a Dense in `folder`, behind all that the configuration has already.
Result<void> applyDense(const nlohmann::json &dense, const std::string &path, const std::string &folder,
                        EncoderConfig &config);
/// sentence_bert_config.json: the length it asks for, if any, and whether it asks for lower case.
struct TransformerSettings {
  std::optional<int64_t> maxTokens;
  bool lowerCase = false;
};
Result<TransformerSettings> parseTransformerSettings(const nlohmann::json &object, const std::string &path,
                                                     std::vector<std::string> &warnings, bool isCrossEncoder = false);
/// model_max_length of tokenizer_config.json; empty when nobody knows.
Result<std::optional<int64_t>> parseTokenizerLimit(const nlohmann::json &tokenizerConfig, const std::string &path);
/// config_sentence_transformers.json: prompts, and what is refused.
Result<void> applySentenceModel(const nlohmann::json &object, const std::string &path, EncoderConfig &config);
/// Whether the vectors are to be cut, once their width is known.
Result<void> checkWantedWidth(const EncoderConfig &config, const std::string &path);
/// The same file of a cross-encoder: what makes scores of its head's numbers.
Result<void> applyCrossEncoder(const nlohmann::json &object, const std::string &path, EncoderConfig &config);
/// Whether a tokenizer.json lowers the case of every text.
bool lowersCase(const nlohmann::json &tokenizer);

/// Applies pooling, normalization, maximal length and case to `config`.
Result<void> applySentencePipeline(const SentencePipeline &pipeline, EncoderConfig &config);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_HUGGINGFACE_SENTENCETRANSFORMERS_H
