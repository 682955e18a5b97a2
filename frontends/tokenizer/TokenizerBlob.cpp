// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of frontends/tokenizer/TokenizerBlob.h: lays out the sections, fills the hash tables, and asks the
// runtime itself which tokens a word of their own bytes becomes, so that writer and reader cannot disagree.
#include "frontends/tokenizer/TokenizerBlob.h"

#include "files/File.h"
#include "runtime/src/tokenizer/internal.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <tuple>

using namespace lmopt;

namespace {
/// Tables are at most half full; a table whose longest search is longer than this is made larger.
constexpr uint32_t kGoodProbes = 64;

struct HashTable {
  std::vector<uint32_t> slots; // value + 1, 0 = free
  uint32_t probes = 0;

  explicit HashTable(size_t size) : slots(size) {}
  /// Nothing happens when a value that is the `same` as this one is there already, or when the table has already shown
  /// to be bad: colliding keys must not cost quadratic time.
  template <class Same>
  void insert(uint64_t hash, uint32_t value, Same same) {
    size_t mask = slots.size() - 1;
    for (uint32_t probe = 2; probes <= LMOPT_TOKENIZER_MAX_PROBES; ++hash, ++probe) {
      uint32_t &slot = slots[hash & mask];
      if (slot && same(slot - 1))
        return;
      probes = std::max(probes, probe); // a search also sees the free slot behind
      if (!slot) {
        slot = value + 1;
        return;
      }
    }
  }
};

/// Fills a table large enough for good searches; `fill` inserts everything.
template <class Fill>
Result<HashTable> makeTable(size_t count, const std::string &path, const char *what, Fill fill) {
  size_t size = 16;
  while (size < 2 * count)
    size *= 2;
  for (int attempt = 0; attempt < 3; ++attempt, size *= 2) {
    HashTable table(size);
    fill(table);
    if (table.probes <= kGoodProbes || (attempt == 2 && table.probes <= LMOPT_TOKENIZER_MAX_PROBES))
      return table;
  }
  return malformed(path + ": the " + what + " collide in the hash table in a way that no honest vocabulary does");
}

template <class T>
std::string bytesOf(const std::vector<T> &values) {
  return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
}

/// The sections NORMALIZER, ARGUMENT_OFFSETS and ARGUMENT_BYTES.
struct NormalizerSections {
  std::vector<uint32_t> steps, offsets;
  std::string bytes;

  explicit NormalizerSections(const std::vector<NormalizerStep> &normalizer) {
    for (const NormalizerStep &step : normalizer) {
      uint32_t texts = lmopt_normalize_texts(step.kind);
      uint32_t next = offsets.empty() ? 0 : static_cast<uint32_t>(offsets.size() - 1);
      steps.insert(steps.end(), {step.kind, texts ? next : step.argument});
      if (texts > 0)
        add(step.text);
      if (texts > 1)
        add(step.with);
    }
  }
  void add(const std::string &text) {
    if (offsets.empty())
      offsets.push_back(0);
    bytes += text;
    offsets.push_back(static_cast<uint32_t>(bytes.size()));
  }
};

lmopt_bytes_t viewOf(const std::string &bytes) {
  return {reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()};
}

/// Collects sections and knows where each will lie.
class BlobWriter {
public:
  BlobWriter(const TokenizerSpec &spec, const std::string &path) : spec(spec), path(path) {}
  Result<std::string> write();

private:
  Result<void> addTokens();
  Result<void> addMerges();
  Result<void> addAdded();
  void addRules();
  std::string scores() const;
  std::vector<int32_t> byteTokens() const;
  std::string assemble();

  const TokenizerSpec &spec;
  const std::string &path;
  lmopt_tokenizer_header_t header = {};
  std::string sections[LMOPT_TOKENIZER_SECTION_COUNT];
};
} // namespace

static std::string_view normalizedText(const TokenizerSpec &spec, const AddedToken &token, std::string &storage) {
  if (!token.normalized || token.textIsNormalized || spec.normalizer.empty())
    return token.text;
  NormalizerSections sections(spec.normalizer);
  std::string steps = bytesOf(sections.steps), offsets = bytesOf(sections.offsets);
  lmopt_normalizer_t normalizer = {viewOf(steps), viewOf(offsets), viewOf(sections.bytes), viewOf(spec.charsmap), 0};
  lmopt_buffer_t buffer = {};
  if (lmopt_normalize_text(&normalizer, viewOf(token.text), &buffer, nullptr))
    storage.assign(reinterpret_cast<const char *>(buffer.data), buffer.size);
  free(buffer.data);
  return storage;
}

