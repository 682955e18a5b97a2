// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads tokenizer.json (the `tokenizers` package): model, vocabulary, merges and added tokens here, the rules around
// them in TokenizerRules.cpp; tokenizer_config.json names the tokens with a role.
//
// In: text of the two files. Out: the blob. Relies on: the size and depth limits of parseJson. Whatever would change
// the ids and is not known is refused; "decoder", "padding" and "truncation" do not change them. Tested by
// test/unit/tokenizer/JsonTest.cpp and test/tools/tokenizer_parity.py, fuzzed by fuzz-tokenizer-json.
#include "frontends/File.h"
#include "frontends/Json.h"
#include "frontends/tokenizer/TokenizerBlob.h"
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "frontends/tokenizer/TokenizerRules.h"

#include <map>
#include <unordered_map>

using namespace lmopt;
using nlohmann::json;

namespace {
/// Gemma's has 30 MB and 1.6 million values.
constexpr JsonLimits kTokenizerLimits = {64 << 20, 8 << 20};

class JsonTokenizer {
public:
  JsonTokenizer(const TokenizerOptions &options) : options(options), path(options.path) {}
  Result<std::string> build(const json &file, const json &config);

private:
  Result<void> readModel(const json &file);
  Result<void> readVocabulary(const json &vocabulary);
  Result<void> readBpe(const json &model);
  Result<void> readMerges(const json &merges);
  Result<void> readWordPiece(const json &model);
  Result<void> readAdded(const json &list);
  Result<void> addToken(const json &entry, const std::string &place);
  Result<void> readRoles(const json &config);
  Result<void> addEndToken(int64_t id);
  Error bad(const std::string &place, const std::string &what) const {
    return malformed(path + ": " + place + ": " + what);
  }

  const TokenizerOptions &options;
  const std::string &path;
  TokenizerSpec spec;
  std::unordered_map<std::string, uint32_t>
      ids; // of the model's vocabulary and of added tokens, as spelled in the file
};
} // namespace

/// Ids may leave holes, but not so many that the tables of a small file become large.
static bool plausibleId(int64_t id, size_t tokens) { return id >= 0 && static_cast<uint64_t>(id) < 4 * tokens + 65536; }

Result<void> JsonTokenizer::readVocabulary(const json &vocabulary) {
  if (!vocabulary.is_object())
    return bad("model.vocab", "expected an object of token: id");
  for (const auto &[text, value] : vocabulary.items()) {
    if (!value.is_number_integer())
      return bad("model.vocab", "the id of " + printable(text) + " is not an integer");
    int64_t id = value.get<int64_t>();
    if (!plausibleId(id, vocabulary.size()))
      return bad("model.vocab", "token " + printable(text) + " has the id " + std::to_string(id) + " among " +
                                    std::to_string(vocabulary.size()) + " tokens");
    if (static_cast<size_t>(id) >= spec.pieces.size())
      spec.pieces.resize(id + 1);
    if (!spec.pieces[id].empty())
      return bad("model.vocab", "id " + std::to_string(id) + " belongs to two tokens");
    if (!text.empty())
      ids.emplace(text, static_cast<uint32_t>(id));
    spec.pieces[id] = text;
  }
  spec.tokenFlags.resize(spec.pieces.size());
  return {};
}

Result<void> JsonTokenizer::readMerges(const json &merges) {
  if (!merges.is_array())
    return bad("model.merges", "expected an array");
  for (size_t i = 0; i < merges.size(); ++i) {
    const json &merge = merges[i];
    std::string place = "model.merges[" + std::to_string(i) + "]", left, right;
    if (merge.is_string()) {
      const std::string &text = merge.get_ref<const std::string &>();
      size_t blank = text.find(' ');
      if (blank == std::string::npos || text.find(' ', blank + 1) != std::string::npos)
        return bad(place, "expected two tokens with one blank between them, found " + printable(text));
      left = text.substr(0, blank);
      right = text.substr(blank + 1);
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      left = merge[0].get<std::string>();
      right = merge[1].get<std::string>();
    } else {
      return bad(place, "expected \"left right\" or [\"left\", \"right\"]");
    }
    std::array<uint32_t, 3> entry;
    const std::string *parts[] = {&left, &right, nullptr};
    std::string result = left + right;
    parts[2] = &result;
    for (size_t part = 0; part < 3; ++part) {
      auto found = ids.find(*parts[part]);
      if (found == ids.end())
        return bad(place, printable(*parts[part]) + " is not in the vocabulary");
      entry[part] = found->second;
    }
    spec.merges.push_back(entry);
  }
  return {};
}

