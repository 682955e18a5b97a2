// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the tokenizer from GGUF metadata: tokenizer.ggml.model "gpt2" (byte-level BPE), "bert" (WordPiece), "llama"
// (BPE of SentencePiece, by scores) or "t5" (Unigram of SentencePiece).
//
// What the keys mean is what llama.cpp does with them; its tables are Unicode 15.1 (LMOPT_SPLIT_ARG_GGML). A control
// token is recognised only when special tokens are asked for, a user-defined token always. Pre-tokenizers:
// GgufPreTokenizers.h.
// Keys "tokenizer.*" that no table names (TokenizerFields.h) are refused, too.
// Tested by test/unit/tokenizer/GgufTest.cpp and test/tools/tokenizer_parity.py.
#include "files/File.h"
#include "frontends/tokenizer/GgufPreTokenizers.h"
#include "frontends/tokenizer/GgufSpecialTokens.h"
#include "frontends/tokenizer/SplitPattern.h"
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "frontends/tokenizer/TokenizerFields.h"
#include "frontends/tokenizer/TokenizerReading.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>

using namespace lmopt;

namespace {
class GgufTokenizer {
public:
  GgufTokenizer(const GgufFile &file, const TokenizerOptions &options) : file(file), options(options) {}
  Result<std::string> build();

private:
  Result<void> checkKeys();
  Result<void> readTokens(const GgufDefaultRoles &defaults);
  Result<std::vector<int64_t>> readTypes() const;
  void markTypes();
  Result<const GgufPreTokenizer *> findPreTokenizer() const;
  Result<void> readBpe();
  Result<void> readMerges();
  Result<void> readBert();
  Result<void> readScores();
  Result<void> readPieces();
  Result<void> readUnigram();
  Result<void> readCharsmap();
  Result<void> markUnigramTypes();
  void stripAfterSpecial();
  Result<void> readBpeFrame(bool addBos);
  Result<void> readSwitch(const char *key, bool &value);
  Result<void> readFrame(bool addBos, bool addEos, lmopt_token_role_t first, lmopt_token_role_t last);
  Error bad(const std::string &key, const std::string &what) const {
    return malformed(file.path() + ": metadata key '" + key + "': " + what);
  }

  const GgufFile &file;
  const TokenizerOptions &options;
  TokenizerSpec spec;
  std::vector<std::string_view> names; // tokens as the file spells them
  std::vector<int64_t> types;          // kGguf*, as llama.cpp corrects them
};
} // namespace

Result<void> GgufTokenizer::readTokens(const GgufDefaultRoles &defaults) {
  const GgufValue *tokens = file.find("tokenizer.ggml.tokens");
  std::optional<std::vector<std::string_view>> list = tokens ? tokens->asStrings() : std::nullopt;
  if (!list || list->empty() || list->size() > LMOPT_TOKENIZER_MAX_TOKENS)
    return bad("tokenizer.ggml.tokens", "expected an array of 1 to " + std::to_string(LMOPT_TOKENIZER_MAX_TOKENS) +
                                            " strings" + (tokens ? "" : "; the key is missing"));
  names = std::move(*list);
  spec.pieces.assign(names.begin(), names.end());
  spec.tokenFlags.resize(names.size());
  Result<std::vector<int64_t>> found = readTypes();
  if (!found)
    return found.error();
  types = found.take();
  if (Result<void> special = readGgufSpecialTokens(file, names, types, defaults, spec); !special)
    return special;
  markTypes();
  return {};
}

/// Without types every token is a normal one.
Result<std::vector<int64_t>> GgufTokenizer::readTypes() const {
  const GgufValue *value = file.find("tokenizer.ggml.token_type");
  if (!value)
    return std::vector<int64_t>(names.size(), kGgufNormal);
  std::optional<std::vector<int64_t>> kinds = value->asIntegers();
  if (!kinds || kinds->size() < names.size())
    return bad("tokenizer.ggml.token_type", "expected one integer for each of the " + std::to_string(names.size()) +
                                                " tokens, found " + std::to_string(value->size()));
  return std::move(*kinds);
}