Result<void> BlobWriter::addTokens() {
  std::vector<uint32_t> offsets = {0};
  uint64_t total = 0;
  for (const std::string &piece : spec.pieces) {
    total += piece.size();
    if (total > UINT32_MAX)
      return unsupported(path + ": the vocabulary has more than 4 GiB of text");
    offsets.push_back(static_cast<uint32_t>(total));
  }
  sections[LMOPT_TOKENIZER_TOKEN_OFFSETS] = bytesOf(offsets);
  std::string &bytes = sections[LMOPT_TOKENIZER_TOKEN_BYTES];
  bytes.reserve(total);
  for (const std::string &piece : spec.pieces)
    bytes += piece;
  sections[LMOPT_TOKENIZER_TOKEN_FLAGS] = bytesOf(spec.tokenFlags);

  // Tokens of the model before added ones; of equal pieces the last counts, as in llama.cpp.
  std::vector<uint32_t> order;
  for (bool added : {false, true})
    for (size_t id = spec.pieces.size(); id-- > 0;)
      if (!spec.pieces[id].empty() && !(spec.tokenFlags[id] & LMOPT_TOKEN_FLAG_BYTE) &&
          ((spec.tokenFlags[id] & LMOPT_TOKEN_FLAG_ADDED) != 0) == added)
        order.push_back(static_cast<uint32_t>(id));
  auto fill = [&](HashTable &table) {
    for (uint32_t id : order) {
      const std::string &piece = spec.pieces[id];
      uint64_t hash =
          lmopt_tokenizer_hash_end(lmopt_tokenizer_hash(LMOPT_TOKENIZER_HASH_START, piece.data(), piece.size()));
      table.insert(hash, id, [&](uint32_t other) { return spec.pieces[other] == piece; });
      header.max_piece_size = std::max(header.max_piece_size, static_cast<uint32_t>(piece.size()));
    }
  };
  Result<HashTable> table = makeTable(order.size(), path, "tokens", fill);
  if (!table)
    return table.error();
  sections[LMOPT_TOKENIZER_TOKEN_TABLE] = bytesOf(table->slots);
  header.token_probes = table->probes;
  return {};
}

Result<void> BlobWriter::addMerges() {
  std::string &merges = sections[LMOPT_TOKENIZER_MERGES];
  merges.resize(spec.merges.size() * sizeof(spec.merges[0]));
  if (!spec.merges.empty())
    memcpy(merges.data(), spec.merges.data(), merges.size());
  auto fill = [&](HashTable &table) {
    for (size_t i = 0; i < spec.merges.size(); ++i) {
      const auto &merge = spec.merges[i];
      table.insert(lmopt_tokenizer_pair_hash(merge[0], merge[1]), static_cast<uint32_t>(i), [&](uint32_t other) {
        return spec.merges[other][0] == merge[0] && spec.merges[other][1] == merge[1];
      });
    }
  };
  Result<HashTable> table = makeTable(spec.merges.size(), path, "merges", fill);
  if (!table)
    return table.error();
  sections[LMOPT_TOKENIZER_MERGE_TABLE] = bytesOf(table->slots);
  header.merge_probes = table->probes;
  if (spec.kind != LMOPT_TOKENIZER_WORDPIECE)
    sections[LMOPT_TOKENIZER_BYTE_TOKENS] = bytesOf(byteTokens());
  return {};
}

