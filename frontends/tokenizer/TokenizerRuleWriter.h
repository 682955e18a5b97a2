// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The writer of the rules that a class of transformers builds: TokenizerClass.cpp, those of SentencePiece's
// vocabularies in TokenizerClassPieces.cpp. Internal to frontends/tokenizer. In: a class, tokenizer.json and
// tokenizer_config.json. Out: rules as tokenizer.json has them. Tested by
// test/unit/tokenizer/{Class,Pieces,Unigram}Test.cpp.
#ifndef LMOPT_FRONTENDS_TOKENIZER_TOKENIZERRULEWRITER_H
#define LMOPT_FRONTENDS_TOKENIZER_TOKENIZERRULEWRITER_H

#include "files/File.h"
#include "frontends/tokenizer/TokenizerClass.h"

#include <optional>

namespace lmopt {

/// Writes the rules of one class; reads config and the vocabulary of the file.
class RuleWriter {
public:
  RuleWriter(const TokenizerClass &tokenizerClass, const nlohmann::json &file, const nlohmann::json &config,
             const std::string &path)
      : tokenizerClass(tokenizerClass), file(file), config(config), path(path), rules(tokenizerRules(file)) {}

  Result<nlohmann::json> version4();
  Result<nlohmann::json> version5();

private:
  nlohmann::json pieces5();
  nlohmann::json charsmap() const;
  void albertNormalizer();
  Result<nlohmann::json> unigram5();
  bool flag(const char *field, bool standard) {
    const nlohmann::json *value = find(field);
    return value && value->is_boolean() ? value->get<bool>() : standard;
  }
  const nlohmann::json *find(const char *field) const {
    auto found = config.is_object() ? config.find(field) : config.end();
    return config.is_object() && found != config.end() && !found->is_null() ? &*found : nullptr;
  }
  std::string token(const std::string &role) const;
  std::optional<int64_t> id(const std::string &text) const;
  nlohmann::json bertNormalizer(bool clean);
  nlohmann::json byteLevel(bool regex) {
    return {{"type", "ByteLevel"}, {"add_prefix_space", flag("add_prefix_space", false)}, {"use_regex", regex}};
  }
  void plainBpe();
  void markedBpe();
  void frame(const std::vector<std::string> &before, const std::vector<std::string> &after);
  void pairFrame(const std::string &first, const std::string &last);
  Result<void> framed(const char *first, const char *last);
  void wordPiece();
  void byteLevelBpe();
  void llamaPieces(bool legacy);
  void pieceModel(const nlohmann::json &unknown);
  void gemma();
  void llamaFrame(const char *standardBos, const char *standardEos);

  const TokenizerClass &tokenizerClass;
  const nlohmann::json &file, &config;
  const std::string &path;
  nlohmann::json rules;
};

/// The text of a field; "" for what is none.
inline std::string textOf(const nlohmann::json &object, const char *field) {
  auto found = object.is_object() ? object.find(field) : object.end();
  return object.is_object() && found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_TOKENIZERRULEWRITER_H