Result<void> JsonTokenizer::readBpe(const json &model) {
  JsonFields fields(model, path, "model");
  fields.ignore({"type", "vocab", "merges"});
  std::optional<double> dropout = fields.number("dropout", 0, 1);
  std::optional<std::string> unknown = fields.string("unk_token");
  std::optional<std::string> inner = fields.string("continuing_subword_prefix");
  std::optional<std::string> end = fields.string("end_of_word_suffix");
  bool fuse = fields.boolean("fuse_unk").value_or(false);
  bool fallback = fields.boolean("byte_fallback").value_or(false);
  bool ignoreMerges = fields.boolean("ignore_merges").value_or(false);
  if (!fields.ok())
    return fields.error();
  if (dropout.value_or(0) != 0)
    return unsupported(path + ": model.dropout is " + std::to_string(*dropout) +
                       "; random merges are for training, only 0 or null is supported");
  if (!inner.value_or("").empty() || !end.value_or("").empty())
    return unsupported(path + ": model.continuing_subword_prefix and model.end_of_word_suffix are not supported with "
                              "BPE; supported: byte-level BPE, where both are empty");
  if (fallback)
    return unsupported(path + ": model.byte_fallback is not supported; supported: byte-level BPE");
  spec.flags = LMOPT_TOKENIZER_DROP_FIRST | (fuse ? LMOPT_TOKENIZER_FUSE_UNK : 0u) |
               (ignoreMerges ? LMOPT_TOKENIZER_IGNORE_MERGES : 0u);
  if (unknown) {
    auto found = ids.find(*unknown);
    if (found == ids.end())
      return bad("model.unk_token", printable(*unknown) + " is not in the vocabulary");
    spec.unknown = static_cast<int32_t>(found->second);
  }
  static const json none = json::array();
  if (Result<void> result = readMerges(model.contains("merges") ? model["merges"] : none); !result)
    return result;
  // `tokenizers` keeps the last of equal pairs, the blob the first.
  std::map<std::pair<uint32_t, uint32_t>, size_t> last;
  for (size_t i = 0; i < spec.merges.size(); ++i) {
    auto [found, isNew] = last.try_emplace({spec.merges[i][0], spec.merges[i][1]}, i);
    if (!isNew) {
      spec.merges[found->second][0] = UINT32_MAX; // no token: never applies, keeps the ranks of the others
      found->second = i;
    }
  }
  return {};
}

Result<void> JsonTokenizer::readWordPiece(const json &model) {
  JsonFields fields(model, path, "model");
  fields.ignore({"type", "vocab"});
  std::string unknown = fields.string("unk_token").value_or("[UNK]");
  spec.continuation = fields.string("continuing_subword_prefix").value_or("##");
  spec.maxWordChars = static_cast<uint32_t>(fields.integer("max_input_chars_per_word", 1, 1 << 20).value_or(100));
  if (!fields.ok())
    return fields.error();
  auto found = ids.find(unknown);
  if (found == ids.end())
    return bad("model.unk_token", printable(unknown) + " is not in the vocabulary");
  spec.unknown = static_cast<int32_t>(found->second);
  spec.roles[LMOPT_TOKEN_UNK] = spec.unknown;
  return {};
}

Result<void> JsonTokenizer::readModel(const json &file) {
  auto found = file.find("model");
  if (found == file.end() || !found->is_object())
    return bad("model", "missing, or not an object");
  const json &model = *found;
  std::string type = model.contains("type") && model["type"].is_string() ? model["type"].get<std::string>() : "";
  if (type.empty() && model.contains("merges"))
    type = "BPE"; // files of before 2021 do not say it
  if (type != "BPE" && type != "WordPiece")
    return unsupported(path + ": model.type " + printable(type) + " is not supported; supported: BPE, WordPiece");
  spec.kind = type == "BPE" ? LMOPT_TOKENIZER_BPE : LMOPT_TOKENIZER_WORDPIECE;
  auto vocabulary = model.find("vocab");
  if (vocabulary == model.end())
    return bad("model.vocab", "missing");
  if (Result<void> result = readVocabulary(*vocabulary); !result)
    return result;
  return type == "BPE" ? readBpe(model) : readWordPiece(model);
}