/// Tokens that are marked come first; where words begin as bytes, and in llama.cpp's SentencePiece, a piece of one byte
/// will do.
std::vector<int32_t> BlobWriter::byteTokens() const {
  std::vector<int32_t> tokens(256, -1);
  auto take = [&](uint8_t mask, uint8_t flags) {
    for (size_t id = spec.pieces.size(); id-- > 0;)
      if (spec.pieces[id].size() == 1 && (spec.tokenFlags[id] & mask) == flags) {
        int32_t &token = tokens[static_cast<uint8_t>(spec.pieces[id][0])];
        token = token < 0 ? static_cast<int32_t>(id) : token;
      }
  };
  for (size_t id = 0; id < spec.pieces.size() && spec.kind == LMOPT_TOKENIZER_UNIGRAM; ++id)
    if (std::optional<uint8_t> byte = byteNamed(spec.pieces[id])) // these are pieces of a text as well
      tokens[*byte] = static_cast<int32_t>(id);
  take(LMOPT_TOKEN_FLAG_BYTE, LMOPT_TOKEN_FLAG_BYTE);
  if (spec.kind != LMOPT_TOKENIZER_UNIGRAM && !(spec.flags & LMOPT_TOKENIZER_CHARACTERS))
    take(LMOPT_TOKEN_FLAG_BYTE | LMOPT_TOKEN_FLAG_ADDED, 0);
  return tokens;
}

Result<void> BlobWriter::addAdded() {
  struct Entry {
    const AddedToken *token;
    std::string text;
    size_t round;
  };
  std::vector<Entry> entries;
  for (const AddedToken &token : spec.added) {
    std::string storage;
    std::string text(normalizedText(spec, token, storage));
    if (!text.empty()) // a token of which normalization leaves nothing is never found
      entries.push_back({&token, std::move(text), token.normalized ? size_t(1) : size_t(0)});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry &a, const Entry &b) {
    auto key = [](const Entry &entry) {
      return std::make_tuple(entry.round, static_cast<uint8_t>(entry.text[0]), -static_cast<int64_t>(entry.text.size()),
                             entry.token->id);
    };
    return key(a) < key(b);
  });
  std::vector<uint32_t> index;
  std::vector<lmopt_tokenizer_added_t> list;
  std::string &bytes = sections[LMOPT_TOKENIZER_ADDED_BYTES];
  for (const Entry &entry : entries) {
    list.push_back({entry.token->id, static_cast<uint32_t>(bytes.size()), static_cast<uint32_t>(entry.text.size()),
                    entry.token->flags});
    bytes += entry.text;
  }
  uint32_t next = 0;
  for (size_t round = 0; round < 2; ++round)
    for (unsigned byte = 0; byte <= 256; ++byte) {
      index.push_back(next);
      while (next < entries.size() && entries[next].round == round &&
             static_cast<uint8_t>(entries[next].text[0]) == byte)
        ++next;
    }
  sections[LMOPT_TOKENIZER_ADDED] = bytesOf(list);
  sections[LMOPT_TOKENIZER_ADDED_INDEX] = bytesOf(index);
  return {};
}

/// Ids that stand for nothing have none. Unknown characters: 10 below all pieces, as in `tokenizers`.
std::string BlobWriter::scores() const {
  std::vector<double> all = spec.scores;
  all.resize(spec.pieces.size());
  if (spec.kind == LMOPT_TOKENIZER_SCORED)
    return bytesOf(std::vector<float>(all.begin(), all.end()));
  if (spec.kind != LMOPT_TOKENIZER_UNIGRAM)
    return "";
  double least = spec.scores.empty() ? 0 : *std::min_element(spec.scores.begin(), spec.scores.end());
  all.push_back(spec.unknownScore.value_or(least - 10));
  return bytesOf(all);
}

/// Expressions come behind the texts of the normalizer; a step names one by its number among all.
void BlobWriter::addRules() {
  NormalizerSections normalizer(spec.normalizer);
  uint32_t before = normalizer.offsets.empty() ? 0 : static_cast<uint32_t>(normalizer.offsets.size() - 1);
  for (const std::string &pattern : spec.patterns)
    normalizer.add(pattern);
  std::vector<std::array<uint32_t, 2>> splits = spec.splits;
  for (auto &[step, argument] : splits)
    argument += step == LMOPT_SPLIT_PATTERN ? before : 0;
  sections[LMOPT_TOKENIZER_PRETOKENIZER] = bytesOf(splits);
  sections[LMOPT_TOKENIZER_NORMALIZER] = bytesOf(normalizer.steps);
  sections[LMOPT_TOKENIZER_ARGUMENT_OFFSETS] = bytesOf(normalizer.offsets);
  sections[LMOPT_TOKENIZER_ARGUMENT_BYTES] = normalizer.bytes;
}

