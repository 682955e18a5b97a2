// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads tokenizer.json (the `tokenizers` package): model, vocabulary, merges and added tokens here, the rules around
// them in TokenizerRules.cpp; what the class of the tokenizer changes in TokenizerClass.cpp, tokens that only other
// files name in SpecialTokens.cpp; TokenizerReading.cpp brings them together.
//
// In: the document. Out: a TokenizerSpec. Relies on: the size and depth limits of parseJson. Whatever would change
// the ids and is not known is refused. Tested by test/unit/tokenizer/JsonTest.cpp and test/tools/tokenizer_parity.py,
// fuzzed by fuzz-tokenizer-json.
#include "files/File.h"
#include "files/Json.h"
#include "frontends/tokenizer/TokenizerFields.h"
#include "frontends/tokenizer/TokenizerReading.h"
#include "frontends/tokenizer/TokenizerRules.h"

#include <algorithm>

using namespace lmopt;
using nlohmann::json;

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
  modelTokens = vocabulary.size();
  spec.tokenFlags.resize(spec.pieces.size());
  return {};
}

/// "left right" or ["left", "right"].
static std::optional<std::array<std::string, 2>> splitMerge(const json &merge) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
    return {{merge[0].get<std::string>(), merge[1].get<std::string>()}};
  if (!merge.is_string())
    return std::nullopt;
  const std::string &text = merge.get_ref<const std::string &>();
  size_t blank = text.find(' ');
  if (blank == std::string::npos || text.find(' ', blank + 1) != std::string::npos)
    return std::nullopt;
  return {{text.substr(0, blank), text.substr(blank + 1)}};
}

Result<void> JsonTokenizer::readMerge(const json &merge, const std::string &place) {
  std::optional<std::array<std::string, 2>> parts = splitMerge(merge);
  if (!parts && merge.is_string())
    return bad(place, "expected two tokens with one blank between them, found " + printable(merge.get<std::string>()));
  if (!parts)
    return bad(place, "expected \"left right\" or [\"left\", \"right\"]");
  std::array<uint32_t, 3> entry;
  const auto &[left, right] = *parts;
  if (right.compare(0, spec.continuation.size(), spec.continuation) != 0)
    return bad(place, printable(right) + " does not begin with the prefix of inner pieces, " +
                          printable(spec.continuation) + ", but something stands before it");
  const std::string whole[] = {left, right, left + right.substr(spec.continuation.size())};
  for (size_t part = 0; part < 3; ++part) {
    auto found = ids.find(whole[part]);
    if (found == ids.end())
      return bad(place, printable(whole[part]) + " is not in the vocabulary");
    entry[part] = found->second;
  }
  spec.merges.push_back(entry);
  return {};
}

Result<void> JsonTokenizer::readMerges(const json &merges) {
  if (!merges.is_array())
    return bad("model.merges", "expected an array");
  for (size_t i = 0; i < merges.size(); ++i)
    if (Result<void> result = readMerge(merges[i], "model.merges[" + std::to_string(i) + "]"); !result)
      return result;
  return {};
}

/// `tokenizers` keeps the last of equal pairs, the blob the first.
static void keepLastOfEqual(std::vector<std::array<uint32_t, 3>> &merges) {
  std::map<std::pair<uint32_t, uint32_t>, size_t> last;
  for (size_t i = 0; i < merges.size(); ++i) {
    auto [found, isNew] = last.try_emplace({merges[i][0], merges[i][1]}, i);
    if (!isNew) {
      merges[found->second][0] = UINT32_MAX; // no token: never applies, keeps the ranks of the others
      found->second = i;
    }
  }
}

