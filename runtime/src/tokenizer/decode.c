/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The streaming detokenizer: tokens in one by one, text out as soon as it is certain.
 *
 * A byte-level token may end inside a character; its bytes wait here for the next token. What comes out is always
 * well-formed UTF-8: bytes that cannot become a character are replaced by U+FFFD, one for each maximal part of a
 * sequence (the rule of the Unicode standard and of Rust's from_utf8_lossy, which `tokenizers` uses).
 * WordPiece tokens are words joined by blanks, without the continuation prefix. BPE with WORD_ENDS has a mark where a
 * blank follows unless nothing does.
 * Tested by test/unit/tokenizer/DetokenizerTest.cpp.
 */
#include "runtime/src/tokenizer/internal.h"

#include <stdlib.h>

struct lmopt_detokenizer {
  const lmopt_tokenizer_t *tokenizer;
  uint32_t flags;
  int started;            /* a blank goes before the next word */
  lmopt_buffer_t waiting; /* bytes whose meaning is not certain yet, and the token just pushed */
  lmopt_buffer_t ready;
};

lmopt_status_t lmopt_detokenizer_create(const lmopt_tokenizer_t *tokenizer, uint32_t flags, lmopt_detokenizer_t **out,
                                        lmopt_error_t *error) {
  if (!tokenizer || !out || (flags & ~(uint32_t)LMOPT_DETOKENIZE_SPECIAL))
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_USAGE, "lmopt_detokenizer_create: a null argument or unknown flag");
  lmopt_detokenizer_t *detokenizer = calloc(1, sizeof(*detokenizer));
  if (!detokenizer)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_RESOURCE, "detokenizer: out of memory");
  detokenizer->tokenizer = tokenizer;
  detokenizer->flags = flags;
  *out = detokenizer;
  return LMOPT_OK;
}

void lmopt_detokenizer_destroy(lmopt_detokenizer_t *detokenizer) {
  if (!detokenizer)
    return;
  free(detokenizer->waiting.data);
  free(detokenizer->ready.data);
  free(detokenizer);
}

/* Length of the sequence that a lead byte announces (0: none) and the range of its second byte. */
static size_t sequence(uint8_t lead, uint8_t *low, uint8_t *high) {
  *low = 0x80;
  *high = 0xBF;
  if (lead < 0x80)
    return 1;
  if (lead >= 0xC2 && lead <= 0xDF)
    return 2;
  if (lead >= 0xE0 && lead <= 0xEF) {
    *low = lead == 0xE0 ? 0xA0 : 0x80;
    *high = lead == 0xED ? 0x9F : 0xBF;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    *low = lead == 0xF0 ? 0x90 : 0x80;
    *high = lead == 0xF4 ? 0x8F : 0xBF;
    return 4;
  }
  return 0;
}

/* How many bytes of the sequence at `at` are right; *whole is its full length. */
static size_t right_part(const uint8_t *at, size_t left, size_t *whole) {
  uint8_t low, high;
  *whole = sequence(at[0], &low, &high);
  size_t right = 1;
  while (right < *whole && right < left && at[right] >= low && at[right] <= high) {
    low = 0x80;
    high = 0xBF;
    ++right;
  }
  return right;
}

/* Moves all that is certain from `waiting` to `ready`; at the end of a stream everything is. */
static int release(lmopt_detokenizer_t *detokenizer, int at_end) {
  lmopt_buffer_t *waiting = &detokenizer->waiting, *ready = &detokenizer->ready;
  size_t at = 0;
  if (!lmopt_buffer_reserve(ready, 3 * waiting->size + 1)) /* U+FFFD for each byte at worst; never NULL */
    return 0;
  while (at < waiting->size) {
    size_t whole, right = right_part(waiting->data + at, waiting->size - at, &whole);
    if (right == whole)
      memcpy(ready->data + ready->size, waiting->data + at, whole);
    else if (whole && at + right == waiting->size && !at_end)
      break;
    else
      memcpy(ready->data + ready->size, "\xEF\xBF\xBD", 3);
    ready->size += right == whole ? whole : 3;
    at += right;
  }
  if (at)
    memmove(waiting->data, waiting->data + at, waiting->size - at);
  waiting->size -= at;
  return 1;
}

