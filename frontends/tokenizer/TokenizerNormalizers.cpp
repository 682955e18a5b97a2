// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The normalizers of tokenizer.json: which steps of a blob each is. See TokenizerRuleReader.h.
#include "files/Base64.h"
#include "frontends/tokenizer/TokenizerRuleReader.h"

using namespace lmopt;
using nlohmann::json;

Result<void> RuleReader::bertNormalizer(const json &rule) {
  JsonFields fields(rule, path, "normalizer");
  bool lowercase = fields.boolean("lowercase").value_or(true);
  bool clean = fields.boolean("clean_text").value_or(true);
  bool cjk = fields.boolean("handle_chinese_chars").value_or(true);
  bool strip = fields.boolean("strip_accents").value_or(lowercase);
  if (!fields.ok())
    return fields.error();
  if (clean)
    spec.normalizer.push_back(LMOPT_NORMALIZE_CLEAN);
  if (cjk)
    spec.normalizer.push_back(LMOPT_NORMALIZE_CJK);
  if (strip)
    spec.normalizer.insert(spec.normalizer.end(), {LMOPT_NORMALIZE_NFD, LMOPT_NORMALIZE_MARKS});
  if (lowercase)
    spec.normalizer.push_back(LMOPT_NORMALIZE_LOWER);
  return {};
}

Result<void> RuleReader::normalizer(const json &rule) {
  std::string type = typeOf(rule);
  if (Result<void> fields = known(rule, type, "normalizer"); !fields)
    return fields;
  if (type == "Sequence")
    return each(rule, "normalizers", &RuleReader::normalizer);
  if (type == "BertNormalizer")
    return bertNormalizer(rule);
  if (type == "NFC")
    spec.normalizer.push_back(LMOPT_NORMALIZE_NFC);
  else if (type == "NFD")
    spec.normalizer.push_back(LMOPT_NORMALIZE_NFD);
  else if (type == "NFKC")
    spec.normalizer.push_back(LMOPT_NORMALIZE_NFKC);
  else if (type == "NFKD")
    spec.normalizer.push_back(LMOPT_NORMALIZE_NFKD);
  else if (type == "Precompiled")
    return charsmapNormalizer(rule);
  else if (type == "Lowercase")
    spec.normalizer.push_back(LMOPT_NORMALIZE_LOWER);
  else if (type == "StripAccents")
    spec.normalizer.push_back(LMOPT_NORMALIZE_COMBINING);
  else if (type == "Prepend" || type == "Replace" || type == "Strip")
    return textNormalizer(rule, type);
  else
    return refuse(
        "normalizer", type,
        "BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Precompiled, Prepend, Replace, Strip, "
        "Sequence");
  return {};
}

/// The table as SentencePiece compiles it: it can only be opened when it is as long as it says.
Result<void> RuleReader::charsmapNormalizer(const json &rule) {
  JsonFields fields(rule, path, "normalizer");
  std::string text = fields.string("precompiled_charsmap").value_or("");
  if (!fields.ok())
    return fields.error();
  std::optional<std::string> bytes = decodeBase64(text);
  if (!bytes || !isCharsmap(*bytes))
    return bad("normalizer Precompiled: field 'precompiled_charsmap' is no table of SentencePiece in base64");
  if (!spec.charsmap.empty() && spec.charsmap != *bytes)
    return unsupported(path + ": two different Precompiled normalizers; supported: one table");
  spec.charsmap = *bytes;
  spec.normalizer.push_back(LMOPT_NORMALIZE_CHARSMAP);
  return {};
}

/// The text that a rule seeks; expressions are refused.
Result<std::string> RuleReader::pattern(const json &rule, const char *kind) {
  const json *pattern = rule.contains("pattern") ? &rule["pattern"] : nullptr;
  if (!pattern || !pattern->is_object())
    return bad(std::string(kind) + " " + typeOf(rule) + ": field 'pattern' is missing or no object");
  if (!pattern->contains("String") || !(*pattern)["String"].is_string())
    return refuse((std::string(kind) + " " + typeOf(rule) + " with the expression").c_str(),
                  pattern->value("Regex", json("")).is_string() ? pattern->value("Regex", json("")).get<std::string>()
                                                                : pattern->dump(),
                  "a text (String), the expressions ' {2,}' and '\\s+' of a normalizer");
  std::string text = (*pattern)["String"].get<std::string>();
  if (text.empty())
    return bad(std::string(kind) + " " + typeOf(rule) + ": field 'pattern' is an empty text");
  return text;
}

Result<void> RuleReader::textNormalizer(const json &rule, const std::string &type) {
  JsonFields fields(rule, path, "normalizer");
  if (type == "Strip") {
    bool left = fields.boolean("strip_left").value_or(true), right = fields.boolean("strip_right").value_or(true);
    if (left)
      spec.normalizer.push_back(LMOPT_NORMALIZE_STRIP_LEFT);
    if (right)
      spec.normalizer.push_back(LMOPT_NORMALIZE_STRIP_RIGHT);
    return fields.ok() ? Result<void>() : fields.error();
  }
  if (type == "Prepend") {
    spec.normalizer.push_back({LMOPT_NORMALIZE_PREPEND, fields.string("prepend").value_or("")});
    return fields.ok() ? Result<void>() : fields.error();
  }
  std::string content = fields.string("content").value_or("");
  if (!fields.ok())
    return fields.error();
  if (rule.contains("pattern") && rule["pattern"] == json({{"Regex", " {2,}"}})) { // the one that transformers writes
    spec.normalizer.push_back({LMOPT_NORMALIZE_REPLACE_RUNS, " ", content});
    return {};
  }
  if (rule.contains("pattern") && rule["pattern"] == json({{"Regex", "\\s+"}})) { // that of CLIP
    spec.normalizer.push_back({LMOPT_NORMALIZE_REPLACE_WHITE, content});
    return {};
  }
  Result<std::string> sought = pattern(rule, "normalizer");
  if (!sought)
    return sought.error();
  spec.normalizer.push_back({LMOPT_NORMALIZE_REPLACE, *sought, content});
  return {};
}