Result<void> JsonTokenizer::addToken(const json &entry, const std::string &place) {
  JsonFields fields(entry, path, place);
  int64_t id = fields.requireInteger("id", 0, LMOPT_TOKENIZER_MAX_TOKENS - 1);
  std::string text = fields.string("content").value_or("");
  uint32_t flags = (fields.boolean("special").value_or(false) ? LMOPT_ADDED_SPECIAL : 0u) |
                   (fields.boolean("lstrip").value_or(false) ? LMOPT_ADDED_LSTRIP : 0u) |
                   (fields.boolean("rstrip").value_or(false) ? LMOPT_ADDED_RSTRIP : 0u) |
                   (fields.boolean("single_word").value_or(false) ? LMOPT_ADDED_SINGLE_WORD : 0u);
  bool normalized = fields.boolean("normalized").value_or(!(flags & LMOPT_ADDED_SPECIAL));
  if (!fields.ok())
    return fields.error();
  if (text.empty())
    return bad(place + ".content", "missing or empty");
  if (!plausibleId(id, ids.size() + 1))
    return bad(place + ".id", std::to_string(id) + " is far beyond the vocabulary of " + std::to_string(ids.size()));
  auto [found, isNew] = ids.try_emplace(text, static_cast<uint32_t>(id));
  if (!isNew && found->second != id)
    return bad(place, printable(text) + " has the id " + std::to_string(id) + " here and " +
                          std::to_string(found->second) + " in the vocabulary");
  if (static_cast<size_t>(id) >= spec.pieces.size()) {
    spec.pieces.resize(id + 1);
    spec.tokenFlags.resize(id + 1);
  }
  if (isNew && !spec.pieces[id].empty())
    return bad(place, "id " + std::to_string(id) + " belongs to " + printable(spec.pieces[id]) + " already");
  spec.pieces[id] = text;
  // Special tokens of BPE have no byte-level spelling that a word could have.
  if (isNew || spec.kind == LMOPT_TOKENIZER_BPE)
    spec.tokenFlags[id] |= LMOPT_TOKEN_FLAG_ADDED;
  if (flags & LMOPT_ADDED_SPECIAL)
    spec.tokenFlags[id] |= LMOPT_TOKEN_FLAG_SPECIAL;
  spec.added.push_back({static_cast<uint32_t>(id), text, flags, normalized});
  return {};
}

Result<void> JsonTokenizer::readAdded(const json &list) {
  if (!list.is_array())
    return bad("added_tokens", "expected an array");
  for (size_t i = 0; i < list.size(); ++i)
    if (Result<void> result = addToken(list[i], "added_tokens[" + std::to_string(i) + "]"); !result)
      return result;
  return {};
}

Result<void> JsonTokenizer::addEndToken(int64_t id) {
  if (id < 0 || static_cast<uint64_t>(id) >= spec.pieces.size())
    return malformed(path + ": the end token " + std::to_string(id) + " is not one of the " +
                     std::to_string(spec.pieces.size()) + " tokens");
  if (spec.endTokens.size() >= LMOPT_TOKENIZER_MAX_LIST)
    return unsupported(path + ": more than " + std::to_string(LMOPT_TOKENIZER_MAX_LIST) + " end tokens");
  spec.endTokens.push_back(static_cast<int32_t>(id));
  return {};
}

Result<void> JsonTokenizer::readRoles(const json &config) {
  static const std::pair<const char *, lmopt_token_role_t> kRoles[] = {
      {"bos_token", LMOPT_TOKEN_BOS},   {"eos_token", LMOPT_TOKEN_EOS}, {"unk_token", LMOPT_TOKEN_UNK},
      {"pad_token", LMOPT_TOKEN_PAD},   {"cls_token", LMOPT_TOKEN_CLS}, {"sep_token", LMOPT_TOKEN_SEP},
      {"mask_token", LMOPT_TOKEN_MASK},
  };
  for (const auto &[field, role] : kRoles) {
    const json *value = config.is_object() && config.contains(field) ? &config[field] : nullptr;
    if (value && value->is_object() && value->contains("content"))
      value = &(*value)["content"];
    if (!value || !value->is_string())
      continue;
    auto found = ids.find(value->get<std::string>());
    if (found != ids.end())
      spec.roles[role] = static_cast<int32_t>(found->second);
  }
  for (int64_t id : options.endTokens)
    if (Result<void> result = addEndToken(id); !result)
      return result;
  if (spec.endTokens.empty() && spec.roles[LMOPT_TOKEN_EOS] >= 0)
    spec.endTokens.push_back(spec.roles[LMOPT_TOKEN_EOS]);
  if (!spec.endTokens.empty())
    spec.roles[LMOPT_TOKEN_EOS] = spec.endTokens[0];
  return {};
}

Result<std::string> JsonTokenizer::build(const json &file, const json &config) {
  if (!file.is_object())
    return malformed(path + ": expected a JSON object");
  if (Result<void> result = readModel(file); !result)
    return result.error();
  if (file.contains("added_tokens") && !file["added_tokens"].is_null())
    if (Result<void> result = readAdded(file["added_tokens"]); !result)
      return result.error();
  if (Result<void> result = readTokenizerRules(file, path, spec); !result)
    return result.error();
  if (spec.kind == LMOPT_TOKENIZER_BPE)
    decodeByteLevelPieces(spec);
  if (Result<void> result = readRoles(config); !result)
    return result.error();
  spec.maxLength = options.maxLength;
  return writeTokenizerBlob(spec, path);
}

Result<std::string> lmopt::buildTokenizerFromJson(std::string_view text, std::string_view configText,
                                                  const TokenizerOptions &options) {
  Result<json> file = parseJson(text, options.path, kTokenizerLimits);
  if (!file)
    return file.error();
  json config;
  if (!configText.empty()) {
    Result<json> parsed = parseJson(configText, "tokenizer_config.json");
    if (!parsed)
      return parsed.error();
    config = parsed.take();
  }
  return JsonTokenizer(options).build(*file, config);
}
