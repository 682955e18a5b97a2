/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Text to token ids and back, as the model's own tokenizer file says. Usable alone, without a model.
 *
 * In: a tokenizer blob (tokenizer_format.h; meta entry "tokenizer" of an artifact) and UTF-8 text. Out: ids, text.
 * A tokenizer is immutable after creation: any number of threads may use one at the same time. A detokenizer holds the
 * state of one stream and belongs to one thread at a time. Nothing here prints, exits or keeps global state.
 * Tested by test/unit/tokenizer, fuzzed by test/fuzz, compared with llama.cpp and `tokenizers` by
 * test/tools/tokenizer_parity.py.
 */
#ifndef LMOPT_TOKENIZER_H
#define LMOPT_TOKENIZER_H

#include "lmopt/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lmopt_tokenizer lmopt_tokenizer_t;
typedef struct lmopt_detokenizer lmopt_detokenizer_t;

/* Opens a blob. The blob is BORROWED: it must stay in place, unchanged, until lmopt_tokenizer_destroy. It needs no
 * alignment. Cost: constant, whatever the size of the vocabulary. `error` may be NULL in every call. */
lmopt_status_t lmopt_tokenizer_create(const void *blob, size_t size, lmopt_tokenizer_t **out, lmopt_error_t *error);
void lmopt_tokenizer_destroy(lmopt_tokenizer_t *tokenizer); /* NULL is allowed */

/* Flags of lmopt_tokenizer_encode. */
enum {
  LMOPT_TOKENIZE_ADD_SPECIAL = 1u << 0,   /* add what the post-processor adds: BOS, [CLS] ... [SEP] */
  LMOPT_TOKENIZE_PARSE_SPECIAL = 1u << 1, /* text that spells a special token becomes that token */
  LMOPT_TOKENIZE_NO_TRUNCATION = 1u << 2  /* ignore the encoder's maximum length */
};
/* How a model is fed by default. */
#define LMOPT_TOKENIZE_DEFAULT (LMOPT_TOKENIZE_ADD_SPECIAL | LMOPT_TOKENIZE_PARSE_SPECIAL)

/* Encodes `length` bytes of text (which may hold zeros). Writes the first min(*count, capacity) ids to `ids`, which may
 * be NULL when capacity is 0, and sets *count to the number of ids that the whole result has: call once to learn the
 * size or with a generous buffer, and again only when *count > capacity. LMOPT_OK in both cases.
 * A byte that is not part of a UTF-8 sequence counts as U+FFFD. */
lmopt_status_t lmopt_tokenizer_encode(const lmopt_tokenizer_t *tokenizer, const char *text, size_t length,
                                      uint32_t flags, int32_t *ids, size_t capacity, size_t *count,
                                      lmopt_error_t *error);

typedef struct lmopt_text {
  const char *bytes; /* UTF-8, may hold zeros; BORROWED during the call */
  size_t size;
} lmopt_text_t;

/* A token and where it comes from. */
typedef struct lmopt_token {
  int32_t id;
  int32_t type;      /* token type: mostly 0 for the first text of a pair and 1 for the second */
  int32_t text;      /* 0 or 1: the text it comes from; -1: the model's template adds it */
  int32_t word;      /* which of the words that the text is cut into, from 0; -1: of none */
  size_t begin, end; /* its bytes in that text, without blanks before them; 0, 0: of none */
} lmopt_token_t;

/* Encodes one text, or a pair of them as one sequence, as the model's files put them together: [CLS] A [SEP] B [SEP],
 * ... Ids are those of lmopt_tokenizer_encode. What is longer than the maximum length loses tokens of the longer text
 * first. Counts and writes as lmopt_tokenizer_encode does. UNSUPPORTED: the model's files do not say how two texts are
 * put together. */
lmopt_status_t lmopt_tokenizer_encode_texts(const lmopt_tokenizer_t *tokenizer, const lmopt_text_t *texts,
                                            size_t text_count, uint32_t flags, lmopt_token_t *tokens, size_t capacity,
                                            size_t *count, lmopt_error_t *error);

/* Ids are in [0, count). A tokenizer that came with a model has at least as many as the model's vocabulary: ids that no
 * token has (rows that pad the embedding) have an empty piece, and a detokenizer writes nothing for them. */
int32_t lmopt_tokenizer_token_count(const lmopt_tokenizer_t *tokenizer);
/* Most ids that one encode returns unless NO_TRUNCATION is given; 0: unlimited. A longer text loses its end, or its
 * beginning where the model's files say so (truncation_side). */
int32_t lmopt_tokenizer_max_length(const lmopt_tokenizer_t *tokenizer);

/* Tokens with a role; -1 when the tokenizer has none. */
typedef enum lmopt_token_role {
  LMOPT_TOKEN_BOS = 0,
  LMOPT_TOKEN_EOS = 1, /* the first of the end tokens */
  LMOPT_TOKEN_UNK = 2,
  LMOPT_TOKEN_PAD = 3,
  LMOPT_TOKEN_CLS = 4,
  LMOPT_TOKEN_SEP = 5,
  LMOPT_TOKEN_MASK = 6
} lmopt_token_role_t;
int32_t lmopt_tokenizer_role(const lmopt_tokenizer_t *tokenizer, lmopt_token_role_t role);

/* 1 when generation stops at this token (end of sequence, end of turn), else 0. */
int lmopt_tokenizer_is_end(const lmopt_tokenizer_t *tokenizer, int32_t id);
/* 1 when the token is a special (control) token that is not text. */
int lmopt_tokenizer_is_special(const lmopt_tokenizer_t *tokenizer, int32_t id);

/* The bytes of one token (for byte-level models the bytes it stands for; possibly a part of a UTF-8 sequence). They
 * live in the blob and are not zero-terminated. */
lmopt_status_t lmopt_tokenizer_piece(const lmopt_tokenizer_t *tokenizer, int32_t id, const char **bytes, size_t *size,
                                     lmopt_error_t *error);
/* The id of the token with exactly these bytes, or -1. */
int32_t lmopt_tokenizer_find(const lmopt_tokenizer_t *tokenizer, const char *bytes, size_t size);

/* Flags of lmopt_detokenizer_create. */
enum {
  LMOPT_DETOKENIZE_SPECIAL = 1u << 0 /* special tokens become their text; default: they are left out */
};

/* A stream of tokens to text. What comes out is always valid UTF-8 and never stops inside a character: the bytes of
 * an unfinished one are held back, bytes that cannot become one turn into U+FFFD. `tokenizer` must outlive it. */
lmopt_status_t lmopt_detokenizer_create(const lmopt_tokenizer_t *tokenizer, uint32_t flags, lmopt_detokenizer_t **out,
                                        lmopt_error_t *error);
/* Takes one token; *bytes, *size is the text that became certain (size may be 0). It lives in the detokenizer until
 * the next call on it. */
lmopt_status_t lmopt_detokenizer_push(lmopt_detokenizer_t *detokenizer, int32_t id, const char **bytes, size_t *size,
                                      lmopt_error_t *error);
/* Ends the stream: what was held back comes out as U+FFFD. The detokenizer is as new afterwards. */
lmopt_status_t lmopt_detokenizer_flush(lmopt_detokenizer_t *detokenizer, const char **bytes, size_t *size,
                                       lmopt_error_t *error);
void lmopt_detokenizer_destroy(lmopt_detokenizer_t *detokenizer); /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