static bool isPrintableAscii(const std::string &text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

/// What the characters of a word have around them. Printable ASCII is spelled alike in characters and in bytes.
Result<void> JsonTokenizer::readAffixes(JsonFields &fields) {
  for (auto [name, affix] :
       {std::pair("continuing_subword_prefix", &spec.continuation), std::pair("end_of_word_suffix", &spec.wordEnd)}) {
    *affix = fields.string(name).value_or("");
    if (!isPrintableAscii(*affix))
      fields.fail(name, printable(*affix) + " is not supported; supported are characters of ASCII that print",
                  kErrorUnsupported);
  }
  size_t size = spec.continuation.size() + spec.wordEnd.size();
  if (size + 1 > LMOPT_TOKENIZER_MAX_AFFIXES)
    fields.fail("end_of_word_suffix",
                "this and continuing_subword_prefix have " + std::to_string(size) +
                    " bytes; supported: " + std::to_string(LMOPT_TOKENIZER_MAX_AFFIXES - 1),
                kErrorUnsupported);
  constexpr uint32_t without = LMOPT_TOKENIZER_IGNORE_MERGES | LMOPT_TOKENIZER_BYTE_FALLBACK;
  if (size && (spec.flags & without))
    fields.fail(spec.wordEnd.empty() ? "continuing_subword_prefix" : "end_of_word_suffix",
                "not supported together with ignore_merges or byte_fallback", kErrorUnsupported);
  spec.flags |= size ? LMOPT_TOKENIZER_AFFIXES : 0u;
  return fields.ok() ? Result<void>() : fields.error();
}

Result<void> JsonTokenizer::readBpe(const json &model) {
  if (Result<void> known = checkTokenizerFields(model, *tokenizerRuleFields("BPE"), path, "model"); !known)
    return known;
  JsonFields fields(model, path, "model");
  std::optional<std::string> unknown = fields.string("unk_token");
  bool fuse = fields.boolean("fuse_unk").value_or(false);
  bool ignoreMerges = fields.boolean("ignore_merges").value_or(false);
  bool fallsBack = fields.boolean("byte_fallback").value_or(false);
  if (!fields.ok())
    return fields.error();
  if (fallsBack && byteLevel)
    return unsupported(path + ": model.byte_fallback with the ByteLevel pre-tokenizer is not supported");
  spec.flags = LMOPT_TOKENIZER_DROP_FIRST | (fuse ? LMOPT_TOKENIZER_FUSE_UNK : 0u) |
               (ignoreMerges ? LMOPT_TOKENIZER_IGNORE_MERGES : 0u) | (byteLevel ? 0u : LMOPT_TOKENIZER_CHARACTERS) |
               (fallsBack ? LMOPT_TOKENIZER_BYTE_FALLBACK : 0u);
  if (Result<void> result = readAffixes(fields); !result)
    return result;
  if (unknown) {
    auto found = ids.find(*unknown);
    if (found == ids.end())
      return bad("model.unk_token", printable(*unknown) + " is not in the vocabulary");
    spec.unknown = static_cast<int32_t>(found->second);
  }
  static const json none = json::array();
  auto merges = model.find("merges");
  if (Result<void> result = readMerges(merges != model.end() && !merges->is_null() ? *merges : none); !result)
    return result;
  keepLastOfEqual(spec.merges);
  return {};
}

/// Pieces and scores by id.
Result<void> JsonTokenizer::readScores(const json &vocabulary) {
  if (!vocabulary.is_array() || vocabulary.size() > LMOPT_TOKENIZER_MAX_TOKENS)
    return bad("model.vocab", "expected an array of [piece, score]");
  for (size_t id = 0; id < vocabulary.size(); ++id) {
    const json &entry = vocabulary[id];
    std::string place = "model.vocab[" + std::to_string(id) + "]";
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number())
      return bad(place, "expected [piece, score]");
    std::string piece = entry[0].get<std::string>();
    double score = entry[1].get<double>();
    if (!(score > -1e30 && score < 1e30))
      return bad(place, "the score is not a finite number");
    if (piece.size() > LMOPT_TOKENIZER_MAX_UNIGRAM)
      return unsupported(path + ": " + place + ": a piece of " + std::to_string(piece.size()) +
                         " bytes; supported: up to " + std::to_string(LMOPT_TOKENIZER_MAX_UNIGRAM));
    if (!piece.empty())
      ids[piece] = static_cast<uint32_t>(id); // of equal pieces the last counts
    spec.pieces.push_back(piece);
    spec.scores.push_back(score);
  }
  modelTokens = vocabulary.size();
  spec.tokenFlags.resize(spec.pieces.size());
  return {};
}

