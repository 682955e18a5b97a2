/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What the parts of the tokenizer share: the opened blob, the list of ids that grows during one encode, and the steps
 * text -> normalized text -> words -> ids. Not public; frontends/tokenizer uses lmopt_normalize_text and lmopt_bpe_word
 * to precompute what the blob holds.
 */
#ifndef LMOPT_RUNTIME_TOKENIZER_INTERNAL_H
#define LMOPT_RUNTIME_TOKENIZER_INTERNAL_H

#include "lmopt/tokenizer.h"
#include "lmopt/tokenizer_format.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the tokenizer blob is read in place and is little endian"
#endif

typedef struct lmopt_bytes {
  const uint8_t *data;
  size_t size;
} lmopt_bytes_t;

typedef struct lmopt_patterns lmopt_patterns_t; /* pattern.c: PCRE2 and the compiled expressions */

struct lmopt_tokenizer {
  lmopt_tokenizer_header_t header;
  lmopt_bytes_t sections[LMOPT_TOKENIZER_SECTION_COUNT];
  uint32_t token_mask; /* slots - 1 of the hash tables */
  uint32_t merge_mask;
  size_t template_size; /* entries, ids among them */
  size_t template_ids;
  size_t pair_size; /* the same of the template for two texts; 0: there is none */
  size_t pair_ids;
  lmopt_bytes_t prefix, suffix; /* of the characters of a word, where AFFIXES says so */
  lmopt_patterns_t *patterns;   /* NULL: no step has an expression */
};

#define LMOPT_SPACE_SIZE (sizeof(LMOPT_SPACE) - 1)
/* Whether U+2581 stands at byte `at`, which is at most the size. */
static inline int lmopt_is_space(lmopt_bytes_t text, size_t at) {
  return text.size - at >= LMOPT_SPACE_SIZE && memcmp(text.data + at, LMOPT_SPACE, LMOPT_SPACE_SIZE) == 0;
}

/* A blob needs no alignment, so nothing in it is read through a pointer to a wider type. */
static inline uint32_t lmopt_load_u32(const uint8_t *base, size_t index) {
  uint32_t value;
  memcpy(&value, base + index * sizeof(value), sizeof(value));
  return value;
}
static inline int32_t lmopt_load_i32(const uint8_t *base, size_t index) { return (int32_t)lmopt_load_u32(base, index); }

/* Bytes that grow. `data` is freed by its owner. */
typedef struct lmopt_buffer {
  uint8_t *data;
  size_t size, capacity;
} lmopt_buffer_t;
/* 0 when out of memory (the buffer stays as it was). */
int lmopt_buffer_reserve(lmopt_buffer_t *buffer, size_t extra);
int lmopt_buffer_append(lmopt_buffer_t *buffer, const void *data, size_t size);

/* Bytes [begin, end) of the text before it was normalized. */
typedef struct lmopt_origin {
  uint32_t begin, end;
} lmopt_origin_t;

/* One encode. Ids beyond `capacity` are counted, not written; at `limit` the work ends. */
typedef struct lmopt_encoding {
  const lmopt_tokenizer_t *tokenizer;
  uint32_t flags;
  int32_t *ids;
  size_t capacity, count, limit;
  size_t skip; /* so many ids are dropped before the first is counted: truncation on the left */
  int out_of_memory;
  int too_much_work;   /* an expression: the number of its step + 1 */
  void *matching;      /* scratch of expressions: pattern.c */
  uint64_t match_work; /* what expressions may still do, in steps of PCRE2 */
  /* Only when somebody asks where tokens come from: */
  lmopt_buffer_t *tokens;                         /* NULL, or takes a lmopt_token_t for each id that is counted */
  lmopt_buffer_t origins;                         /* for each byte of `normalized` */
  const uint8_t *whole;                           /* the whole text */
  size_t segment;                                 /* where in it the text begins that was normalized */
  const uint8_t *part;                            /* what the words point into */
  ptrdiff_t part_shift;                           /* byte i of it is byte i + part_shift of `normalized` */
  int32_t word;                                   /* number of the word at work */
  size_t span_begin, span_end;                    /* of the next id, in bytes of the whole text */
  lmopt_bytes_t prepared;                         /* what the words of this segment are cut from */
  lmopt_bytes_t unknown;                          /* SCORED: the unknown characters at work */
  lmopt_buffer_t sanitized, normalized, prefixed; /* scratch of the steps, kept for the next segment */
  lmopt_buffer_t prefixed_origins;                /* for each byte of `prefixed` where METASPACE wrote it */
  lmopt_buffer_t symbols, heap;                   /* scratch of long words */
} lmopt_encoding_t;

void lmopt_encoding_record(lmopt_encoding_t *encoding, int32_t id);
void lmopt_encoding_locate(lmopt_encoding_t *encoding, const uint8_t *begin, const uint8_t *end);
static inline int lmopt_encoding_done(const lmopt_encoding_t *encoding) {
  return encoding->out_of_memory || encoding->too_much_work || encoding->count >= encoding->limit;
}
static inline void lmopt_encoding_add(lmopt_encoding_t *encoding, int32_t id) {
  if (encoding->count >= encoding->limit)
    return;
  const lmopt_tokenizer_header_t *header = &encoding->tokenizer->header;
  if (id == header->unknown && (header->flags & LMOPT_TOKENIZER_DROP_UNKNOWN)) {
    encoding->limit -= encoding->limit != SIZE_MAX; /* it takes a place that it does not fill */
    return;
  }
  if (encoding->skip) {
    --encoding->skip;
    return;
  }
  if (encoding->count < encoding->capacity)
    encoding->ids[encoding->count] = id;
  ++encoding->count;
  if (encoding->tokens)
    lmopt_encoding_record(encoding, id);
}
/* Says that the next id stands for these bytes of the word at work. */
static inline void lmopt_encoding_span(lmopt_encoding_t *encoding, const uint8_t *begin, const uint8_t *end) {
  if (encoding->tokens)
    lmopt_encoding_locate(encoding, begin, end);
}
void lmopt_encoding_free(lmopt_encoding_t *encoding);
/* All of a text, without template and without cutting. */
void lmopt_encode_whole(lmopt_encoding_t *encoding, lmopt_bytes_t text);

