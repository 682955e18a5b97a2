// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules of classes with vocabularies of SentencePiece: Llama and Gemma (BPE), XLM-R, Camembert and ALBERT
// (Unigram). See TokenizerRuleWriter.h.
#include "frontends/tokenizer/TokenizerRuleWriter.h"
#include "lmopt/tokenizer_format.h"

using namespace lmopt;
using nlohmann::json;

static json replace(const char *text, const char *with) {
  return {{"type", "Replace"}, {"pattern", {{"String", text}}}, {"content", with}};
}

static json pieceDecoder(bool strips) {
  json decoders = json::array({replace(LMOPT_SPACE, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
  if (strips)
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"type", "Sequence"}, {"decoders", decoders}};
}

/// LlamaTokenizer of version 5; version 4 makes the same anew where add_prefix_space is set. `legacy`: of version 4, by
/// a normalizer.
void RuleWriter::llamaPieces(bool legacy) {
  bool prefix = flag("add_prefix_space", true);
  json normalizers = json::array(), none;
  if (prefix)
    normalizers.push_back({{"type", "Prepend"}, {"prepend", LMOPT_SPACE}});
  normalizers.push_back(replace(" ", LMOPT_SPACE));
  rules["normalizer"] = legacy ? json({{"type", "Sequence"}, {"normalizers", normalizers}}) : none;
  const char *scheme = !prefix ? "never" : flag("legacy", false) ? "always" : "first";
  rules["pre_tokenizer"] =
      legacy
          ? none
          : json({{"type", "Metaspace"}, {"replacement", LMOPT_SPACE}, {"prepend_scheme", scheme}, {"split", false}});
  rules["decoder"] = pieceDecoder(prefix);
}

void RuleWriter::pieceModel(const json &unknown) {
  const std::pair<const char *, json> settings[] = {
      {"dropout", nullptr},           {"unk_token", unknown},   {"fuse_unk", true},
      {"byte_fallback", true},        {"ignore_merges", false}, {"continuing_subword_prefix", nullptr},
      {"end_of_word_suffix", nullptr}};
  for (const auto &[name, value] : settings)
    rules["model"][name] = value;
}

void RuleWriter::gemma() {
  rules["normalizer"] = replace(" ", LMOPT_SPACE);
  rules["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", {{"String", " "}}}, {"behavior", "MergedWithPrevious"}, {"invert", false}};
  rules["decoder"] = pieceDecoder(false);
  pieceModel(token("unk_token"));
}

/// The table of the first Precompiled normalizer there is.
json RuleWriter::charsmap() const {
  const json &rule = file["normalizer"];
  const json none = json::array(),
             &list = rule.is_object() && rule.contains("normalizers") ? rule["normalizers"] : none;
  if (textOf(rule, "type") == "Precompiled")
    return rule;
  for (const json &part : list)
    if (textOf(part, "type") == "Precompiled")
      return part;
  return nullptr;
}

void RuleWriter::albertNormalizer() {
  json steps = json::array({replace("``", "\""), replace("''", "\"")});
  if (!flag("keep_accents", false))
    for (const char *type : {"NFKD", "StripAccents"})
      steps.push_back({{"type", type}});
  if (flag("do_lower_case", true))
    steps.push_back({{"type", "Lowercase"}});
  if (json table = charsmap(); !table.is_null())
    steps.push_back(table);
  rules["normalizer"] = {{"type", "Sequence"}, {"normalizers", steps}};
}

Result<json> RuleWriter::unigram5() {
  bool albert = tokenizerClass.kind == ClassKind::Albert;
  if (find("added_tokens_decoder"))
    rules["added_tokens"] = json::array();
  rules["normalizer"] = charsmap();
  if (albert)
    albertNormalizer();
  const char *scheme = flag("add_prefix_space", true) ? "always" : "never";
  json space = {{"type", "Metaspace"}, {"replacement", LMOPT_SPACE}, {"prepend_scheme", scheme}, {"split", true}};
  rules["decoder"] = space;
  rules["pre_tokenizer"] = {{"type", "Sequence"},
                            {"pretokenizers", json::array({{{"type", "WhitespaceSplit"}}, space})}};
  std::optional<int64_t> unknown = id(token("unk_token"));
  rules["model"]["unk_id"] = albert ? 1 : tokenizerClass.name == "CamembertTokenizer" ? unknown.value_or(0) : 3;
  rules["model"]["byte_fallback"] = false;
  if (albert && !rules["post_processor"].is_null())
    return rules; // the file's counts before that of the class
  const char *first = albert ? "cls_token" : "bos_token", *last = albert ? "sep_token" : "eos_token";
  if (Result<void> framedAll = framed(first, last); !framedAll)
    return framedAll.error();
  return rules;
}

/// The frame is that of the file.
json RuleWriter::pieces5() {
  if (find("added_tokens_decoder"))
    rules["added_tokens"] = json::array();
  if (tokenizerClass.kind == ClassKind::Gemma) {
    gemma();
  } else {
    llamaPieces(/*legacy=*/false);
    pieceModel(nullptr);
  }
  return rules;
}