std::string BlobWriter::assemble() {
  std::string blob(sizeof(header), '\0');
  for (size_t i = 0; i < LMOPT_TOKENIZER_SECTION_COUNT; ++i) {
    blob.resize((blob.size() + 7) / 8 * 8);
    header.sections[i] = {blob.size(), sections[i].size()};
    blob += sections[i];
  }
  header.size = blob.size();
  memcpy(blob.data(), &header, sizeof(header));
  return blob;
}

Result<std::string> BlobWriter::write() {
  if (spec.pieces.empty() || spec.pieces.size() > LMOPT_TOKENIZER_MAX_TOKENS)
    return malformed(path + ": " + std::to_string(spec.pieces.size()) + " tokens; 1 to " +
                     std::to_string(LMOPT_TOKENIZER_MAX_TOKENS) + " expected");
  header.magic = LMOPT_TOKENIZER_MAGIC;
  header.version = LMOPT_TOKENIZER_VERSION;
  header.kind = spec.kind;
  header.flags = spec.flags;
  header.token_count = static_cast<uint32_t>(spec.pieces.size());
  header.merge_count = static_cast<uint32_t>(spec.merges.size());
  header.max_word_chars = spec.maxWordChars;
  header.max_length = spec.maxLength;
  header.unknown = spec.unknown;
  std::copy(spec.roles.begin(), spec.roles.end(), header.roles);
  for (auto add : {&BlobWriter::addTokens, &BlobWriter::addMerges, &BlobWriter::addAdded})
    if (Result<void> result = (this->*add)(); !result)
      return result.error();
  addRules();
  sections[LMOPT_TOKENIZER_SCORES] = scores();
  sections[LMOPT_TOKENIZER_CHARSMAP] = spec.charsmap;
  sections[LMOPT_TOKENIZER_TEMPLATE] = bytesOf(spec.frame);
  sections[LMOPT_TOKENIZER_PAIR_TEMPLATE] = bytesOf(spec.pairFrame);
  sections[LMOPT_TOKENIZER_END_TOKENS] = bytesOf(spec.endTokens);
  sections[LMOPT_TOKENIZER_CONTINUATION] = spec.continuation;
  if (spec.flags & LMOPT_TOKENIZER_AFFIXES)
    sections[LMOPT_TOKENIZER_CONTINUATION] += '\0' + spec.wordEnd;
  return assemble();
}

/// The word whose piece with the mark of its end this is; "" if it is none.
static std::string_view wordOf(std::string_view piece, std::string_view end) {
  bool ends = piece.size() >= end.size() && piece.substr(piece.size() - end.size()) == end;
  return ends ? piece.substr(0, piece.size() - end.size()) : std::string_view();
}

/// Sets LMOPT_TOKEN_FLAG_WHOLE where encoding the bytes of a token, pair by pair, gives the token.
static void markWholeWords(const lmopt_tokenizer_t *tokenizer, TokenizerSpec &spec) {
  int32_t ids[2];
  lmopt_encoding_t encoding = {};
  encoding.tokenizer = tokenizer;
  encoding.ids = ids;
  encoding.capacity = encoding.limit = 2;
  for (size_t id = 0; id < spec.pieces.size(); ++id) {
    std::string_view word = wordOf(spec.pieces[id], spec.wordEnd);
    if (word.empty() || (spec.tokenFlags[id] & (LMOPT_TOKEN_FLAG_ADDED | LMOPT_TOKEN_FLAG_BYTE)))
      continue;
    encoding.count = 0;
    lmopt_bpe_word(&encoding, {reinterpret_cast<const uint8_t *>(word.data()), word.size()}, /*may_be_whole=*/0);
    if (encoding.count == 1 && ids[0] == static_cast<int32_t>(id))
      spec.tokenFlags[id] |= LMOPT_TOKEN_FLAG_WHOLE;
  }
  lmopt_encoding_free(&encoding);
}