void GgufTokenizer::markTypes() {
  for (size_t id = 0; id < names.size(); ++id) {
    bool special = types[id] == kGgufControl || types[id] == kGgufUnknown;
    if (!special && types[id] != kGgufUserDefined)
      continue;
    spec.tokenFlags[id] = LMOPT_TOKEN_FLAG_ADDED | (special ? LMOPT_TOKEN_FLAG_SPECIAL : 0u);
    if (!names[id].empty())
      spec.added.push_back({static_cast<uint32_t>(id), std::string(names[id]), special ? LMOPT_ADDED_SPECIAL : 0u,
                            /*normalized=*/false});
  }
}

/// Keys that no table names, and tokens that are never to be written.
Result<void> GgufTokenizer::checkKeys() {
  for (const auto &[key, value] : file.metadata()) {
    if (key.substr(0, 10) == "tokenizer." && !findRule(ggufTokenizerKeys(), key))
      return unsupported(file.path() + ": metadata key " + printable(key) +
                         " is not known to lmopt; known are those in docs/checkpoints.md");
  }
  const GgufValue *suppressed = file.find("tokenizer.ggml.suppress_tokens");
  if (suppressed && (!suppressed->isArray() || suppressed->size()))
    return unsupported(file.path() + ": metadata key 'tokenizer.ggml.suppress_tokens' keeps tokens from being written; "
                                     "supported: no such list");
  return {};
}

Result<void> GgufTokenizer::readMerges() {
  const GgufValue *value = file.find("tokenizer.ggml.merges");
  std::optional<std::vector<std::string_view>> merges = value ? value->asStrings() : std::nullopt;
  if (!merges)
    return bad("tokenizer.ggml.merges", value ? "expected an array of strings" : "missing; byte-level BPE needs it");
  std::unordered_map<std::string_view, uint32_t> ids;
  for (size_t id = 0; id < names.size(); ++id)
    ids[names[id]] = static_cast<uint32_t>(id); // of equal tokens the last counts
  for (size_t i = 0; i < merges->size(); ++i) {
    std::string_view text = (*merges)[i];
    std::string place = "merge " + std::to_string(i) + ", " + printable(text) + ": ";
    size_t blank = text.find(' ', 1);
    if (blank == std::string_view::npos)
      return bad("tokenizer.ggml.merges", place + "expected two tokens with a blank between them");
    std::string joined = std::string(text.substr(0, blank)) + std::string(text.substr(blank + 1));
    const std::string_view parts[] = {text.substr(0, blank), text.substr(blank + 1), joined};
    std::array<uint32_t, 3> entry;
    for (size_t part = 0; part < 3; ++part) {
      auto found = ids.find(parts[part]);
      if (found == ids.end())
        return bad("tokenizer.ggml.merges", place + printable(parts[part]) + " is not a token");
      entry[part] = found->second;
    }
    spec.merges.push_back(entry);
  }
  return {};
}

Result<const GgufPreTokenizer *> GgufTokenizer::findPreTokenizer() const {
  Result<std::optional<std::string_view>> name = file.findString("tokenizer.ggml.pre");
  if (!name)
    return name.error();
  std::string supported;
  for (const GgufPreTokenizer &candidate : ggufPreTokenizers())
    for (const char *known : candidate.names) {
      supported += (supported.empty() ? "" : ", ") + std::string(known);
      if (*name && **name == known)
        return &candidate;
    }
  return unsupported(file.path() + ": metadata key 'tokenizer.ggml.pre' is " +
                     (*name ? printable(**name) : std::string("missing")) + "; supported: " + supported);
}

