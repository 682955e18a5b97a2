// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a blob back to its spec: readTokenizerBlob of TokenizerBlob.h. In: bytes, perhaps of a stranger. Out: the spec,
// from which writeTokenizerBlob makes the same bytes. Tested by test/unit/tokenizer/ShortListTest.cpp.
#include "frontends/tokenizer/TokenizerBlob.h"
#include "runtime/src/tokenizer/internal.h"

#include <algorithm>
#include <cstring>
#include <memory>

using namespace lmopt;

namespace {
using TokenizerHandle = std::unique_ptr<lmopt_tokenizer_t, void (*)(lmopt_tokenizer_t *)>;

class BlobReader {
public:
  BlobReader(const lmopt_tokenizer_t &from, const std::string &path) : from(from), path(path) {}
  Result<TokenizerSpec> read();

private:
  Result<void> readTokens();
  Result<void> readMerges();
  Result<void> readAdded();
  void readHeader();

  void readScores();
  void readSplit(uint32_t step, uint32_t argumentOfStep);
  std::string argument(size_t index) const;
  NormalizerStep step(uint32_t kind, uint32_t index) const;
  size_t count(lmopt_tokenizer_section_t section, size_t size) const { return from.sections[section].size / size; }
  uint32_t number(lmopt_tokenizer_section_t section, size_t index) const {
    return lmopt_load_u32(from.sections[section].data, index);
  }
  int32_t id(lmopt_tokenizer_section_t section, size_t index) const {
    return static_cast<int32_t>(number(section, index));
  }
  Error bad(const std::string &what) const { return malformed(path + ": tokenizer blob: " + what); }

  const lmopt_tokenizer_t &from;
  const std::string &path;
  TokenizerSpec spec;
};
} // namespace

/// "" where the blob contradicts itself, as the runtime takes it.
std::string BlobReader::argument(size_t index) const {
  const lmopt_bytes_t &bytes = from.sections[LMOPT_TOKENIZER_ARGUMENT_BYTES];
  if (index + 1 >= count(LMOPT_TOKENIZER_ARGUMENT_OFFSETS, sizeof(uint32_t)))
    return "";
  uint32_t begin = number(LMOPT_TOKENIZER_ARGUMENT_OFFSETS, index);
  uint32_t end = number(LMOPT_TOKENIZER_ARGUMENT_OFFSETS, index + 1);
  if (begin > end || end > bytes.size)
    return "";
  return std::string(reinterpret_cast<const char *>(bytes.data) + begin, end - begin);
}

NormalizerStep BlobReader::step(uint32_t kind, uint32_t index) const {
  uint32_t texts = lmopt_normalize_texts(kind);
  if (kind == LMOPT_NORMALIZE_SPACES)
    return NormalizerStep::spaces(index);
  return {kind, texts > 0 ? argument(index) : "", texts > 1 ? argument(static_cast<size_t>(index) + 1) : ""};
}

void BlobReader::readSplit(uint32_t step, uint32_t argumentOfStep) {
  if (step == LMOPT_SPLIT_PATTERN) {
    spec.patterns.push_back(argument(argumentOfStep & LMOPT_PATTERN_TEXT));
    argumentOfStep = (argumentOfStep & ~LMOPT_PATTERN_TEXT) | static_cast<uint32_t>(spec.patterns.size() - 1);
  }
  spec.splits.push_back({step, argumentOfStep});
}

void BlobReader::readHeader() {
  const lmopt_tokenizer_header_t &header = from.header;
  spec.kind = header.kind;
  spec.flags = header.flags;
  spec.unknown = header.unknown;
  spec.maxWordChars = header.max_word_chars;
  spec.maxLength = header.max_length;
  std::copy(std::begin(header.roles), std::end(header.roles), spec.roles.begin());
  for (size_t i = 0; i < count(LMOPT_TOKENIZER_NORMALIZER, 2 * sizeof(uint32_t)); ++i)
    spec.normalizer.push_back(
        step(number(LMOPT_TOKENIZER_NORMALIZER, 2 * i), number(LMOPT_TOKENIZER_NORMALIZER, 2 * i + 1)));
  for (size_t i = 0; i < count(LMOPT_TOKENIZER_PRETOKENIZER, 2 * sizeof(uint32_t)); ++i)
    readSplit(number(LMOPT_TOKENIZER_PRETOKENIZER, 2 * i), number(LMOPT_TOKENIZER_PRETOKENIZER, 2 * i + 1));
  spec.frame.clear();
  for (size_t i = 0; i < count(LMOPT_TOKENIZER_TEMPLATE, sizeof(int32_t)); ++i)
    spec.frame.push_back(id(LMOPT_TOKENIZER_TEMPLATE, i));
  spec.pairFrame.clear();
  for (size_t i = 0; i < count(LMOPT_TOKENIZER_PAIR_TEMPLATE, 2 * sizeof(int32_t)); ++i)
    spec.pairFrame.push_back({id(LMOPT_TOKENIZER_PAIR_TEMPLATE, 2 * i), id(LMOPT_TOKENIZER_PAIR_TEMPLATE, 2 * i + 1)});
  for (size_t i = 0; i < count(LMOPT_TOKENIZER_END_TOKENS, sizeof(int32_t)); ++i)
    spec.endTokens.push_back(id(LMOPT_TOKENIZER_END_TOKENS, i));
  const lmopt_bytes_t &prefix = from.sections[LMOPT_TOKENIZER_CONTINUATION];
  spec.continuation.assign(reinterpret_cast<const char *>(prefix.data), prefix.size);
  if (header.flags & LMOPT_TOKENIZER_AFFIXES) { // opening has looked for the zero byte
    size_t zero = spec.continuation.find('\0');
    spec.wordEnd = spec.continuation.substr(zero + 1);
    spec.continuation.resize(zero);
  }
}

