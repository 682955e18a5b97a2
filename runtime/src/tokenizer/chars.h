/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A text as code points that know where they come from: what the steps of a normalizer pass on. For normalize.c and
 * charsmap.c.
 */
#ifndef LMOPT_RUNTIME_TOKENIZER_CHARS_H
#define LMOPT_RUNTIME_TOKENIZER_CHARS_H

#include "runtime/src/tokenizer/internal.h"

#include <stdlib.h>

/* A code point, and which bytes of the text before all steps it comes from. */
typedef struct {
  uint32_t c, begin, end;
} lmopt_char_t;

/* Code points that grow; `failed`: out of memory, what is there is not all. */
typedef struct {
  lmopt_char_t *data;
  size_t size, capacity;
  int failed;
} lmopt_chars_t;

static inline void lmopt_chars_push(lmopt_chars_t *chars, uint32_t c, const lmopt_char_t *from) {
  if (chars->size == chars->capacity) {
    size_t capacity = chars->capacity * 2 + 64;
    lmopt_char_t *data = capacity <= SIZE_MAX / 16 ? realloc(chars->data, capacity * sizeof(*data)) : NULL;
    if (!data) {
      chars->failed = 1;
      return;
    }
    chars->data = data;
    chars->capacity = capacity;
  }
  chars->data[chars->size++] = (lmopt_char_t){c, from->begin, from->end};
}

/* Replaces clusters and characters as a charsmap says: charsmap.c. */
void lmopt_apply_charsmap(lmopt_bytes_t charsmap, const lmopt_chars_t *in, lmopt_chars_t *out);
/* The same, always the longest text that the charsmap has: charsmap.c. */
void lmopt_apply_longest(lmopt_bytes_t charsmap, const lmopt_chars_t *in, lmopt_chars_t *out);
/* LMOPT_NORMALIZE_SPACES: spaces.c. */
void lmopt_apply_spaces(uint32_t rules, int inside, const lmopt_chars_t *in, lmopt_chars_t *out);

#endif
