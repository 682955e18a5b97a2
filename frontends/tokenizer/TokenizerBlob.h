// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tokenizer as its file describes it, before and after it becomes the blob of lmopt/tokenizer_format.h.
//
// In: TokenizerSpec, filled by the readers of tokenizer.json and of GGUF metadata. Out: the bytes of the blob, with all
// hash tables and with the flag of each token that a word of its bytes becomes just that token. And back: a blob to the
// spec that it was written from, for what changes a vocabulary (ShortList.h).
// Tested by test/unit/tokenizer, read by runtime/src/tokenizer/open.c.
#ifndef LMOPT_FRONTENDS_TOKENIZER_TOKENIZERBLOB_H
#define LMOPT_FRONTENDS_TOKENIZER_TOKENIZERBLOB_H

#include "files/Status.h"
#include "lmopt/tokenizer.h"
#include "lmopt/tokenizer_format.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lmopt {

struct AddedToken {
  uint32_t id;
  std::string text;
  uint32_t flags; // LMOPT_ADDED_*
  bool normalized;
  bool textIsNormalized = false; // `text` is what the normalizer made of it, as a blob holds it
};

/// A step of the normalizer, LMOPT_NORMALIZE_*, with the texts that it names, or with its argument, if any.
struct NormalizerStep {
  NormalizerStep(uint32_t kind, std::string text = {}, std::string with = {})
      : kind(kind), text(std::move(text)), with(std::move(with)) {}
  static NormalizerStep spaces(uint32_t rules) {
    NormalizerStep step(LMOPT_NORMALIZE_SPACES);
    step.argument = rules;
    return step;
  }
  bool operator==(const NormalizerStep &other) const {
    return kind == other.kind && argument == other.argument && text == other.text && with == other.with;
  }
  uint32_t kind, argument = 0;
  std::string text, with;
};

struct TokenizerSpec {
  uint32_t kind = LMOPT_TOKENIZER_BPE;
  uint32_t flags = 0;                          // LMOPT_TOKENIZER_IGNORE_MERGES, ...
  std::vector<std::string> pieces;             // by id; empty for ids that stand for nothing
  std::vector<uint8_t> tokenFlags;             // LMOPT_TOKEN_FLAG_*, one for each piece
  std::vector<std::array<uint32_t, 3>> merges; // left, right, result; of equal pairs the first counts
  std::vector<double> scores;                  // LMOPT_TOKENIZER_SCORED and _UNIGRAM: one for each piece
  std::optional<double> unknownScore;          // UNIGRAM: of an unknown character; none: 10 below all pieces
  std::string charsmap;                        // what _CHARSMAP and _LONGEST replace, as SentencePiece compiles it
  std::vector<NormalizerStep> normalizer;      // what happens to a text first
  std::vector<std::array<uint32_t, 2>> splits; // LMOPT_SPLIT_*, LMOPT_SPLIT_ARG_*, LMOPT_METASPACE_*, LMOPT_PATTERN_*
  std::vector<std::string> patterns;           // expressions of PCRE2 that LMOPT_SPLIT_PATTERN names by number
  std::vector<AddedToken> added;
  std::vector<int32_t> frame = {-1}; // the post-processor's template
  /// The same for two texts, -1 and -2, with token types. Empty: two texts are not put together.
  std::vector<std::array<int32_t, 2>> pairFrame = {{-1, 0}, {-2, 1}};
  std::vector<int32_t> endTokens;
  std::array<int32_t, LMOPT_TOKENIZER_ROLE_COUNT> roles = {-1, -1, -1, -1, -1, -1, -1};
  int32_t unknown = -1;
  std::string continuation; // WordPiece, BPE: what pieces inside of words begin with
  std::string wordEnd;      // BPE: what the last character of a word ends with
  uint32_t maxWordChars = 0;
  uint32_t maxLength = 0;
};

/// `path` is for messages only.
Result<std::string> writeTokenizerBlob(TokenizerSpec &spec, const std::string &path);

/// The spec whose blob this is. Exit code 3 where the blob contradicts itself.
Result<TokenizerSpec> readTokenizerBlob(std::string_view blob, const std::string &path);

/// The printable form in which byte-level vocabularies are stored: each byte is one character. Empty when the text
/// holds a character that stands for no byte.
bool decodeByteLevel(std::string_view text, std::string &bytes);

/// The byte that a token named "<0x0A>" stands for; nothing for other names.
std::optional<uint8_t> byteNamed(std::string_view name);

/// Tokens named "<0x0A>" that are no added ones: each stands for one byte, which is their piece from now on.
void markByteTokens(TokenizerSpec &spec);
/// The same for one token that stands for a byte, whatever the others do. False: its name says no byte.
bool markByteToken(TokenizerSpec &spec, size_t id);

/// UNIGRAM: unknown characters are 10 below the pieces that `counts`, in single precision as in SentencePiece.
void setUnknownScore(TokenizerSpec &spec, const std::vector<bool> &counts);

/// Whether these bytes are a table of replacements as SentencePiece compiles it: as long as it says.
bool isCharsmap(std::string_view bytes);

/// Makes plain bytes of all pieces but added tokens. A piece that is no byte-level spelling can never come out of the
/// model: it is set apart as an added token.
void decodeByteLevelPieces(TokenizerSpec &spec);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_TOKENIZER_TOKENIZERBLOB_H
