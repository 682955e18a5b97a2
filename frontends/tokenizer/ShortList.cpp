// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which tokens stay, and the tokenizer that is left; see ShortList.h.
#include "frontends/tokenizer/ShortList.h"

#include "runtime/src/tokenizer/internal.h"
#include "runtime/src/tokenizer/unicode.h"

#include <algorithm>
#include <set>

using namespace lmopt;

/// In bytes; no vocabulary has longer ones, but a damaged file may.
constexpr size_t kLongestPiece = 1024;

static uint64_t pairKey(uint32_t left, uint32_t right) { return static_cast<uint64_t>(left) << 32 | right; }

Result<ShortList> ShortList::create(std::string_view blob, const std::string &path) {
  Result<TokenizerSpec> spec = readTokenizerBlob(blob, path);
  if (!spec)
    return spec.error();
  if (spec->kind == LMOPT_TOKENIZER_UNIGRAM || spec->kind == LMOPT_TOKENIZER_SCORED ||
      (spec->flags & (LMOPT_TOKENIZER_CHARACTERS | LMOPT_TOKENIZER_AFFIXES)))
    return unsupported(path + ": a shorter vocabulary of SentencePiece's kind, or with marks where words end, is not "
                              "supported; supported: byte-level BPE and WordPiece");
  lmopt_tokenizer_t *opened = nullptr;
  lmopt_error_t error;
  if (lmopt_status_t status = lmopt_tokenizer_create(blob.data(), blob.size(), &opened, &error))
    return Error{status, path + ": " + error.message};
  return ShortList(spec.take(), Handle(opened, lmopt_tokenizer_destroy), path);
}

ShortList::ShortList(TokenizerSpec given, Handle handle, std::string name)
    : spec(std::move(given)), tokenizer(std::move(handle)), path(std::move(name)), stays(spec.pieces.size()),
      seen(spec.pieces.size()) {
  for (size_t i = 0; i < spec.merges.size(); ++i) {
    ranks.try_emplace(pairKey(spec.merges[i][0], spec.merges[i][1]), i);
    makers.try_emplace(spec.merges[i][2], i);
  }
  byteTokens.fill(-1);
  for (size_t id = spec.pieces.size(); id-- > 0;)
    if (spec.pieces[id].size() == 1 && !(spec.tokenFlags[id] & LMOPT_TOKEN_FLAG_ADDED))
      byteTokens[static_cast<uint8_t>(spec.pieces[id][0])] = static_cast<int64_t>(id);
  keepAlways();
  keepAlphabet();
  keepDerivations();
}

void ShortList::keepAlways() {
  for (const AddedToken &token : spec.added)
    keep(token.id);
  for (size_t id = 0; id < spec.pieces.size(); ++id)
    if (spec.tokenFlags[id] & LMOPT_TOKEN_FLAG_SPECIAL)
      keep(static_cast<int64_t>(id));
  for (int32_t id : spec.roles)
    keep(id);
  for (int32_t id : spec.frame)
    keep(id);
  for (const auto &entry : spec.pairFrame)
    keep(entry[0]);
  for (int32_t id : spec.endTokens)
    keep(id);
  keep(spec.unknown);
}

/// The characters of a piece, and whether it stands inside words.
static std::vector<std::string> charactersOf(std::string_view piece, const std::string &continuation, bool &inner) {
  inner = !continuation.empty() && piece.size() > continuation.size() &&
          piece.substr(0, continuation.size()) == continuation;
  piece.remove_prefix(inner ? continuation.size() : 0);
  std::vector<std::string> characters;
  const auto *at = reinterpret_cast<const uint8_t *>(piece.data()), *end = at + piece.size();
  while (at < end) {
    uint32_t c;
    size_t size = lmopt_utf8_decode(at, end, &c);
    characters.emplace_back(reinterpret_cast<const char *>(at), size);
    at += size;
  }
  return characters;
}

void ShortList::keepAlphabet() {
  if (spec.kind == LMOPT_TOKENIZER_BPE) {
    for (int64_t id : byteTokens)
      keep(id);
    return;
  }
  std::set<std::pair<bool, std::string>> single; // inside words or not, the character
  bool inner = false;
  auto eachPiece = [&](auto visit) {
    for (size_t id = 0; id < spec.pieces.size(); ++id)
      if (!spec.pieces[id].empty() && !(spec.tokenFlags[id] & LMOPT_TOKEN_FLAG_ADDED))
        visit(static_cast<int64_t>(id), charactersOf(spec.pieces[id], spec.continuation, inner));
  };
  eachPiece([&](int64_t, const std::vector<std::string> &characters) {
    if (characters.size() == 1)
      single.emplace(inner, characters[0]);
  });
  eachPiece([&](int64_t id, const std::vector<std::string> &characters) {
    bool written = characters.size() > 1; // by pieces of one character
    for (size_t i = 0; i < characters.size() && written; ++i)
      written = single.count({inner || i > 0, characters[i]}) > 0;
    if (!written)
      keep(id);
  });
}

void ShortList::mark(size_t token) {
  staying += !stays[token];
  stays[token] = true;
}

/// Nothing for -1 and the places of texts in a template.
void ShortList::keep(int64_t token) {
  if (token < 0 || stays[token])
    return;
  mark(static_cast<size_t>(token));
  if (spec.kind == LMOPT_TOKENIZER_BPE && !(spec.tokenFlags[token] & LMOPT_TOKEN_FLAG_ADDED))
    underived.push_back(static_cast<uint32_t>(token));
}

void ShortList::keepDerivations() {
  while (!underived.empty()) {
    uint32_t token = underived.back();
    underived.pop_back();
    keepDerivation(token);
  }
}

