// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of frontends/tokenizer/TokenizerRules.h. A rule is looked up by its "type"; a Sequence is its members
// in order. Each rule reads all of its options that change ids and refuses values that it does not know.
#include "frontends/tokenizer/TokenizerRules.h"

#include "files/File.h"
#include "frontends/tokenizer/TokenizerFields.h"

#include <algorithm>

using namespace lmopt;
using nlohmann::json;

namespace {
using PairFrame = std::vector<std::array<int32_t, 2>>; // ids or texts, and token types

class RuleReader {
public:
  RuleReader(const std::string &path, TokenizerSpec &spec) : path(path), spec(spec) {}

  Result<void> normalizer(const json &rule);
  Result<void> preTokenizer(const json &rule);
  Result<void> postProcessor(const json &rule);
  Result<void> decoder(const json &rule);
  bool byteLevel = false; // a ByteLevel pre-tokenizer was seen

private:
  Result<void> bertNormalizer(const json &rule);
  Result<void> byteLevelSplit(const json &rule);
  Result<void> regexSplit(const json &rule);
  Result<void> templatePart(const json &rule, const json &part, const std::string &field, PairFrame &frame);
  Result<void> templateFrame(const json &rule, const std::string &field, PairFrame &frame);
  PairFrame pairFrame(const json &rule);
  Result<void> templateProcessor(const json &rule);
  Result<void> pairProcessor(const json &rule);
  Result<void> templateToken(const json &rule, const std::string &name, std::vector<int32_t> &frame);
  void wrap(const std::vector<int32_t> &frame);
  Result<void> each(const json &rule, const char *field, Result<void> (RuleReader::*read)(const json &));
  Error refuse(const char *kind, const std::string &name, const char *supported) const {
    return unsupported(path + ": " + kind + " " + printable(name) + " is not supported; supported: " + supported);
  }
  /// Refuses fields that no table names, of rules whose type is known.
  Result<void> known(const json &rule, const std::string &type, const char *kind) const {
    const FieldTable *table = tokenizerRuleFields(type);
    return table ? checkTokenizerFields(rule, *table, path, kind) : Result<void>();
  }
  Error bad(const std::string &what) const { return malformed(path + ": " + what); }

  const std::string &path;
  TokenizerSpec &spec;
};
} // namespace

/// A rule is an object with a "type"; anything else has the type "".
static std::string typeOf(const json &rule) {
  return rule.is_object() && rule.contains("type") && rule["type"].is_string() ? rule["type"].get<std::string>() : "";
}

Result<void> RuleReader::each(const json &rule, const char *field, Result<void> (RuleReader::*read)(const json &)) {
  if (!rule.contains(field) || !rule[field].is_array())
    return bad(std::string("a Sequence without an array '") + field + "'");
  for (const json &part : rule[field])
    if (Result<void> result = (this->*read)(part); !result)
      return result;
  return {};
}

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
  else if (type == "Lowercase")
    spec.normalizer.push_back(LMOPT_NORMALIZE_LOWER);
  else if (type == "StripAccents")
    spec.normalizer.push_back(LMOPT_NORMALIZE_COMBINING);
  else
    return refuse("normalizer", type, "BertNormalizer, NFC, NFD, Lowercase, StripAccents, Sequence");
  return {};
}

Result<void> RuleReader::byteLevelSplit(const json &rule) {
  JsonFields fields(rule, path, "pre_tokenizer");
  bool prefix = fields.boolean("add_prefix_space").value_or(true);
  bool regex = fields.boolean("use_regex").value_or(true);
  if (!fields.ok())
    return fields.error();
  if (byteLevel)
    return unsupported(path + ": more than one ByteLevel pre-tokenizer; supported: one, as the last of a Sequence");
  byteLevel = true;
  if (prefix)
    spec.splits.push_back({LMOPT_SPLIT_PREFIX_SPACE, 0});
  if (regex)
    spec.splits.push_back({LMOPT_SPLIT_GPT2, LMOPT_SPLIT_ARG_HF});
  return {};
}