/* The piece of a token; 0 when the blob contradicts itself. */
int lmopt_token_bytes(const lmopt_tokenizer_t *tokenizer, uint32_t id, lmopt_bytes_t *out);
/* The id of a piece in the table whose hash (not yet ended) is known, or -1. `prefix` stands in front of `bytes`. */
int32_t lmopt_token_search(const lmopt_tokenizer_t *tokenizer, uint64_t hash, lmopt_bytes_t prefix,
                           lmopt_bytes_t bytes);
static inline uint32_t lmopt_token_flags(const lmopt_tokenizer_t *tokenizer, uint32_t id) {
  return tokenizer->sections[LMOPT_TOKENIZER_TOKEN_FLAGS].data[id];
}

/* What a normalizer does, as sections of a blob: NORMALIZER, ARGUMENT_OFFSETS, ARGUMENT_BYTES, CHARSMAP. */
typedef struct lmopt_normalizer {
  lmopt_bytes_t steps, argument_offsets, argument_bytes, charsmap;
  int inside; /* the text is not the beginning of the whole one */
} lmopt_normalizer_t;
static inline lmopt_normalizer_t lmopt_normalizer_of(const lmopt_tokenizer_t *tokenizer) {
  return (lmopt_normalizer_t){
      tokenizer->sections[LMOPT_TOKENIZER_NORMALIZER], tokenizer->sections[LMOPT_TOKENIZER_ARGUMENT_OFFSETS],
      tokenizer->sections[LMOPT_TOKENIZER_ARGUMENT_BYTES], tokenizer->sections[LMOPT_TOKENIZER_CHARSMAP], 0};
}
/* Applies the steps to UTF-8 and appends the result to `out`, and unless `origins` is NULL, to that for each byte of
 * the result where it comes from. Bytes that are no UTF-8 become U+FFFD. 0 when out of memory. */
int lmopt_normalize_text(const lmopt_normalizer_t *normalizer, lmopt_bytes_t text, lmopt_buffer_t *out,
                         lmopt_buffer_t *origins);

/* Cuts normalized text into words and encodes each. */
void lmopt_split_and_encode(lmopt_encoding_t *encoding, lmopt_bytes_t text);

/* Opens PCRE2 and compiles the expressions of all steps; does nothing where there are none. */
lmopt_status_t lmopt_patterns_open(lmopt_tokenizer_t *tokenizer, lmopt_error_t *error);
void lmopt_patterns_close(lmopt_patterns_t *patterns);
/* The next match of the step's expression in `text` from `at` on, as bytes of it. 0: none, or nothing can be done any
 * more (out_of_memory, too_much_work). A match may be empty. */
int lmopt_pattern_find(lmopt_encoding_t *encoding, size_t step, lmopt_bytes_t text, size_t at, size_t *begin,
                       size_t *end);
void lmopt_pattern_release(lmopt_encoding_t *encoding);
/* Fills `error` where an encode has not come to its end; else LMOPT_OK. */
lmopt_status_t lmopt_encoding_result(const lmopt_encoding_t *encoding, size_t length, lmopt_error_t *error);

/* A part of a word in the making: bytes [begin, end) of it, and its token, if it is one. */
typedef struct lmopt_part {
  int32_t id;
  uint32_t begin, end;
} lmopt_part_t;

#define LMOPT_NO_RANK UINT32_MAX

/* What joining neighbours asks: the parts that a word begins as, at most one for each of its bytes; when two of them
 * join, the lowest first, LMOPT_NO_RANK never; the token of both; and what becomes of a part in the end. */
typedef struct lmopt_joiner {
  size_t (*first)(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, lmopt_part_t *parts);
  uint32_t (*rank)(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, const lmopt_part_t *left,
                   const lmopt_part_t *right);
  int32_t (*joined)(const lmopt_tokenizer_t *tokenizer, uint32_t rank);
  void (*add)(lmopt_encoding_t *encoding, lmopt_bytes_t word, const lmopt_part_t *part);
} lmopt_joiner_t;
/* 0 when out of memory. */
int lmopt_join_word(lmopt_encoding_t *encoding, const lmopt_joiner_t *joiner, lmopt_bytes_t word);

/* One word to ids. `may_be_whole`: trust LMOPT_TOKEN_FLAG_WHOLE (its precomputation cannot). */
void lmopt_bpe_word(lmopt_encoding_t *encoding, lmopt_bytes_t word, int may_be_whole);
void lmopt_wordpiece_word(lmopt_encoding_t *encoding, lmopt_bytes_t word);
void lmopt_unigram_word(lmopt_encoding_t *encoding, lmopt_bytes_t word);
void lmopt_scored_word(lmopt_encoding_t *encoding, lmopt_bytes_t word);
/* The token that stands for this byte of a character that is no piece, or -1. */
static inline int32_t lmopt_byte_token(const lmopt_tokenizer_t *tokenizer, uint8_t byte) {
  return lmopt_load_i32(tokenizer->sections[LMOPT_TOKENIZER_BYTE_TOKENS].data, byte);
}

/* Fills `error` (may be NULL) and returns `status`. */
lmopt_status_t lmopt_tokenizer_fail(lmopt_error_t *error, lmopt_status_t status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
