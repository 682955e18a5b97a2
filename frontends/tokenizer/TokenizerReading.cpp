// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of TokenizerReading.h and of buildTokenizerFromJson: reads the document as transformers 4 and as
// transformers 5 do, where the class of the tokenizer makes a difference, and says which of the two holds.
#include "frontends/tokenizer/TokenizerReading.h"

#include "files/File.h"
#include "frontends/tokenizer/TokenizerFields.h"
#include "frontends/tokenizer/TokenizerRules.h"

#include <algorithm>
#include <tuple>

using namespace lmopt;
using nlohmann::json;

/// Gemma's has 30 MB and 1.6 million values.
static constexpr JsonLimits kTokenizerLimits = {64 << 20, 8 << 20};

//===- One reading -----------------------------------------------------------------------------------------------===//

std::string lmopt::folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

/// Where `tokenizers` puts a token that no vocabulary has: behind all others.
uint32_t JsonTokenizer::nextId() const {
  uint32_t next = static_cast<uint32_t>(modelTokens);
  for (const AddedToken &token : spec.added)
    next = std::max(next, token.id + 1);
  return next;
}

Result<void> JsonTokenizer::addNamed(const NamedToken &token) {
  auto same = [&](const AddedToken &added) { return added.text == token.text; };
  auto added = std::find_if(spec.added.begin(), spec.added.end(), same);
  if (token.text.empty() || (token.onlyIfKnown && !ids.count(token.text)))
    return {};
  std::string place = "token " + printable(token.text) + " of the files beside it";
  if (added != spec.added.end() && token.id >= 0 && added->id != token.id)
    return bad(place, "has the id " + std::to_string(token.id) + " there and " + std::to_string(added->id) + " here");
  if (added != spec.added.end() && !token.replaces)
    return {};
  if (added != spec.added.end()) {
    added->flags = token.flags | (added->flags & LMOPT_ADDED_SPECIAL); // once special, always special
    added->normalized = token.normalized;
    spec.tokenFlags[added->id] |= added->flags & LMOPT_ADDED_SPECIAL ? LMOPT_TOKEN_FLAG_SPECIAL : 0u;
    return {};
  }
  NamedToken placed = token;
  auto known = ids.find(token.text);
  placed.id = known == ids.end() ? nextId() : known->second;
  if (token.id >= 0 && token.id != placed.id)
    return bad(place, "has the id " + std::to_string(token.id) + " there, but transformers gives it " +
                          std::to_string(placed.id) + ", the next one; save the tokenizer again");
  return addToken(placed, place);
}

static Result<bool> truncatesLeft(const json &file, const json &config, const std::string &path) {
  JsonFields fields(config, path);
  std::string side = fields.string("truncation_side").value_or("");
  if (!fields.ok())
    return fields.error();
  if (side.empty() && file.contains("truncation") && file["truncation"].is_object())
    side = file["truncation"].value("direction", json("Right")) == json("Left") ? "left" : "right";
  if (side != "left" && side != "right" && !side.empty())
    return malformed(path + ": field 'truncation_side' is " + printable(side) + "; expected left or right");
  return side == "left";
}

/// Switches of the tokenizer as a whole.
Result<void> JsonTokenizer::readSwitches(const json &file, const json &config) {
  json none = json::object();
  const json &object = config.is_object() ? config : none;
  std::string configPath = folderOf(path) + "tokenizer_config.json";
  Result<bool> left = truncatesLeft(file, object, configPath);
  if (!left)
    return left.error();
  spec.maxLength = options.maxLength;
  if (*left && options.maxLength)
    spec.flags |= LMOPT_TOKENIZER_TRUNCATE_LEFT;
  JsonFields fields(object, configPath);
  bool split = fields.boolean("split_special_tokens").value_or(false);
  if (!fields.ok())
    return fields.error();
  auto isSpecial = [](const AddedToken &token) { return (token.flags & LMOPT_ADDED_SPECIAL) != 0; };
  if (split) // special tokens are never sought in a text
    spec.added.erase(std::remove_if(spec.added.begin(), spec.added.end(), isSpecial), spec.added.end());
  return {};
}

