// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One reading of tokenizer.json, or of tokenizer.model, and its neighbours as a TokenizerSpec. Internal to
// frontends/tokenizer.
//
// In: the document with the rules of one version of transformers in place (TokenizerClass.h), and the tokens that other
// files name. Out: the spec. Tested through buildTokenizerFromJson and buildTokenizerFromModel.
#ifndef LMOPT_FRONTENDS_TOKENIZER_TOKENIZERREADING_H
#define LMOPT_FRONTENDS_TOKENIZER_TOKENIZERREADING_H

#include "files/Json.h"
#include "frontends/tokenizer/SentencePieceFile.h"
#include "frontends/tokenizer/SpecialTokens.h"
#include "frontends/tokenizer/TokenizerBlob.h"
#include "frontends/tokenizer/TokenizerBuilder.h"

#include <map>
#include <unordered_map>

namespace lmopt {

class JsonTokenizer {
public:
  JsonTokenizer(const TokenizerOptions &options) : options(options), path(options.path) {}
  Result<TokenizerSpec> read(const nlohmann::json &file, const nlohmann::json &config, const SpecialTokens &special);
  Result<TokenizerSpec> read(const SentencePieceFile &file, const nlohmann::json &config, const SpecialTokens &special);

private:
  // TokenizerJson.cpp: what tokenizer.json holds.
  Result<void> readModel(const nlohmann::json &file);
  Result<void> readVocabulary(const nlohmann::json &vocabulary);
  Result<void> readBpe(const nlohmann::json &model);
  Result<void> readAffixes(JsonFields &fields);
  Result<void> readMerges(const nlohmann::json &merges);
  Result<void> readMerge(const nlohmann::json &merge, const std::string &place);
  Result<void> readScores(const nlohmann::json &vocabulary);
  Result<void> readUnigram(const nlohmann::json &model);
  Result<void> readWordPiece(const nlohmann::json &model);
  Result<void> readAdded(const nlohmann::json &list);
  Result<void> addToken(const NamedToken &token, const std::string &place);

  // TokenizerModel.cpp: what tokenizer.model holds.
  Result<void> readPieces(const SentencePieceFile &file);
  Result<void> addUserDefined(const SentencePieceFile &file, uint32_t id);
  void setPieceRules(const SentencePieceFile &file, bool first);
  Result<void> framePieces(bool addBos, bool addEos);

  // TokenizerReading.cpp: what the files beside it add.
  Result<void> addNamed(const NamedToken &token);
  uint32_t nextId() const;
  Result<void> readSwitches(const nlohmann::json &file, const nlohmann::json &config);
  void readRoles(const SpecialTokens &special);
  Result<void> readEndTokens();
  Error bad(const std::string &place, const std::string &what) const {
    return malformed(path + ": " + place + ": " + what);
  }

  const TokenizerOptions &options;
  const std::string &path;
  TokenizerSpec spec;
  size_t modelTokens = 0;
  bool byteLevel = false;                        // pieces are spelled as bytes
  std::unordered_map<std::string, uint32_t> ids; // of the vocabulary and of added tokens, as spelled in the file
};

/// The folder of a file, with its slash.
std::string folderOf(const std::string &path);

/// tokenizer_config.json; null where there is none.
Result<nlohmann::json> readTokenizerConfig(std::string_view text, const std::string &path);

/// Extends the pieces to the rows of an embedding (0: not known); a token beyond them is exit code 4.
Result<void> fitVocabulary(TokenizerSpec &spec, int64_t vocabulary, const std::string &path);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_TOKENIZERREADING_H
