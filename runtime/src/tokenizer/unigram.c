/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The unigram model: of all ways to write a word as pieces, the one whose scores (logarithms of probabilities) have the
 * greatest sum.
 *
 * Viterbi from the left: at each character all pieces that begin there are looked up, by a hash that goes on byte by
 * byte; a character that is no piece by itself may be unknown, at a score below all others. Sums are added in the order
 * of the text in double precision and a later way must be better, not as good, as in `tokenizers`; sentencepiece keeps
 * them in single precision (LMOPT_TOKENIZER_SENTENCEPIECE), which decides between ways nearly as good. Neighbouring
 * unknown characters are one unknown token, or the tokens of their bytes. O(n) for n bytes times the longest piece.
 * Source: Kudo, Subword Regularization (2018). Tested by test/unit/tokenizer/UnigramTest.cpp and
 * test/tools/sentencepiece_parity.py.
 */
#include "runtime/src/tokenizer/internal.h"
#include "runtime/src/tokenizer/unicode.h"

#define NOWHERE UINT32_MAX

/* The best way to write a word up to here: its score, and the piece that it ends with. */
typedef struct {
  double score;
  uint32_t begin; /* of that piece; NOWHERE: no way leads here */
  int32_t id;     /* the unknown token for an unknown character */
} way_t;

static double score_of(const lmopt_tokenizer_t *tokenizer, uint32_t id) {
  double score;
  memcpy(&score, tokenizer->sections[LMOPT_TOKENIZER_SCORES].data + (size_t)id * sizeof(score), sizeof(score));
  return score;
}

static void improve(const lmopt_tokenizer_t *tokenizer, way_t *way, double score, uint32_t begin, int32_t id) {
  if (tokenizer->header.flags & LMOPT_TOKENIZER_SENTENCEPIECE)
    score = (float)score; /* the sum of two floats: rounding it twice changes nothing */
  if (way->begin == NOWHERE || score > way->score)
    *way = (way_t){score, begin, id};
}

/* All pieces at `begin`; whether one of them is the character there. */
static int try_pieces(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, uint32_t begin, size_t character,
                      way_t *ways) {
  uint32_t longest = tokenizer->header.max_piece_size, left = (uint32_t)word.size - begin;
  uint64_t hash = LMOPT_TOKENIZER_HASH_START;
  lmopt_bytes_t none = {word.data, 0};
  int is_piece = 0;
  for (uint32_t size = 0; size < longest && size < left;) {
    uint32_t c;
    const uint8_t *at = word.data + begin + size;
    size_t step = lmopt_utf8_decode(at, word.data + word.size, &c);
    hash = lmopt_tokenizer_hash(hash, at, step);
    size += (uint32_t)step;
    int32_t id = lmopt_token_search(tokenizer, hash, none, (lmopt_bytes_t){word.data + begin, size});
    if (id < 0 || (lmopt_token_flags(tokenizer, (uint32_t)id) & LMOPT_TOKEN_FLAG_ADDED))
      continue;
    improve(tokenizer, &ways[begin + size], ways[begin].score + score_of(tokenizer, (uint32_t)id), begin, id);
    is_piece |= size == character;
  }
  return is_piece;
}

/* Long texts: the package moves all scores that are still compared, lest single precision tells them apart no more. */
static void reset_scores(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, uint32_t begin, way_t *ways) {
  static const float most = 100000.0F;
  float offset = (float)ways[begin].score;
  if (!(tokenizer->header.flags & LMOPT_TOKENIZER_SENTENCEPIECE) || (offset >= -most && offset <= most))
    return;
  for (uint32_t i = begin; i <= word.size && i - begin <= tokenizer->header.max_piece_size; ++i)
    if (i == begin || ways[i].begin != NOWHERE)
      ways[i].score = (float)ways[i].score - offset;
}

static void find_ways(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, way_t *ways) {
  double unknown = score_of(tokenizer, tokenizer->header.token_count);
  for (uint32_t i = 0; i <= word.size; ++i)
    ways[i] = (way_t){0, NOWHERE, 0};
  for (uint32_t begin = 0; begin < word.size;) {
    uint32_t c;
    size_t character = lmopt_utf8_decode(word.data + begin, word.data + word.size, &c);
    reset_scores(tokenizer, word, begin, ways);
    if (!try_pieces(tokenizer, word, begin, character, ways))
      improve(tokenizer, &ways[begin + character], ways[begin].score + unknown, begin, tokenizer->header.unknown);
    begin += (uint32_t)character;
  }
}

/* Turns the way around, so that ways[i].begin says where the piece ends that begins at i. */
static void turn(way_t *ways, uint32_t end) {
  int32_t id = 0;
  uint32_t next = NOWHERE;
  for (uint32_t at = end;;) {
    uint32_t begin = ways[at].begin;
    int32_t own = ways[at].id;
    ways[at].begin = next;
    ways[at].id = id;
    if (at == 0 || begin == NOWHERE)
      return;
    next = at;
    id = own;
    at = begin;
  }
}

static void add_unknown(lmopt_encoding_t *encoding, lmopt_bytes_t text) {
  const lmopt_tokenizer_t *tokenizer = encoding->tokenizer;
  int falls_back = (tokenizer->header.flags & LMOPT_TOKENIZER_BYTE_FALLBACK) != 0;
  for (size_t i = 0; i < text.size && falls_back; ++i)
    falls_back = lmopt_byte_token(tokenizer, text.data[i]) >= 0;
  if (!falls_back) {
    lmopt_encoding_span(encoding, text.data, text.data + text.size);
    return lmopt_encoding_add(encoding, tokenizer->header.unknown);
  }
  for (size_t i = 0; i < text.size; ++i) {
    lmopt_encoding_span(encoding, text.data + i, text.data + i + 1);
    lmopt_encoding_add(encoding, lmopt_byte_token(tokenizer, text.data[i]));
  }
}

static void add_pieces(lmopt_encoding_t *encoding, lmopt_bytes_t word, const way_t *ways) {
  int32_t unknown = encoding->tokenizer->header.unknown;
  for (uint32_t at = 0; at < word.size && !lmopt_encoding_done(encoding);) {
    uint32_t end = ways[at].begin;
    int32_t id = ways[at].id;
    if (id != unknown) {
      lmopt_encoding_span(encoding, word.data + at, word.data + end);
      lmopt_encoding_add(encoding, id);
      at = end;
      continue;
    }
    while (end < word.size && ways[end].id == unknown)
      end = ways[end].begin;
    add_unknown(encoding, (lmopt_bytes_t){word.data + at, end - at});
    at = end;
  }
}

void lmopt_unigram_word(lmopt_encoding_t *encoding, lmopt_bytes_t word) {
  encoding->symbols.size = 0;
  if (word.size >= NOWHERE / sizeof(way_t) ||
      !lmopt_buffer_reserve(&encoding->symbols, (word.size + 1) * sizeof(way_t))) {
    encoding->out_of_memory = 1;
    return;
  }
  way_t *ways = (way_t *)encoding->symbols.data;
  find_ways(encoding->tokenizer, word, ways);
  turn(ways, (uint32_t)word.size);
  add_pieces(encoding, word, ways);
}