/* A piece with a blank wherever it has U+2581. */
static int append_spaced(lmopt_buffer_t *out, lmopt_bytes_t piece) {
  for (size_t i = 0; i < piece.size;) {
    int blank = lmopt_is_space(piece, i);
    if (!lmopt_buffer_append(out, blank ? (const uint8_t *)" " : piece.data + i, 1))
      return 0;
    i += blank ? LMOPT_SPACE_SIZE : 1;
  }
  return 1;
}

/* The blank of the last word, and the piece without the mark of its end. */
static int append_word(lmopt_detokenizer_t *detokenizer, lmopt_bytes_t piece) {
  const lmopt_bytes_t *suffix = &detokenizer->tokenizer->suffix;
  if (detokenizer->started && !lmopt_buffer_append(&detokenizer->waiting, " ", 1))
    return 0;
  detokenizer->started = suffix->size && piece.size >= suffix->size &&
                         memcmp(piece.data + piece.size - suffix->size, suffix->data, suffix->size) == 0;
  return lmopt_buffer_append(&detokenizer->waiting, piece.data, piece.size - (detokenizer->started ? suffix->size : 0));
}

/* Appends what the token stands for to `waiting`. */
static int append_token(lmopt_detokenizer_t *detokenizer, lmopt_bytes_t piece, uint32_t flags) {
  const lmopt_tokenizer_t *tokenizer = detokenizer->tokenizer;
  if ((flags & LMOPT_TOKEN_FLAG_SPECIAL) && !(detokenizer->flags & LMOPT_DETOKENIZE_SPECIAL))
    return 1;
  if (piece.size == 0) /* an id that stands for no text: a spare row of the embedding */
    return 1;
  if (tokenizer->header.kind == LMOPT_TOKENIZER_WORDPIECE) {
    const lmopt_bytes_t *prefix = &tokenizer->sections[LMOPT_TOKENIZER_CONTINUATION];
    int inner = prefix->size && piece.size >= prefix->size && memcmp(piece.data, prefix->data, prefix->size) == 0;
    if (inner)
      piece = (lmopt_bytes_t){piece.data + prefix->size, piece.size - prefix->size};
    else if (detokenizer->started && !lmopt_buffer_append(&detokenizer->waiting, " ", 1))
      return 0;
    detokenizer->started = 1;
  }
  if (tokenizer->header.flags & LMOPT_TOKENIZER_WORD_ENDS)
    return append_word(detokenizer, piece);
  if ((tokenizer->header.flags & LMOPT_TOKENIZER_METASPACE) && !(flags & LMOPT_TOKEN_FLAG_ADDED))
    return append_spaced(&detokenizer->waiting, piece);
  return lmopt_buffer_append(&detokenizer->waiting, piece.data, piece.size);
}

lmopt_status_t lmopt_detokenizer_push(lmopt_detokenizer_t *detokenizer, int32_t id, const char **bytes, size_t *size,
                                      lmopt_error_t *error) {
  if (!detokenizer || !bytes || !size)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_USAGE, "lmopt_detokenizer_push: a null argument");
  const char *piece;
  size_t piece_size;
  lmopt_status_t status = lmopt_tokenizer_piece(detokenizer->tokenizer, id, &piece, &piece_size, error);
  if (status)
    return status;
  detokenizer->ready.size = 0;
  if (!append_token(detokenizer, (lmopt_bytes_t){(const uint8_t *)piece, piece_size},
                    lmopt_token_flags(detokenizer->tokenizer, (uint32_t)id)) ||
      !release(detokenizer, 0))
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_RESOURCE, "detokenizer: out of memory");
  *bytes = (const char *)detokenizer->ready.data;
  *size = detokenizer->ready.size;
  return LMOPT_OK;
}

lmopt_status_t lmopt_detokenizer_flush(lmopt_detokenizer_t *detokenizer, const char **bytes, size_t *size,
                                       lmopt_error_t *error) {
  if (!detokenizer || !bytes || !size)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_USAGE, "lmopt_detokenizer_flush: a null argument");
  detokenizer->ready.size = 0;
  if (!release(detokenizer, 1))
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_RESOURCE, "detokenizer: out of memory");
  detokenizer->started = 0;
  *bytes = (const char *)detokenizer->ready.data;
  *size = detokenizer->ready.size;
  return LMOPT_OK;
}