/// The known expressions cover every text, so "keep the matches" and "cut at the matches" are the same.
Result<void> RuleReader::regexSplit(const json &rule) {
  static const std::pair<const char *, uint32_t> kKnown[] = {
      {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", LMOPT_SPLIT_GPT2},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       LMOPT_SPLIT_LLAMA3},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       LMOPT_SPLIT_QWEN2},
  };
  JsonFields fields(rule, path, "pre_tokenizer");
  std::string behavior = fields.string("behavior").value_or("");
  bool invert = fields.boolean("invert").value_or(false);
  if (!fields.ok())
    return fields.error();
  const json *pattern = rule.contains("pattern") ? &rule["pattern"] : nullptr;
  if (!pattern || !pattern->is_object() || !pattern->contains("Regex") || !(*pattern)["Regex"].is_string())
    return refuse("pre_tokenizer Split with a pattern other than", "Regex",
                  "the expressions of gpt2, llama3 and qwen2");
  if (behavior != "Isolated" && !(behavior == "Removed" && invert))
    return refuse("pre_tokenizer Split with behavior", behavior, "Isolated, Removed with invert");
  std::string text = (*pattern)["Regex"].get<std::string>();
  for (const auto &[known, step] : kKnown)
    if (text == known) {
      spec.splits.push_back({step, LMOPT_SPLIT_ARG_HF});
      return {};
    }
  return refuse("pre_tokenizer Split with the expression", text, "the expressions of gpt2, llama3 and qwen2");
}

Result<void> RuleReader::preTokenizer(const json &rule) {
  std::string type = typeOf(rule);
  if (Result<void> fields = known(rule, type, "pre_tokenizer"); !fields)
    return fields;
  if (type == "Sequence")
    return each(rule, "pretokenizers", &RuleReader::preTokenizer);
  if (byteLevel)
    return unsupported(path + ": pre_tokenizer " + printable(type) +
                       " after ByteLevel; supported: ByteLevel as the last of a Sequence");
  if (type == "ByteLevel")
    return byteLevelSplit(rule);
  if (type == "Split")
    return regexSplit(rule);
  if (type == "BertPreTokenizer") {
    spec.splits.push_back({LMOPT_SPLIT_BERT, 0});
    return {};
  }
  if (type != "Digits")
    return refuse("pre_tokenizer", type, "ByteLevel, Split, Digits, BertPreTokenizer, Sequence");
  JsonFields fields(rule, path, "pre_tokenizer");
  bool alone = fields.boolean("individual_digits").value_or(false);
  if (!fields.ok())
    return fields.error();
  spec.splits.push_back({alone ? LMOPT_SPLIT_DIGITS : LMOPT_SPLIT_DIGIT_RUNS, LMOPT_SPLIT_ARG_HF});
  return {};
}

/// A later processor treats the result of the earlier ones as its text.
void RuleReader::wrap(const std::vector<int32_t> &frame) {
  std::vector<int32_t> result;
  for (int32_t id : frame) {
    if (id >= 0)
      result.push_back(id);
    else
      result.insert(result.end(), spec.frame.begin(), spec.frame.end());
  }
  spec.frame = result;
}

/// One special token of a template stands for the ids that the template's own table lists.
Result<void> RuleReader::templateToken(const json &rule, const std::string &name, std::vector<int32_t> &frame) {
  const json *table = rule.contains("special_tokens") ? &rule["special_tokens"] : nullptr;
  if (!table || !table->is_object() || !table->contains(name) || !(*table)[name].is_object() ||
      !(*table)[name].contains("ids") || !(*table)[name]["ids"].is_array())
    return bad("post_processor.special_tokens has no ids for " + printable(name));
  for (const json &id : (*table)[name]["ids"]) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 ||
        id.get<int64_t>() >= static_cast<int64_t>(spec.pieces.size()))
      return bad("post_processor.special_tokens: " + printable(name) + " has an id that no token has");
    frame.push_back(id.get<int32_t>());
  }
  return {};
}

/// One entry of "single" or "pair": ids, or a text (-1: A, -2: B), and the token type.
Result<void> RuleReader::templatePart(const json &rule, const json &part, const std::string &field, PairFrame &frame) {
  bool sequence = part.is_object() && part.contains("Sequence");
  const char *kind = sequence ? "Sequence" : "SpecialToken";
  if (!part.is_object() || !part.contains(kind) || !part[kind].is_object() || !part[kind].contains("id") ||
      !part[kind]["id"].is_string())
    return bad("post_processor." + field + ": expected SpecialToken or Sequence with an id");
  std::string name = part[kind]["id"].get<std::string>();
  json type = part[kind].value("type_id", json(0));
  int32_t most = field == "pair" ? 1 : 0;
  if (!type.is_number_integer() || type.get<int64_t>() < 0 || type.get<int64_t>() > most)
    return unsupported(path + ": post_processor." + field + ": " + printable(name) +
                       (most ? " has another type_id than 0 or 1; supported: two token types"
                             : " has another type_id than 0; supported: texts of token type 0 only"));
  if (sequence && name != "A" && (name != "B" || !most))
    return bad("post_processor." + field + ": only the sequence A " + (most ? "or B " : "") + "can stand here, found " +
               printable(name));
  std::vector<int32_t> ids;
  if (sequence)
    ids.push_back(name == "A" ? -1 : -2);
  else if (Result<void> result = templateToken(rule, name, ids); !result)
    return result;
  for (int32_t id : ids)
    frame.push_back({id, type.get<int32_t>()});
  return {};
}

Result<void> RuleReader::templateFrame(const json &rule, const std::string &field, PairFrame &frame) {
  if (!rule.contains(field) || !rule[field].is_array())
    return bad("post_processor." + field + ": expected an array");
  for (const json &part : rule[field])
    if (Result<void> result = templatePart(rule, part, field, frame); !result)
      return result;
  return {};
}

