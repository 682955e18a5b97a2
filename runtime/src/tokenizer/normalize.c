/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The normalizer of a tokenizer: UTF-8 in, UTF-8 out, by steps such as "drop control characters" or "NFC".
 *
 * The text becomes an array of code points, each step rewrites the array, the end is encoded again. ASCII text skips
 * the steps that cannot change it. From: the BertNormalizer, NFC, NFD and Lowercase of the `tokenizers` package, whose
 * order of marks is kept (stable sort by combining class). Tested by test/unit/tokenizer/NormalizeTest.cpp.
 */
#include "runtime/src/tokenizer/internal.h"
#include "runtime/src/tokenizer/unicode.h"

#include <stdlib.h>

int lmopt_buffer_reserve(lmopt_buffer_t *buffer, size_t extra) {
  if (extra > SIZE_MAX / 4 - buffer->size)
    return 0;
  size_t needed = buffer->size + extra;
  if (needed <= buffer->capacity)
    return 1;
  size_t capacity = needed + needed / 2 + 64;
  uint8_t *data = realloc(buffer->data, capacity);
  if (!data)
    return 0;
  buffer->data = data;
  buffer->capacity = capacity;
  return 1;
}

int lmopt_buffer_append(lmopt_buffer_t *buffer, const void *data, size_t size) {
  if (!lmopt_buffer_reserve(buffer, size))
    return 0;
  if (size)
    memcpy(buffer->data + buffer->size, data, size);
  buffer->size += size;
  return 1;
}

/* Code points that grow. */
typedef struct {
  uint32_t *data;
  size_t size, capacity;
  int failed;
} chars_t;

static void push(chars_t *chars, uint32_t c) {
  if (chars->size == chars->capacity) {
    size_t capacity = chars->capacity * 2 + 64;
    uint32_t *data = capacity <= SIZE_MAX / 8 ? realloc(chars->data, capacity * sizeof(*data)) : NULL;
    if (!data) {
      chars->failed = 1;
      return;
    }
    chars->data = data;
    chars->capacity = capacity;
  }
  chars->data[chars->size++] = c;
}

static void clean(const chars_t *in, chars_t *out) {
  for (size_t i = 0; i < in->size && !out->failed; ++i) {
    uint32_t flags = lmopt_char_flags(in->data[i]);
    if (flags & LMOPT_CHAR_BERT_CONTROL)
      continue;
    push(out, flags & LMOPT_CHAR_SPACE ? ' ' : in->data[i]);
  }
}

static void space_cjk(const chars_t *in, chars_t *out) {
  for (size_t i = 0; i < in->size && !out->failed; ++i) {
    int cjk = (lmopt_char_flags(in->data[i]) & LMOPT_CHAR_BERT_CJK) != 0;
    if (cjk)
      push(out, ' ');
    push(out, in->data[i]);
    if (cjk)
      push(out, ' ');
  }
}

static void drop(uint32_t flag, const chars_t *in, chars_t *out) {
  for (size_t i = 0; i < in->size && !out->failed; ++i)
    if (!(lmopt_char_flags(in->data[i]) & flag))
      push(out, in->data[i]);
}

static void lower(const chars_t *in, chars_t *out) {
  for (size_t i = 0; i < in->size && !out->failed; ++i) {
    uint32_t second;
    push(out, lmopt_char_lower(in->data[i], &second));
    if (second)
      push(out, second);
  }
}

/* Decompositions nest at most four deep (Greek with three marks). */
static void push_split(chars_t *out, uint32_t c) {
  uint32_t stack[8], depth = 0;
  stack[depth++] = c;
  while (depth) {
    uint32_t top = stack[--depth], first, second;
    if (depth + 2 > sizeof(stack) / sizeof(stack[0]) || !lmopt_char_split(top, &first, &second)) {
      push(out, top);
      continue;
    }
    if (second)
      stack[depth++] = second;
    stack[depth++] = first;
  }
}

/* Stable sort of each run of marks by combining class; counts per class, so that a long run of marks stays linear. */
static void order_run(uint32_t *run, size_t size, uint32_t *scratch) {
  size_t starts[257] = {0};
  for (size_t i = 0; i < size; ++i)
    ++starts[lmopt_char_order(run[i]) + 1];
  for (size_t c = 0; c < 256; ++c)
    starts[c + 1] += starts[c];
  for (size_t i = 0; i < size; ++i)
    scratch[starts[lmopt_char_order(run[i])]++] = run[i];
  memcpy(run, scratch, size * sizeof(*run));
}