Result<void> JsonTokenizer::readUnigram(const json &model) {
  if (Result<void> known = checkTokenizerFields(model, *tokenizerRuleFields("Unigram"), path, "model"); !known)
    return known;
  JsonFields fields(model, path, "model");
  bool fallsBack = fields.boolean("byte_fallback").value_or(false);
  std::optional<int64_t> unknown = fields.integer("unk_id", 0, LMOPT_TOKENIZER_MAX_TOKENS);
  if (!fields.ok())
    return fields.error();
  if (!unknown)
    return unsupported(path + ": model.unk_id is missing: without an unknown token not every text has tokens");
  if (static_cast<size_t>(*unknown) >= spec.pieces.size())
    return bad("model.unk_id",
               std::to_string(*unknown) + " is not one of the " + std::to_string(spec.pieces.size()) + " pieces");
  spec.unknown = static_cast<int32_t>(*unknown);
  spec.flags = fallsBack ? LMOPT_TOKENIZER_BYTE_FALLBACK : 0u;
  return {};
}

Result<void> JsonTokenizer::readWordPiece(const json &model) {
  if (Result<void> known = checkTokenizerFields(model, *tokenizerRuleFields("WordPiece"), path, "model"); !known)
    return known;
  JsonFields fields(model, path, "model");
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
  if (type != "BPE" && type != "WordPiece" && type != "Unigram")
    return unsupported(path + ": model.type " + printable(type) +
                       " is not supported; supported: BPE, WordPiece, Unigram");
  spec.kind = type == "BPE"         ? LMOPT_TOKENIZER_BPE
              : type == "WordPiece" ? LMOPT_TOKENIZER_WORDPIECE
                                    : LMOPT_TOKENIZER_UNIGRAM;
  byteLevel = file.contains("pre_tokenizer") && namesByteLevel(file["pre_tokenizer"]);
  auto vocabulary = model.find("vocab");
  if (vocabulary == model.end())
    return bad("model.vocab", "missing");
  bool scored = type == "Unigram";
  if (Result<void> result = scored ? readScores(*vocabulary) : readVocabulary(*vocabulary); !result)
    return result;
  return scored ? readUnigram(model) : type == "BPE" ? readBpe(model) : readWordPiece(model);
}

Result<void> JsonTokenizer::addToken(const NamedToken &token, const std::string &place) {
  const std::string &text = token.text;
  int64_t id = token.id;
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
  // Special tokens of BPE have no byte-level spelling that a word could have, unless they are a single character.
  if (isNew || (byteLevel && text.size() > 1))
    spec.tokenFlags[id] |= LMOPT_TOKEN_FLAG_ADDED;
  if (token.flags & LMOPT_ADDED_SPECIAL)
    spec.tokenFlags[id] |= LMOPT_TOKEN_FLAG_SPECIAL;
  spec.added.push_back({static_cast<uint32_t>(id), text, token.flags, token.normalized});
  return {};
}

Result<void> JsonTokenizer::readAdded(const json &list) {
  if (!list.is_array())
    return bad("added_tokens", "expected an array");
  for (size_t i = 0; i < list.size(); ++i) {
    std::string place = "added_tokens[" + std::to_string(i) + "]";
    JsonFields fields(list[i], path, place);
    int64_t id = fields.requireInteger("id", 0, LMOPT_TOKENIZER_MAX_TOKENS - 1);
    if (!fields.ok())
      return fields.error();
    Result<NamedToken> token = readNamedToken(list[i], path, place, /*special=*/false);
    if (!token)
      return token.error();
    token->id = id;
    if (Result<void> result = addToken(*token, place); !result)
      return result;
  }
  return {};
}