void JsonTokenizer::readRoles(const SpecialTokens &special) {
  static const std::pair<const char *, lmopt_token_role_t> kRoles[] = {
      {"bos_token", LMOPT_TOKEN_BOS},   {"eos_token", LMOPT_TOKEN_EOS}, {"unk_token", LMOPT_TOKEN_UNK},
      {"pad_token", LMOPT_TOKEN_PAD},   {"cls_token", LMOPT_TOKEN_CLS}, {"sep_token", LMOPT_TOKEN_SEP},
      {"mask_token", LMOPT_TOKEN_MASK},
  };
  for (const auto &[field, role] : kRoles) {
    auto named = special.roles.find(field);
    auto found = named == special.roles.end() ? ids.end() : ids.find(named->second);
    if (found != ids.end())
      spec.roles[role] = static_cast<int32_t>(found->second);
  }
}

/// An id that no row of the model has is never written, so one among others does no harm.
Result<void> JsonTokenizer::readEndTokens() {
  int64_t count = std::max<int64_t>(static_cast<int64_t>(spec.pieces.size()), options.vocabulary);
  for (int64_t id : options.endTokens)
    if (id >= 0 && id < count)
      spec.endTokens.push_back(static_cast<int32_t>(id));
  if (spec.endTokens.empty() && !options.endTokens.empty())
    return malformed(path + ": the end token " + std::to_string(options.endTokens[0]) + " is not one of the " +
                     std::to_string(count) + " tokens");
  if (spec.endTokens.size() > LMOPT_TOKENIZER_MAX_LIST)
    return unsupported(path + ": more than " + std::to_string(LMOPT_TOKENIZER_MAX_LIST) + " end tokens");
  if (spec.endTokens.empty() && spec.roles[LMOPT_TOKEN_EOS] >= 0)
    spec.endTokens.push_back(spec.roles[LMOPT_TOKEN_EOS]);
  if (!spec.endTokens.empty())
    spec.roles[LMOPT_TOKEN_EOS] = spec.endTokens[0];
  return {};
}

Result<TokenizerSpec> JsonTokenizer::read(const json &file, const json &config, const SpecialTokens &special) {
  if (Result<void> result = readModel(file); !result)
    return result.error();
  if (file.contains("added_tokens") && !file["added_tokens"].is_null())
    if (Result<void> result = readAdded(file["added_tokens"]); !result)
      return result.error();
  for (const NamedToken &token : special.tokens)
    if (Result<void> result = addNamed(token); !result)
      return result.error();
  if (Result<void> result = readTokenizerRules(file, path, spec); !result)
    return result.error();
  if (byteLevel)
    decodeByteLevelPieces(spec);
  if (spec.kind == LMOPT_TOKENIZER_BPE && (spec.flags & LMOPT_TOKENIZER_BYTE_FALLBACK))
    markByteTokens(spec);
  readRoles(special);
  if (Result<void> result = readEndTokens(); !result)
    return result.error();
  if (Result<void> result = readSwitches(file, config); !result)
    return result.error();
  return std::move(spec);
}

//===- Two readings ----------------------------------------------------------------------------------------------===//

/// With a token for every byte nothing is ever unknown.
static std::pair<int32_t, uint32_t> unknownOf(const TokenizerSpec &spec) {
  std::array<bool, 256> seen = {};
  for (size_t id = 0; id < spec.pieces.size(); ++id)
    if (spec.pieces[id].size() == 1 && !(spec.tokenFlags[id] & LMOPT_TOKEN_FLAG_ADDED))
      seen[static_cast<uint8_t>(spec.pieces[id][0])] = true;
  bool all = std::all_of(seen.begin(), seen.end(), [](bool has) { return has; });
  return {all ? -1 : spec.unknown, all ? spec.flags & ~uint32_t(LMOPT_TOKENIZER_FUSE_UNK) : spec.flags};
}