Result<void> GgufTokenizer::readBpe() {
  Result<const GgufPreTokenizer *> found = findPreTokenizer();
  if (!found)
    return found.error();
  const GgufPreTokenizer *chosen = *found;
  spec.kind = LMOPT_TOKENIZER_BPE;
  for (const std::string &pattern : chosen->patterns) {
    Result<std::string> translated = translatePattern(pattern, LMOPT_SPLIT_ARG_GGML);
    if (!translated)
      return translated.error();
    spec.splits.push_back({LMOPT_SPLIT_PATTERN, static_cast<uint32_t>(spec.patterns.size())});
    spec.patterns.push_back(*translated);
  }
  spec.splits.insert(spec.splits.end(), chosen->splits.begin(), chosen->splits.end());
  if (chosen->ignoreMerges)
    spec.flags |= LMOPT_TOKENIZER_IGNORE_MERGES;
  if (Result<void> result = readMerges(); !result)
    return result;
  decodeByteLevelPieces(spec);
  return readBpeFrame(chosen->addBos);
}

/// Converters turn "##x" into "x" and "x" into U+2581 "x"; here it is turned back.
Result<void> GgufTokenizer::readBert() {
  spec.kind = LMOPT_TOKENIZER_WORDPIECE;
  spec.continuation = "##";
  spec.maxWordChars = 100;
  bool lower = true;
  if (Result<void> result = readSwitch("tokenizer.ggml.normalizer.lowercase", lower); !result)
    return result;
  bool strip = lower;
  if (Result<void> result = readSwitch("tokenizer.ggml.normalizer.strip_accents", strip); !result)
    return result;
  spec.normalizer = {LMOPT_NORMALIZE_CLEAN, LMOPT_NORMALIZE_CJK};
  if (strip)
    spec.normalizer.insert(spec.normalizer.end(), {LMOPT_NORMALIZE_NFD, LMOPT_NORMALIZE_MARKS});
  if (lower)
    spec.normalizer.push_back(LMOPT_NORMALIZE_LOWER);
  spec.splits = {{LMOPT_SPLIT_BERT, 0}};
  static constexpr std::string_view kWordStart = LMOPT_SPACE;
  for (size_t id = 0; id < spec.pieces.size(); ++id) {
    std::string &piece = spec.pieces[id];
    if (spec.tokenFlags[id] & LMOPT_TOKEN_FLAG_ADDED)
      continue;
    if (piece.compare(0, kWordStart.size(), kWordStart) == 0)
      piece.erase(0, kWordStart.size());
    else if (!piece.empty())
      piece.insert(0, "##");
  }
  spec.unknown = spec.roles[LMOPT_TOKEN_UNK];
  if (spec.unknown < 0)
    return bad("tokenizer.ggml.unknown_token_id", "missing; WordPiece needs it");
  return readFrame(true, true, spec.roles[LMOPT_TOKEN_CLS] >= 0 ? LMOPT_TOKEN_CLS : LMOPT_TOKEN_BOS, LMOPT_TOKEN_SEP);
}

Result<void> GgufTokenizer::readScores() {
  const GgufValue *value = file.find("tokenizer.ggml.scores");
  std::optional<std::vector<double>> scores = value ? value->asDoubles() : std::nullopt;
  if (!scores || scores->size() != names.size())
    return bad("tokenizer.ggml.scores", "expected one number for each of the " + std::to_string(names.size()) +
                                            " tokens" + (value ? "" : "; the key is missing"));
  for (double score : *scores) {
    if (!(score > -1e30 && score < 1e30))
      return bad("tokenizer.ggml.scores", "a score is not a finite number");
    spec.scores.push_back(score);
  }
  return {};
}

/// llama.cpp knows these models by their name: white space behind a special token belongs to it.
void GgufTokenizer::stripAfterSpecial() {
  Result<std::optional<std::string_view>> name = file.findString("general.name");
  std::string lower(name && *name ? **name : std::string_view());
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower.find("phi-3") == std::string::npos && lower.find("phi3") == std::string::npos)
    return;
  for (AddedToken &token : spec.added)
    if (token.text != "<unk>" && token.text != "<s>" && token.text != "<|endoftext|>")
      token.flags |= LMOPT_ADDED_RSTRIP;
}