Result<std::string> lmopt::writeTokenizerBlob(TokenizerSpec &spec, const std::string &path) {
  Result<std::string> blob = BlobWriter(spec, path).write();
  if (!blob)
    return blob;
  // Opening checks what the readers may have let through: ids out of range, too many steps.
  lmopt_tokenizer_t *opened = nullptr;
  lmopt_error_t error;
  if (lmopt_status_t status = lmopt_tokenizer_create(blob->data(), blob->size(), &opened, &error))
    return Error{status, path + ": " + error.message};
  std::unique_ptr<lmopt_tokenizer_t, void (*)(lmopt_tokenizer_t *)> tokenizer(opened, lmopt_tokenizer_destroy);
  if (spec.kind != LMOPT_TOKENIZER_BPE)
    return blob;
  markWholeWords(tokenizer.get(), spec);
  memcpy(blob->data() + opened->header.sections[LMOPT_TOKENIZER_TOKEN_FLAGS].offset, spec.tokenFlags.data(),
         spec.tokenFlags.size());
  return blob;
}

bool lmopt::decodeByteLevel(std::string_view text, std::string &bytes) {
  // Bytes that print stand for themselves; the other 68 are U+0100 and following, in order.
  static const std::array<int16_t, 0x144> table = [] {
    std::array<int16_t, 0x144> result;
    result.fill(-1);
    int16_t next = 0x100;
    for (int16_t b = 0; b < 256; ++b) {
      bool prints = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      result[prints ? b : next++] = b;
    }
    return result;
  }();
  bytes.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t c = static_cast<uint8_t>(text[i]);
    if (c >= 0x80) {
      if (c < 0xC2 || c > 0xC5 || i + 1 == text.size() || (static_cast<uint8_t>(text[i + 1]) & 0xC0) != 0x80)
        return false;
      c = (c & 0x1F) << 6 | (static_cast<uint8_t>(text[++i]) & 0x3F);
    }
    if (c >= table.size() || table[c] < 0)
      return false;
    bytes += static_cast<char>(table[c]);
  }
  return true;
}

static int hexDigit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

std::optional<uint8_t> lmopt::byteNamed(std::string_view name) {
  if (name.size() != 6 || name.substr(0, 3) != "<0x" || name[5] != '>' || hexDigit(name[3]) < 0 ||
      hexDigit(name[4]) < 0)
    return std::nullopt;
  return static_cast<uint8_t>(16 * hexDigit(name[3]) + hexDigit(name[4]));
}

bool lmopt::markByteToken(TokenizerSpec &spec, size_t id) {
  std::optional<uint8_t> byte = byteNamed(spec.pieces[id]);
  if (!byte)
    return false;
  spec.pieces[id] = std::string(1, static_cast<char>(*byte));
  spec.tokenFlags[id] |= LMOPT_TOKEN_FLAG_BYTE;
  return true;
}

void lmopt::markByteTokens(TokenizerSpec &spec) {
  for (size_t id = 0; id < spec.pieces.size(); ++id)
    if (!(spec.tokenFlags[id] & LMOPT_TOKEN_FLAG_ADDED))
      markByteToken(spec, id);
}

void lmopt::setUnknownScore(TokenizerSpec &spec, const std::vector<bool> &counts) {
  float least = std::numeric_limits<float>::max();
  bool any = false;
  for (size_t id = 0; id < spec.scores.size(); ++id)
    if (counts[id]) {
      least = std::min(least, static_cast<float>(spec.scores[id]));
      any = true;
    }
  spec.unknownScore = any ? least - 10.0f : -10.0f;
}

bool lmopt::isCharsmap(std::string_view bytes) {
  uint32_t trie = 0;
  if (bytes.size() < sizeof(trie))
    return false;
  memcpy(&trie, bytes.data(), sizeof(trie));
  return trie <= bytes.size() - sizeof(trie) && trie % sizeof(uint32_t) == 0;
}

void lmopt::decodeByteLevelPieces(TokenizerSpec &spec) {
  for (size_t id = 0; id < spec.pieces.size(); ++id) {
    std::string bytes;
    if (spec.tokenFlags[id] & LMOPT_TOKEN_FLAG_ADDED)
      continue;
    if (decodeByteLevel(spec.pieces[id], bytes))
      spec.pieces[id] = bytes;
    else
      spec.tokenFlags[id] |= LMOPT_TOKEN_FLAG_ADDED;
  }
}