static bool sameAdded(const TokenizerSpec &a, const TokenizerSpec &b) {
  auto sorted = [](const TokenizerSpec &spec) {
    std::vector<std::tuple<uint32_t, std::string, uint32_t, bool>> list;
    for (const AddedToken &token : spec.added)
      list.emplace_back(token.id, token.text, token.flags, token.normalized);
    std::sort(list.begin(), list.end());
    return list;
  };
  return sorted(a) == sorted(b);
}

/// What gives other ids in the one than in the other; "" if nothing does.
static std::string difference(const TokenizerSpec &a, const TokenizerSpec &b) {
  constexpr uint32_t kWritten = LMOPT_TOKENIZER_METASPACE | LMOPT_TOKENIZER_WORD_ENDS;
  const std::pair<const char *, bool> parts[] = {
      {"normalizer", a.normalizer == b.normalizer && a.charsmap == b.charsmap},
      {"pre_tokenizer", a.splits == b.splits && a.patterns == b.patterns},
      {"post_processor", a.frame == b.frame},
      {"added_tokens", sameAdded(a, b)},
      {"decoder", (a.flags & kWritten) == (b.flags & kWritten)},
      {"model", unknownOf(a) == unknownOf(b) && a.continuation == b.continuation && a.wordEnd == b.wordEnd &&
                    a.maxWordChars == b.maxWordChars},
  };
  std::string names;
  for (const auto &[name, same] : parts)
    names += same ? "" : (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

namespace {
/// Everything that both readings need.
struct Readings {
  json &file;
  const json &config;
  const TokenizerClass &tokenizerClass;
  const SpecialTokens &special;
  const TokenizerOptions &options;
  std::string configPath;

  Result<TokenizerSpec> read(const json &rules) {
    setTokenizerRules(file, rules);
    return JsonTokenizer(options).read(file, config, special);
  }
  Result<TokenizerSpec> choose();
};
} // namespace

Result<TokenizerSpec> Readings::choose() {
  Result<json> rules4 = rulesOfVersion(4, tokenizerClass, file, config, configPath);
  Result<json> rules5 = rulesOfVersion(5, tokenizerClass, file, config, configPath);
  int writer = writingVersion(config, options.context);
  if (writer == 5 || !rules4)
    return rules5 ? read(*rules5) : Result<TokenizerSpec>(rules5.error());
  if (writer == 4 || (rules5 && *rules4 == *rules5))
    return read(*rules4);
  if (!rules5)
    return rules5.error();
  Result<TokenizerSpec> spec4 = read(*rules4), spec5 = read(*rules5);
  if (!spec4 || !spec5)
    return spec4 ? spec5 : spec4;
  std::string other = difference(*spec4, *spec5);
  if (spec4->pairFrame != spec5->pairFrame)
    spec5->pairFrame.clear(); // nobody can tell which pairs the model was trained with
  if (other.empty())
    return spec5;
  return unsupported(
      configPath + ": tokenizer_class " + printable(tokenizerClass.name) +
      ": transformers 4 and 5 read tokenizer.json differently for this class (" + other +
      "), and config.json does not say which wrote the model; add \"transformers_version\" to it, or set "
      "tokenizer_class to PreTrainedTokenizerFast if tokenizer.json is right as it is");
}

Result<void> lmopt::fitVocabulary(TokenizerSpec &spec, int64_t vocabulary, const std::string &path) {
  if (vocabulary <= 0)
    return {};
  size_t rows = static_cast<size_t>(vocabulary);
  for (size_t id = rows; id < spec.pieces.size(); ++id)
    if (!spec.pieces[id].empty())
      return unsupported(path + ": token " + printable(spec.pieces[id]) + " has the id " + std::to_string(id) +
                         ", but the embedding has only " + std::to_string(rows) +
                         " rows; resize it to the tokenizer (resize_token_embeddings), or take out the tokens that the "
                         "model was not trained with");
  if (rows <= LMOPT_TOKENIZER_MAX_TOKENS) {
    spec.pieces.resize(rows);
    spec.tokenFlags.resize(rows);
  }
  return {};
}

static bool hasVocabulary(const json &file) {
  return file.contains("model") && file["model"].is_object() && file["model"].contains("vocab") &&
         file["model"]["vocab"].is_structured();
}

Result<json> lmopt::readTokenizerConfig(std::string_view text, const std::string &path) {
  if (text.empty())
    return json();
  Result<json> config = parseJson(text, path);
  if (!config)
    return config;
  if (Result<void> known = checkTokenizerFields(*config, tokenizerConfigFields(), path); !known)
    return known.error();
  return config;
}

/// The limit that tokenizer.json sets itself.
static Result<void> readTruncation(const json &file, const std::string &path, TokenizerSpec &spec) {
  auto truncation = file.find("truncation");
  if (truncation == file.end() || truncation->is_null())
    return {};
  JsonFields fields(*truncation, path, "truncation");
  spec.maxLength = static_cast<uint32_t>(fields.requireInteger("max_length", 1, INT32_MAX));
  std::string direction = fields.string("direction").value_or("Right");
  if (direction != "Right" && direction != "Left")
    fields.fail("direction", "expected Right or Left, found " + printable(direction));
  if (direction == "Left")
    spec.flags |= LMOPT_TOKENIZER_TRUNCATE_LEFT;
  return fields.ok() ? Result<void>() : Result<void>(fields.error());
}

static Result<TokenizerSpec> readPlain(const json &file, const TokenizerOptions &options) {
  Result<TokenizerSpec> spec = JsonTokenizer(options).read(file, json(), {});
  if (!spec)
    return spec;
  spec->frame = {-1};
  spec->pairFrame.clear();
  spec->flags &= ~uint32_t(LMOPT_TOKENIZER_TRUNCATE_LEFT);
  if (options.plainText->dropsUnknown)
    spec->flags |= LMOPT_TOKENIZER_DROP_UNKNOWN;
  if (options.plainText->cutsAsFile)
    if (Result<void> read = readTruncation(file, options.path, *spec); !read)
      return read.error();
  return spec;
}

static Result<TokenizerSpec> readSpec(json &file, const json &config, const TokenizerOptions &options,
                                      const std::string &folder) {
  if (!file.is_object())
    return malformed(options.path + ": expected a JSON object");
  if (Result<void> known = checkTokenizerFields(file, tokenizerFileFields(), options.path); !known)
    return known.error();
  if (!hasVocabulary(file)) // the reader says what is wrong
    return JsonTokenizer(options).read(file, config, {});
  if (options.plainText)
    return readPlain(file, options);
  Result<TokenizerClass> found = findTokenizerClass(file, config, options.context, folder + "tokenizer_config.json");
  if (!found)
    return found.error();
  Result<SpecialTokens> special = readSpecialTokens(config, options.context, *found, folder);
  if (!special)
    return special.error();
  return Readings{file, config, *found, *special, options, folder + "tokenizer_config.json"}.choose();
}

Result<std::string> lmopt::buildTokenizerFromJson(std::string_view text, std::string_view configText,
                                                  const TokenizerOptions &options) {
  Result<json> file = parseJson(text, options.path, kTokenizerLimits);
  if (!file)
    return file.error();
  std::string folder = folderOf(options.path);
  Result<json> config = readTokenizerConfig(configText, folder + "tokenizer_config.json");
  if (!config)
    return config.error();
  Result<TokenizerSpec> spec = readSpec(*file, *config, options, folder);
  if (!spec)
    return spec.error();
  if (Result<void> fits = fitVocabulary(*spec, options.vocabulary, options.path); !fits)
    return fits.error();
  return writeTokenizerBlob(*spec, options.path);
}