/// A blank comes before each part of a text between special tokens; all of a part is one word.
Result<void> GgufTokenizer::readPieces() {
  spec.kind = LMOPT_TOKENIZER_SCORED;
  spec.flags = LMOPT_TOKENIZER_METASPACE;
  bool prefix = true, addBos = true, addEos = false;
  for (auto [key, value] :
       {std::pair("tokenizer.ggml.add_space_prefix", &prefix), std::pair("tokenizer.ggml.add_bos_token", &addBos),
        std::pair("tokenizer.ggml.add_eos_token", &addEos)})
    if (Result<void> result = readSwitch(key, *value); !result)
      return result;
  if (Result<void> result = readScores(); !result)
    return result;
  spec.splits = {{LMOPT_SPLIT_METASPACE, prefix ? LMOPT_METASPACE_ANOTHER : LMOPT_METASPACE_NEVER}};
  spec.unknown = spec.roles[LMOPT_TOKEN_UNK];
  stripAfterSpecial();
  markByteTokens(spec);
  return readFrame(addBos, addEos, LMOPT_TOKEN_BOS, LMOPT_TOKEN_EOS);
}

/// The table of replacements, an array of bytes.
Result<void> GgufTokenizer::readCharsmap() {
  static constexpr char kKey[] = "tokenizer.ggml.precompiled_charsmap";
  const GgufValue *value = file.find(kKey);
  if (!value)
    return {};
  std::optional<std::vector<int64_t>> bytes = value->asIntegers();
  if (!bytes)
    return bad(kKey, "expected an array of bytes");
  for (int64_t byte : *bytes) {
    if (byte < -128 || byte > 255)
      return bad(kKey, "expected an array of bytes, found " + std::to_string(byte));
    spec.charsmap += static_cast<char>(byte);
  }
  if (spec.charsmap.empty())
    return {};
  if (!isCharsmap(spec.charsmap))
    return bad(kKey, "no table of SentencePiece: it is not as long as it says");
  spec.normalizer.push_back(LMOPT_NORMALIZE_LONGEST);
  return {};
}

/// Pieces of text are normal and unused tokens; a token of a byte is never chosen, but written as its byte.
Result<void> GgufTokenizer::markUnigramTypes() {
  std::vector<bool> counts(names.size());
  for (size_t id = 0; id < names.size(); ++id) {
    counts[id] = types[id] == kGgufNormal;
    if (counts[id] && names[id].size() > LMOPT_TOKENIZER_MAX_UNIGRAM)
      return unsupported(file.path() + ": metadata key 'tokenizer.ggml.tokens': a piece of " +
                         std::to_string(names[id].size()) + " bytes; supported: up to " +
                         std::to_string(LMOPT_TOKENIZER_MAX_UNIGRAM));
    if (types[id] == kGgufByte && !markByteToken(spec, id))
      return bad("tokenizer.ggml.tokens", "token " + printable(names[id]) + " is of type byte (6), but names none");
    bool known = types[id] >= kGgufNormal && types[id] <= kGgufByte;
    if (!known) // never found
      spec.tokenFlags[id] |= LMOPT_TOKEN_FLAG_ADDED;
  }
  setUnknownScore(spec, counts);
  return {};
}

/// All of a part between special tokens is one word; blanks are the normalizer's.
Result<void> GgufTokenizer::readUnigram() {
  spec.kind = LMOPT_TOKENIZER_UNIGRAM;
  spec.flags = LMOPT_TOKENIZER_METASPACE;
  bool prefix = false, squeeze = false, addBos = false, addEos = true;
  for (auto [key, value] :
       {std::pair("tokenizer.ggml.add_space_prefix", &prefix),
        std::pair("tokenizer.ggml.remove_extra_whitespaces", &squeeze),
        std::pair("tokenizer.ggml.add_bos_token", &addBos), std::pair("tokenizer.ggml.add_eos_token", &addEos)})
    if (Result<void> result = readSwitch(key, *value); !result)
      return result;
  for (auto read : {&GgufTokenizer::readScores, &GgufTokenizer::readCharsmap, &GgufTokenizer::markUnigramTypes})
    if (Result<void> result = (this->*read)(); !result)
      return result;
  spec.normalizer.push_back(NormalizerStep::spaces(LMOPT_SPACES_ESCAPE | LMOPT_SPACES_BEFORE_WORD |
                                                   (prefix ? LMOPT_SPACES_PREFIX : 0u) |
                                                   (squeeze ? LMOPT_SPACES_SQUEEZE : 0u)));
  spec.unknown = spec.roles[LMOPT_TOKEN_UNK];
  if (spec.unknown < 0)
    return bad("tokenizer.ggml.unknown_token_id", "missing; Unigram needs it");
  return readFrame(addBos, addEos, LMOPT_TOKEN_BOS, LMOPT_TOKEN_EOS);
}

