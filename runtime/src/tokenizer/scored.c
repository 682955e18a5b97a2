/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Byte-pair encoding as SentencePiece does it: by the scores of pieces, without a list of merges.
 *
 * A word begins as its characters. Two neighbours may join when the text of both is a piece, whether each of them is
 * one or not; always those join whose piece has the best score, the leftmost among equals, until none may (join.c).
 * What is no piece in the end, which only a single character can be, becomes the tokens of its bytes, or the unknown
 * token.
 *
 * Each candidate is looked up by the hash of its text, none longer than the longest piece. Source: Kudo and Richardson,
 * SentencePiece (2018), and what llama.cpp makes of it (llm_tokenizer_spm), which takes lengths of characters from
 * their first bytes, any token by its text, and each byte of an unknown character by itself. With
 * LMOPT_TOKENIZER_SENTENCEPIECE as the package does it. Tested by test/unit/tokenizer/{Pieces,ModelFile}Test.cpp,
 * against sentencepiece by test/tools/sentencepiece_parity.py.
 */
#include "runtime/src/tokenizer/internal.h"

/* The better a score, the lower: floats order as their bits do, negative ones the other way round. */
static uint32_t order_of(float score) {
  uint32_t bits;
  score += 0.0F; /* minus zero is zero */
  memcpy(&bits, &score, sizeof(bits));
  return bits & 1u << 31 ? bits : ~(bits | 1u << 31);
}

static int as_the_package(const lmopt_tokenizer_t *tokenizer) {
  return (tokenizer->header.flags & LMOPT_TOKENIZER_SENTENCEPIECE) != 0;
}

static int32_t id_of(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, uint32_t begin, uint32_t end) {
  int32_t id = lmopt_tokenizer_find(tokenizer, (const char *)word.data + begin, end - begin);
  int is_added = id >= 0 && (lmopt_token_flags(tokenizer, (uint32_t)id) & LMOPT_TOKEN_FLAG_ADDED) != 0;
  return is_added && as_the_package(tokenizer) ? -1 : id;
}

static uint32_t rank_of(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, const lmopt_part_t *left,
                        const lmopt_part_t *right) {
  int32_t id = id_of(tokenizer, word, left->begin, right->end);
  float score;
  if (id < 0)
    return LMOPT_NO_RANK;
  memcpy(&score, tokenizer->sections[LMOPT_TOKENIZER_SCORES].data + (size_t)id * sizeof(score), sizeof(score));
  return order_of(score);
}

/* A part is its text; which token that is, is looked up in the end. */
static int32_t joined(const lmopt_tokenizer_t *tokenizer, uint32_t rank) {
  (void)tokenizer, (void)rank;
  return -1;
}

static uint32_t character_size(uint8_t lead) { return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4; }

static size_t first_parts(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, lmopt_part_t *parts) {
  (void)tokenizer;
  size_t count = 0;
  for (uint32_t at = 0; at < word.size; at = parts[count++].end) {
    uint32_t size = character_size(word.data[at]), left = (uint32_t)word.size - at;
    parts[count] = (lmopt_part_t){-1, at, at + (size < left ? size : left)};
  }
  return count;
}

/* The unknown token of the characters that have gathered, if any. */
static void end_unknown(lmopt_encoding_t *encoding) {
  lmopt_bytes_t text = encoding->unknown;
  encoding->unknown = (lmopt_bytes_t){NULL, 0};
  if (!text.size || encoding->tokenizer->header.unknown < 0)
    return;
  lmopt_encoding_span(encoding, text.data, text.data + text.size);
  lmopt_encoding_add(encoding, encoding->tokenizer->header.unknown);
}

/* A byte without a token is unknown; where there is no unknown token either, it goes. */
static void add_part(lmopt_encoding_t *encoding, lmopt_bytes_t word, const lmopt_part_t *part) {
  const lmopt_tokenizer_t *tokenizer = encoding->tokenizer;
  int32_t id = id_of(tokenizer, word, part->begin, part->end);
  if (id < 0 && as_the_package(tokenizer) && !(tokenizer->header.flags & LMOPT_TOKENIZER_BYTE_FALLBACK)) {
    const uint8_t *begin = encoding->unknown.size ? encoding->unknown.data : word.data + part->begin;
    encoding->unknown = (lmopt_bytes_t){begin, (size_t)(word.data + part->end - begin)};
    return;
  }
  end_unknown(encoding);
  lmopt_encoding_span(encoding, word.data + part->begin, word.data + part->end);
  if (id >= 0)
    return lmopt_encoding_add(encoding, id);
  for (uint32_t i = part->begin; i < part->end; ++i) {
    int32_t byte = lmopt_byte_token(tokenizer, word.data[i]);
    if (byte >= 0 || tokenizer->header.unknown >= 0)
      lmopt_encoding_add(encoding, byte >= 0 ? byte : tokenizer->header.unknown);
  }
}

static const lmopt_joiner_t by_score = {first_parts, rank_of, joined, add_part};

void lmopt_scored_word(lmopt_encoding_t *encoding, lmopt_bytes_t word) {
  if (!lmopt_join_word(encoding, &by_score, word))
    encoding->out_of_memory = 1;
  end_unknown(encoding);
}