/// A tokenizer is not refused for what it says of pairs: they may never be needed. What we cannot do has no frame.
PairFrame RuleReader::pairFrame(const json &rule) {
  if (!rule.contains("pair"))
    return {{-1, 0}, {-2, 1}};
  PairFrame frame;
  if (!templateFrame(rule, "pair", frame))
    return {};
  auto times = [&](int32_t text) {
    return std::count_if(frame.begin(), frame.end(), [&](const auto &entry) { return entry[0] == text; });
  };
  return times(-1) == 1 && times(-2) == 1 ? frame : PairFrame();
}

Result<void> RuleReader::templateProcessor(const json &rule) {
  PairFrame single;
  if (Result<void> result = templateFrame(rule, "single", single); !result)
    return result;
  std::vector<int32_t> frame;
  for (const auto &[id, type] : single)
    frame.push_back(id);
  bool first = spec.frame.size() == 1; // two processors in a row never meet in pairs
  spec.pairFrame = first ? pairFrame(rule) : PairFrame();
  wrap(frame);
  return {};
}

/// BertProcessing and RobertaProcessing: "cls" and "sep" are [token, id].
Result<void> RuleReader::pairProcessor(const json &rule) {
  int32_t found[2];
  const char *names[] = {"cls", "sep"};
  for (int i = 0; i < 2; ++i) {
    const json *pair = rule.contains(names[i]) ? &rule[names[i]] : nullptr;
    if (!pair || !pair->is_array() || pair->size() != 2 || !(*pair)[1].is_number_integer() ||
        (*pair)[1].get<int64_t>() < 0 || (*pair)[1].get<int64_t>() >= static_cast<int64_t>(spec.pieces.size()))
      return bad(std::string("post_processor.") + names[i] + ": expected [token, id] with the id of a token");
    found[i] = (*pair)[1].get<int32_t>();
  }
  const auto [cls, sep] = found;
  bool first = spec.frame.size() == 1;
  if (typeOf(rule) == "RobertaProcessing")
    spec.pairFrame = {{cls, 0}, {-1, 0}, {sep, 0}, {sep, 0}, {-2, 0}, {sep, 0}};
  else
    spec.pairFrame = {{cls, 0}, {-1, 0}, {sep, 0}, {-2, 1}, {sep, 1}};
  if (!first)
    spec.pairFrame.clear();
  wrap({cls, -1, sep});
  return {};
}

Result<void> RuleReader::postProcessor(const json &rule) {
  std::string type = typeOf(rule);
  if (Result<void> fields = known(rule, type, "post_processor"); !fields)
    return fields;
  if (type == "Sequence")
    return each(rule, "processors", &RuleReader::postProcessor);
  if (type == "TemplateProcessing")
    return templateProcessor(rule);
  if (type == "BertProcessing" || type == "RobertaProcessing")
    return pairProcessor(rule);
  if (type == "ByteLevel")
    return {}; // it moves offsets, not ids
  return refuse("post_processor", type, "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence");
}

/// Byte-level BPE writes the bytes of its tokens; without a decoder it would write their printable spelling.
Result<void> RuleReader::decoder(const json &rule) {
  std::string type = typeOf(rule);
  if (spec.kind != LMOPT_TOKENIZER_BPE) // an encoder writes no text
    return {};
  if (type == "Sequence")
    return each(rule, "decoders", &RuleReader::decoder);
  if (type == "ByteLevel" || type == "Fuse")
    return {};
  return refuse("decoder", type, "ByteLevel, alone or in a Sequence with Fuse");
}

Result<void> lmopt::readTokenizerRules(const json &file, const std::string &path, TokenizerSpec &spec) {
  RuleReader reader(path, spec);
  const std::pair<const char *, Result<void> (RuleReader::*)(const json &)> kParts[] = {
      {"normalizer", &RuleReader::normalizer},
      {"pre_tokenizer", &RuleReader::preTokenizer},
      {"post_processor", &RuleReader::postProcessor},
      {"decoder", &RuleReader::decoder},
  };
  for (const auto &[field, read] : kParts)
    if (auto found = file.find(field); found != file.end() && !found->is_null())
      if (Result<void> result = (reader.*read)(*found); !result)
        return result;
  if (spec.kind == LMOPT_TOKENIZER_BPE && !reader.byteLevel)
    return unsupported(path + ": BPE without the ByteLevel pre-tokenizer is not supported; supported: byte-level BPE");
  if (spec.kind == LMOPT_TOKENIZER_WORDPIECE && reader.byteLevel)
    return unsupported(path + ": WordPiece with the ByteLevel pre-tokenizer is not supported; supported: "
                              "BertPreTokenizer, Digits");
  return {};
}
