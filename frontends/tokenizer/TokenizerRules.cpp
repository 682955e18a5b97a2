// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of frontends/tokenizer/TokenizerRules.h. A rule is looked up by its "type"; a Sequence is its members
// in order. Each rule reads all of its options that change ids and refuses values that it does not know.
#include "frontends/tokenizer/TokenizerRules.h"

#include "frontends/tokenizer/SplitPattern.h"
#include "frontends/tokenizer/TokenizerRuleReader.h"

#include <algorithm>

using namespace lmopt;
using nlohmann::json;

Result<void> RuleReader::each(const json &rule, const char *field, Result<void> (RuleReader::*read)(const json &)) {
  if (!rule.contains(field) || !rule[field].is_array())
    return bad(std::string("a Sequence without an array '") + field + "'");
  for (const json &part : rule[field])
    if (Result<void> result = (this->*read)(part); !result)
      return result;
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

/// An expression that the runtime has no code for goes to PCRE2.
Result<void> RuleReader::patternSplit(const std::string &pattern, const std::string &behavior, bool invert) {
  uint32_t goes = invert ? LMOPT_PATTERN_DROP_GAPS : LMOPT_PATTERN_DROP_MATCHES;
  if (pattern.empty() || pattern.size() > LMOPT_TOKENIZER_MAX_PATTERN)
    return unsupported(path + ": pre_tokenizer Split with an expression of " + std::to_string(pattern.size()) +
                       " bytes is not supported; supported: 1 to " + std::to_string(LMOPT_TOKENIZER_MAX_PATTERN));
  if (behavior != "Isolated" && behavior != "Removed")
    return refuse("pre_tokenizer Split with behavior", behavior, "Isolated, Removed");
  spec.splits.push_back(
      {LMOPT_SPLIT_PATTERN, static_cast<uint32_t>(spec.patterns.size()) | (behavior == "Removed" ? goes : 0u)});
  spec.patterns.push_back(pattern);
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
  if (pattern && pattern->is_object() && pattern->contains("String") && (*pattern)["String"].is_string())
    return neverCuts((*pattern)["String"]) ? Result<void>()
                                           : patternSplit(literalPattern((*pattern)["String"]), behavior, invert);
  if (!pattern || !pattern->is_object() || !pattern->contains("Regex") || !(*pattern)["Regex"].is_string())
    return bad("pre_tokenizer Split: field 'pattern': expected an object with the text Regex or String");
  std::string text = (*pattern)["Regex"].get<std::string>();
  bool keepsAll = behavior == "Isolated" || (behavior == "Removed" && invert);
  for (const auto &[known, step] : kKnown)
    if (text == known && keepsAll) {
      spec.splits.push_back({step, LMOPT_SPLIT_ARG_HF});
      return {};
    }
  Result<std::string> translated = translatePattern(text);
  if (!translated)
    return unsupported(path + ": pre_tokenizer Split with the expression " + printable(text) + ": " +
                       translated.error().message + " is not supported");
  return patternSplit(*translated, behavior, invert);
}

Result<void> RuleReader::metaspaceSplit(const json &rule) {
  JsonFields fields(rule, path, "pre_tokenizer");
  std::string replacement = fields.string("replacement").value_or("");
  bool prefix = fields.boolean("add_prefix_space").value_or(true); // of files of before 2024
  std::string scheme = fields.string("prepend_scheme").value_or(prefix ? "always" : "never");
  bool cut = fields.boolean("split").value_or(true);
  if (!fields.ok())
    return fields.error();
  if (replacement != LMOPT_SPACE)
    return refuse("pre_tokenizer Metaspace with the replacement", replacement, LMOPT_SPACE);
  if (scheme != "always" && scheme != "first" && scheme != "never")
    return bad("pre_tokenizer Metaspace: field 'prepend_scheme' is " + printable(scheme) +
               "; expected always, first or never");
  uint32_t argument = scheme == "always"  ? LMOPT_METASPACE_ALWAYS
                      : scheme == "first" ? LMOPT_METASPACE_FIRST
                                          : LMOPT_METASPACE_NEVER;
  spec.splits.push_back({LMOPT_SPLIT_METASPACE, argument | (cut ? LMOPT_METASPACE_CUT : 0u)});
  return {};
}

/// Gemma cuts at blanks of which its normalizer has left none: such a rule never cuts.
bool RuleReader::neverCuts(const std::string &text) const {
  if (spec.normalizer.empty())
    return false;
  const NormalizerStep &last = spec.normalizer.back();
  return last.kind == LMOPT_NORMALIZE_REPLACE && last.text == text && last.with.find(text) == std::string::npos;
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
  if (type == "Metaspace")
    return metaspaceSplit(rule);
  if (type == "WhitespaceSplit") {
    spec.splits.push_back({LMOPT_SPLIT_WHITESPACE, 0});
    return {};
  }
  if (type == "BertPreTokenizer") {
    spec.splits.push_back({LMOPT_SPLIT_BERT, 0});
    return {};
  }
  if (type != "Digits")
    return refuse("pre_tokenizer", type,
                  "ByteLevel, Split, Digits, BertPreTokenizer, Metaspace, WhitespaceSplit, Sequence");
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

/// Replace and Metaspace: pieces with U+2581 are written with blanks. The blank that a text begins with is written,
/// too: what is written goes on from a prompt.
Result<void> RuleReader::metaspaceDecoder(const json &rule, const std::string &type) {
  JsonFields fields(rule, path, "decoder");
  std::string blank = type == "Replace" ? fields.string("content").value_or("") : " ";
  std::string sought = type == "Metaspace" ? fields.string("replacement").value_or("") : "";
  if (!fields.ok())
    return fields.error();
  if (type == "Replace") {
    Result<std::string> text = pattern(rule, "decoder");
    if (!text)
      return text.error();
    sought = *text;
  }
  if (sought != LMOPT_SPACE || blank != " ")
    return refuse(("decoder " + type + " of").c_str(), sought, "U+2581, by a blank");
  spec.flags |= LMOPT_TOKENIZER_METASPACE;
  return {};
}

/// A piece that ends a word is written with a blank behind it.
Result<void> RuleReader::wordDecoder(const json &rule) {
  JsonFields fields(rule, path, "decoder");
  std::string suffix = fields.string("suffix").value_or("</w>");
  if (!fields.ok())
    return fields.error();
  if (suffix.empty() || suffix != spec.wordEnd)
    return refuse("decoder BPEDecoder with the suffix", suffix, "the end_of_word_suffix of the model");
  spec.flags |= LMOPT_TOKENIZER_WORD_ENDS;
  return {};
}

/// Byte-level BPE writes the bytes of its tokens; without a decoder it would write their printable spelling.
Result<void> RuleReader::decoder(const json &rule) {
  std::string type = typeOf(rule);
  if (spec.kind == LMOPT_TOKENIZER_WORDPIECE) // an encoder writes no text
    return {};
  if (Result<void> fields = known(rule, type, "decoder"); !fields)
    return fields;
  if (type == "Sequence")
    return each(rule, "decoders", &RuleReader::decoder);
  hasDecoder = true;
  if (type == "ByteLevel" || type == "Fuse")
    return {};
  if (byteLevel)
    return refuse("decoder", type, "ByteLevel, alone or in a Sequence with Fuse");
  joinsBytes |= type == "ByteFallback";
  if (type == "ByteFallback" || type == "Strip")
    return {};
  if (type == "Replace" || type == "Metaspace")
    return metaspaceDecoder(rule, type);
  if (type == "BPEDecoder")
    return wordDecoder(rule);
  return refuse("decoder", type, "Replace, ByteFallback, Fuse, Strip, Metaspace, BPEDecoder, Sequence; ByteLevel");
}

/// Pieces of characters are written one behind the other only where a decoder says so.
static Result<void> checkPieces(const RuleReader &reader, const std::string &path, const TokenizerSpec &spec) {
  bool fallsBack = (spec.flags & LMOPT_TOKENIZER_BYTE_FALLBACK) != 0;
  if (!reader.hasDecoder)
    return unsupported(path + ": BPE without the ByteLevel pre-tokenizer needs a decoder; supported: Replace, "
                              "ByteFallback, Fuse, Strip, Metaspace, BPEDecoder");
  if (fallsBack != reader.joinsBytes)
    return unsupported(path + ": model.byte_fallback " + (fallsBack ? "without" : "is false with") +
                       " the decoder ByteFallback is not supported");
  return {};
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
  if (spec.flags & LMOPT_TOKENIZER_CHARACTERS)
    return checkPieces(reader, path, spec);
  if (spec.kind == LMOPT_TOKENIZER_UNIGRAM && reader.byteLevel)
    return unsupported(path + ": Unigram with the ByteLevel pre-tokenizer is not supported; supported: Metaspace, "
                              "WhitespaceSplit");
  if (spec.kind == LMOPT_TOKENIZER_WORDPIECE && reader.byteLevel)
    return unsupported(path + ": WordPiece with the ByteLevel pre-tokenizer is not supported; supported: "
                              "BertPreTokenizer, Digits");
  return {};
}