/// Joins the neighbours of lowest rank, the leftmost among equals; false when none can be joined.
bool ShortList::join(std::vector<uint32_t> &parts) {
  size_t best = 0, bestRank = SIZE_MAX;
  for (size_t i = 0; i + 1 < parts.size(); ++i)
    if (auto found = ranks.find(pairKey(parts[i], parts[i + 1])); found != ranks.end() && found->second < bestRank) {
      best = i;
      bestRank = found->second;
    }
  if (bestRank == SIZE_MAX)
    return false;
  parts[best] = spec.merges[bestRank][2];
  mark(parts[best]);
  parts.erase(parts.begin() + static_cast<ptrdiff_t>(best) + 1);
  return true;
}

/// What is inside a word joined to this token is joined in the same order when its bytes stand alone: the neighbours
/// outside never come in between. A token that its own bytes do not become is found as a whole word only; where some
/// merge makes it all the same, that one's parts stay.
void ShortList::keepDerivation(uint32_t token) {
  std::vector<uint32_t> parts;
  for (char c : std::string_view(spec.pieces[token]).substr(0, kLongestPiece))
    if (int64_t byte = byteTokens[static_cast<uint8_t>(c)]; byte >= 0)
      parts.push_back(static_cast<uint32_t>(byte));
  while (join(parts)) {
  }
  auto maker = makers.find(token);
  if ((parts.size() == 1 && parts[0] == token) || maker == makers.end())
    return;
  keep(spec.merges[maker->second][0]);
  keep(spec.merges[maker->second][1]);
}

Result<void> ShortList::addText(std::string_view text) {
  constexpr uint32_t flags = LMOPT_TOKENIZE_DEFAULT | LMOPT_TOKENIZE_NO_TRUNCATION;
  std::vector<int32_t> ids(text.size() + LMOPT_TOKENIZER_MAX_LIST);
  lmopt_error_t error;
  size_t count = 0;
  lmopt_status_t status =
      lmopt_tokenizer_encode(tokenizer.get(), text.data(), text.size(), flags, ids.data(), ids.size(), &count, &error);
  if (!status && count > ids.size()) {
    ids.resize(count);
    status =
        lmopt_tokenizer_encode(tokenizer.get(), text.data(), text.size(), flags, ids.data(), count, &count, &error);
  }
  if (status)
    return Error{status, path + ": " + error.message};
  ids.resize(count);
  for (int32_t id : ids) {
    occurring += !seen[id];
    seen[id] = true;
    keep(id);
  }
  keepDerivations();
  tokensOfTexts += static_cast<int64_t>(count);
  return {};
}

/// Whether a word that is this piece becomes it; "[unused7]" is in a vocabulary, but every text of it is cut.
bool ShortList::comesOut(int32_t piece) const {
  const std::string &text = spec.pieces[piece];
  bool inner = !spec.continuation.empty() && text.compare(0, spec.continuation.size(), spec.continuation) == 0;
  int32_t ids[2];
  size_t count = 0;
  return !text.empty() && (spec.tokenFlags[piece] & LMOPT_TOKEN_FLAG_ADDED) == 0 &&
         (inner || (lmopt_tokenizer_encode(tokenizer.get(), text.data(), text.size(), LMOPT_TOKENIZE_NO_TRUNCATION, ids,
                                           2, &count, nullptr) == LMOPT_OK &&
                    count == 1 && ids[0] == piece));
}

void ShortList::fill(size_t tokens) {
  if (spec.kind == LMOPT_TOKENIZER_BPE)
    for (size_t i = 0; i < spec.merges.size() && staying < tokens; ++i) {
      keep(spec.merges[i][2]);
      keepDerivations();
    }
  else
    for (size_t id = 0; id < spec.pieces.size() && staying < tokens; ++id)
      if (comesOut(static_cast<int32_t>(id)))
        keep(static_cast<int64_t>(id));
}

std::vector<int64_t> ShortList::kept() const {
  std::vector<int64_t> ids;
  for (size_t id = 0; id < stays.size(); ++id)
    if (stays[id])
      ids.push_back(static_cast<int64_t>(id));
  return ids;
}

Result<std::string> ShortList::writeTokenizer() const {
  TokenizerSpec result = spec;
  std::vector<int32_t> numbers(spec.pieces.size(), -1);
  result.pieces.clear();
  result.tokenFlags.clear();
  for (int64_t id : kept()) {
    numbers[id] = static_cast<int32_t>(result.pieces.size());
    result.pieces.push_back(spec.pieces[id]);
    // What a word becomes is found out anew.
    result.tokenFlags.push_back(spec.tokenFlags[id] & static_cast<uint8_t>(~LMOPT_TOKEN_FLAG_WHOLE));
  }
  auto renumber = [&](int32_t &id) { id = id < 0 ? id : numbers[id]; };
  result.merges.clear();
  for (const auto &[left, right, whole] : spec.merges)
    if (stays[left] && stays[right] && stays[whole])
      result.merges.push_back({static_cast<uint32_t>(numbers[left]), static_cast<uint32_t>(numbers[right]),
                               static_cast<uint32_t>(numbers[whole])});
  for (AddedToken &token : result.added)
    token.id = static_cast<uint32_t>(numbers[token.id]);
  for (auto *list : {&result.frame, &result.endTokens})
    std::for_each(list->begin(), list->end(), renumber);
  for (auto &entry : result.pairFrame)
    renumber(entry[0]);
  std::for_each(result.roles.begin(), result.roles.end(), renumber);
  renumber(result.unknown);
  return writeTokenizerBlob(result, path);
}