static void order_marks(chars_t *chars) {
  uint32_t *scratch = NULL;
  for (size_t i = 0; i < chars->size; ++i) {
    uint32_t previous = lmopt_char_order(chars->data[i]);
    size_t end = i + 1;
    int sorted = 1;
    if (!previous)
      continue;
    for (; end < chars->size; ++end) {
      uint32_t order = lmopt_char_order(chars->data[end]);
      if (!order)
        break;
      sorted &= previous <= order;
      previous = order;
    }
    if (!sorted) {
      if (!scratch)
        scratch = malloc(chars->size * sizeof(*scratch));
      if (!scratch) {
        chars->failed = 1;
        return;
      }
      order_run(chars->data + i, end - i, scratch);
    }
    i = end - 1;
  }
  free(scratch);
}

static void decompose(const chars_t *in, chars_t *out) {
  for (size_t i = 0; i < in->size && !out->failed; ++i)
    push_split(out, in->data[i]);
  if (!out->failed)
    order_marks(out);
}

/* Each mark joins the last starter unless something of its own class or a starter stands between them. */
static void compose(const chars_t *in, chars_t *out) {
  decompose(in, out);
  if (out->failed || out->size == 0)
    return;
  size_t starter = SIZE_MAX, written = 0;
  uint32_t last_order = 0;
  for (size_t i = 0; i < out->size; ++i) {
    uint32_t c = out->data[i], order = lmopt_char_order(c);
    int adjacent = starter != SIZE_MAX && written == starter + 1;
    int open = starter != SIZE_MAX && (adjacent || (last_order < order && last_order != 0));
    uint32_t joined = open ? lmopt_char_join(out->data[starter], c) : 0;
    if (joined) {
      out->data[starter] = joined;
      continue;
    }
    if (order == 0)
      starter = written;
    last_order = order;
    out->data[written++] = c;
  }
  out->size = written;
}

static void apply(uint32_t rule, const chars_t *in, chars_t *out) {
  switch (rule) {
  case LMOPT_NORMALIZE_CLEAN:
    return clean(in, out);
  case LMOPT_NORMALIZE_CJK:
    return space_cjk(in, out);
  case LMOPT_NORMALIZE_NFD:
    return decompose(in, out);
  case LMOPT_NORMALIZE_MARKS:
    return drop(LMOPT_CHAR_BERT_MARK, in, out);
  case LMOPT_NORMALIZE_COMBINING:
    return drop(LMOPT_CHAR_COMBINING, in, out);
  case LMOPT_NORMALIZE_LOWER:
    return lower(in, out);
  default:
    return compose(in, out);
  }
}

static int decode(lmopt_bytes_t text, chars_t *out) {
  int ascii = 1;
  const uint8_t *at = text.data, *end = text.data + text.size;
  while (at < end && !out->failed) {
    uint32_t c;
    at += lmopt_utf8_decode(at, end, &c);
    ascii &= c < 0x80;
    push(out, c);
  }
  return ascii;
}

static int encode(const chars_t *chars, lmopt_buffer_t *out) {
  for (size_t i = 0; i < chars->size; ++i) {
    if (!lmopt_buffer_reserve(out, 4))
      return 0;
    out->size += lmopt_utf8_encode(chars->data[i], out->data + out->size);
  }
  return 1;
}

int lmopt_normalize_text(const uint8_t *rules, size_t count, lmopt_bytes_t text, lmopt_buffer_t *out) {
  chars_t in = {0}, next = {0};
  int ascii = decode(text, &in);
  for (size_t i = 0; i < count && !in.failed && !next.failed; ++i) {
    uint32_t rule = lmopt_load_u32(rules, i);
    if (ascii && rule != LMOPT_NORMALIZE_CLEAN && rule != LMOPT_NORMALIZE_LOWER)
      continue;
    next.size = 0;
    apply(rule, &in, &next);
    chars_t swap = in;
    in = next;
    next = swap;
  }
  int ok = !in.failed && !next.failed && encode(&in, out);
  free(in.data);
  free(next.data);
  return ok;
}