template <class T>
static std::vector<T> numbers(const lmopt_bytes_t &section, size_t count) {
  std::vector<T> values(count);
  if (count)
    memcpy(values.data(), section.data, count * sizeof(T));
  return values;
}

/// Opening has looked at the size.
void BlobReader::readScores() {
  const lmopt_bytes_t &section = from.sections[LMOPT_TOKENIZER_SCORES];
  if (from.header.kind == LMOPT_TOKENIZER_SCORED) {
    std::vector<float> scores = numbers<float>(section, from.header.token_count);
    spec.scores.assign(scores.begin(), scores.end());
  }
  if (from.header.kind == LMOPT_TOKENIZER_UNIGRAM) {
    spec.scores = numbers<double>(section, static_cast<size_t>(from.header.token_count) + 1);
    spec.unknownScore = spec.scores.back();
    spec.scores.pop_back();
  }
}

Result<void> BlobReader::readTokens() {
  for (uint32_t token = 0; token < from.header.token_count; ++token) {
    lmopt_bytes_t piece;
    if (!lmopt_token_bytes(&from, token, &piece))
      return bad("token " + std::to_string(token) + " has no valid piece");
    spec.pieces.emplace_back(reinterpret_cast<const char *>(piece.data), piece.size);
    spec.tokenFlags.push_back(static_cast<uint8_t>(lmopt_token_flags(&from, token)));
  }
  readScores();
  const lmopt_bytes_t &charsmap = from.sections[LMOPT_TOKENIZER_CHARSMAP];
  spec.charsmap.assign(reinterpret_cast<const char *>(charsmap.data), charsmap.size);
  return {};
}

Result<void> BlobReader::readMerges() {
  for (size_t i = 0; i < from.header.merge_count; ++i) {
    std::array<uint32_t, 3> merge;
    for (size_t k = 0; k < merge.size(); ++k)
      if (merge[k] = number(LMOPT_TOKENIZER_MERGES, 3 * i + k); merge[k] >= from.header.token_count)
        return bad("merge " + std::to_string(i) + " names token " + std::to_string(merge[k]) + " of " +
                   std::to_string(from.header.token_count));
    spec.merges.push_back(merge);
  }
  return {};
}

/// Those that are sought in the normalized text come behind the others.
Result<void> BlobReader::readAdded() {
  const lmopt_bytes_t &list = from.sections[LMOPT_TOKENIZER_ADDED], &bytes = from.sections[LMOPT_TOKENIZER_ADDED_BYTES];
  uint32_t normalizedBegin = number(LMOPT_TOKENIZER_ADDED_INDEX, 257);
  for (size_t i = 0; i < list.size / sizeof(lmopt_tokenizer_added_t); ++i) {
    lmopt_tokenizer_added_t entry;
    memcpy(&entry, list.data + i * sizeof(entry), sizeof(entry));
    if (entry.id >= from.header.token_count || entry.size == 0 || entry.offset > bytes.size ||
        entry.size > bytes.size - entry.offset)
      return bad("added token " + std::to_string(i) + " has no valid text or id");
    std::string text(reinterpret_cast<const char *>(bytes.data) + entry.offset, entry.size);
    spec.added.push_back({entry.id, text, entry.flags, i >= normalizedBegin, /*textIsNormalized=*/true});
  }
  return {};
}

Result<TokenizerSpec> BlobReader::read() {
  readHeader();
  for (auto part : {&BlobReader::readTokens, &BlobReader::readMerges, &BlobReader::readAdded})
    if (Result<void> result = (this->*part)(); !result)
      return result.error();
  return std::move(spec);
}

Result<TokenizerSpec> lmopt::readTokenizerBlob(std::string_view blob, const std::string &path) {
  lmopt_tokenizer_t *opened = nullptr;
  lmopt_error_t error;
  if (lmopt_status_t status = lmopt_tokenizer_create(blob.data(), blob.size(), &opened, &error))
    return Error{status, path + ": " + error.message};
  TokenizerHandle tokenizer(opened, lmopt_tokenizer_destroy);
  return BlobReader(*tokenizer, path).read();
}
