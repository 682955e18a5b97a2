// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reader of the rules of tokenizer.json: TokenizerRules.cpp, normalizers in TokenizerNormalizers.cpp. Internal to
// frontends/tokenizer. In: rules as JSON objects with a "type". Out: the parts of a TokenizerSpec that they are. Tested
// by test/unit/tokenizer/{Json,Pieces,Unigram}Test.cpp.
#ifndef LMOPT_FRONTENDS_TOKENIZER_TOKENIZERRULEREADER_H
#define LMOPT_FRONTENDS_TOKENIZER_TOKENIZERRULEREADER_H

#include "files/File.h"
#include "files/Json.h"
#include "frontends/tokenizer/TokenizerBlob.h"
#include "frontends/tokenizer/TokenizerFields.h"

namespace lmopt {

using PairFrame = std::vector<std::array<int32_t, 2>>; // ids or texts, and token types

class RuleReader {
public:
  RuleReader(const std::string &path, TokenizerSpec &spec) : path(path), spec(spec) {}

  Result<void> normalizer(const nlohmann::json &rule);
  Result<void> preTokenizer(const nlohmann::json &rule);
  Result<void> postProcessor(const nlohmann::json &rule);
  Result<void> decoder(const nlohmann::json &rule);
  bool byteLevel = false;  // a ByteLevel pre-tokenizer was seen
  bool hasDecoder = false; // something says how tokens are written
  bool joinsBytes = false; // tokens of single bytes are written as these bytes

private:
  Result<void> bertNormalizer(const nlohmann::json &rule);
  Result<void> charsmapNormalizer(const nlohmann::json &rule);
  Result<void> textNormalizer(const nlohmann::json &rule, const std::string &type);
  Result<std::string> pattern(const nlohmann::json &rule, const char *kind);
  Result<void> metaspaceSplit(const nlohmann::json &rule);
  bool neverCuts(const std::string &text) const;
  Result<void> wordDecoder(const nlohmann::json &rule);
  Result<void> metaspaceDecoder(const nlohmann::json &rule, const std::string &type);
  Result<void> byteLevelSplit(const nlohmann::json &rule);
  Result<void> regexSplit(const nlohmann::json &rule);
  Result<void> patternSplit(const std::string &pattern, const std::string &behavior, bool invert);
  Result<void> templatePart(const nlohmann::json &rule, const nlohmann::json &part, const std::string &field,
                            PairFrame &frame);
  Result<void> templateFrame(const nlohmann::json &rule, const std::string &field, PairFrame &frame);
  PairFrame pairFrame(const nlohmann::json &rule);
  Result<void> templateProcessor(const nlohmann::json &rule);
  Result<void> pairProcessor(const nlohmann::json &rule);
  Result<void> templateToken(const nlohmann::json &rule, const std::string &name, std::vector<int32_t> &frame);
  void wrap(const std::vector<int32_t> &frame);
  Result<void> each(const nlohmann::json &rule, const char *field,
                    Result<void> (RuleReader::*read)(const nlohmann::json &));
  Error refuse(const char *kind, const std::string &name, const char *supported) const {
    return unsupported(path + ": " + kind + " " + printable(name) + " is not supported; supported: " + supported);
  }
  /// Refuses fields that no table names, of rules whose type is known.
  Result<void> known(const nlohmann::json &rule, const std::string &type, const char *kind) const {
    const FieldTable *table = tokenizerRuleFields(type);
    return table ? checkTokenizerFields(rule, *table, path, kind) : Result<void>();
  }
  Error bad(const std::string &what) const { return malformed(path + ": " + what); }

  const std::string &path;
  TokenizerSpec &spec;
};

/// A rule is an object with a "type"; anything else has the type "".
inline std::string typeOf(const nlohmann::json &rule) {
  return rule.is_object() && rule.contains("type") && rule["type"].is_string() ? rule["type"].get<std::string>() : "";
}

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_TOKENIZERRULEREADER_H