Result<void> GgufTokenizer::readSwitch(const char *key, bool &value) {
  Result<std::optional<bool>> found = file.findBool(key);
  if (!found)
    return found.error();
  value = found->value_or(value);
  return {};
}

Result<void> GgufTokenizer::readBpeFrame(bool addBos) {
  bool addEos = false;
  if (Result<void> result = readSwitch("tokenizer.ggml.add_bos_token", addBos); !result)
    return result;
  if (Result<void> result = readSwitch("tokenizer.ggml.add_eos_token", addEos); !result)
    return result;
  return readFrame(addBos, addEos, LMOPT_TOKEN_BOS, LMOPT_TOKEN_EOS);
}

Result<void> GgufTokenizer::readFrame(bool addBos, bool addEos, lmopt_token_role_t first, lmopt_token_role_t last) {
  const std::tuple<bool, lmopt_token_role_t, const char *> ends[] = {{addBos, first, "beginning"},
                                                                     {addEos, last, "end"}};
  for (auto [wanted, role, what] : ends) {
    if (wanted && spec.roles[role] < 0)
      return malformed(file.path() + ": a token is to be added at the " + what +
                       " of each text, but the metadata names none");
    if (wanted)
      spec.frame.insert(role == first ? spec.frame.begin() : spec.frame.end(), spec.roles[role]);
  }
  // Nothing in a GGUF file speaks of pairs; a BERT has [CLS] A [SEP] B [SEP].
  spec.pairFrame.clear();
  if (first == LMOPT_TOKEN_CLS && addBos && addEos)
    spec.pairFrame = {{spec.roles[first], 0}, {-1, 0}, {spec.roles[last], 0}, {-2, 1}, {spec.roles[last], 1}};
  return {};
}

Result<std::string> GgufTokenizer::build() {
  Result<std::optional<std::string_view>> model = file.findString("tokenizer.ggml.model");
  if (!model)
    return model.error();
  struct Kind {
    const char *name;
    Result<void> (GgufTokenizer::*read)();
    GgufDefaultRoles roles; // bos, eos, unknown
  };
  static constexpr Kind kKinds[] = {{"gpt2", &GgufTokenizer::readBpe, {}},
                                    {"bert", &GgufTokenizer::readBert, {}},
                                    {"llama", &GgufTokenizer::readPieces, {1, 2, 0}},
                                    {"t5", &GgufTokenizer::readUnigram, {-1, 1, 2}}};
  auto kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                           [&](const Kind &candidate) { return *model && **model == candidate.name; });
  if (kind == std::end(kKinds))
    return unsupported(file.path() + ": metadata key 'tokenizer.ggml.model' is " +
                       (*model ? printable(**model) : std::string("missing")) + "; supported: gpt2, bert, llama, t5");
  if (Result<void> result = checkKeys(); !result)
    return result.error();
  if (Result<void> result = readTokens(kind->roles); !result)
    return result.error();
  if (Result<void> result = (this->*kind->read)(); !result)
    return result.error();
  spec.maxLength = options.maxLength;
  if (Result<void> fits = fitVocabulary(spec, options.vocabulary, file.path()); !fits)
    return fits.error();
  return writeTokenizerBlob(spec, file.path());
}

Result<std::string> lmopt::buildTokenizerFromGguf(const GgufFile &file, const TokenizerOptions &options) {
  return GgufTokenizer(file, options).build();
}
