/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The normalizer of a tokenizer: UTF-8 in, UTF-8 out, by steps such as "drop control characters" or "NFC".
 *
 * The text becomes an array of code points, each step rewrites the array, the end is encoded again. ASCII text skips
 * the steps that cannot change it. From: the BertNormalizer, NFC, NFD and Lowercase of the `tokenizers` package, whose
 * order of marks is kept (stable sort by combining class); NFKC, NFKD, Prepend, Replace (of a text) and Strip of the
 * same. Tested
 * by test/unit/tokenizer/NormalizeTest.cpp.
 */
#include "runtime/src/tokenizer/chars.h"
#include "runtime/src/tokenizer/unicode.h"

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

static void clean(const lmopt_chars_t *in, lmopt_chars_t *out) {
  for (size_t i = 0; i < in->size && !out->failed; ++i) {
    const lmopt_char_t *from = &in->data[i];
    uint32_t flags = lmopt_char_flags(from->c);
    if (flags & LMOPT_CHAR_BERT_CONTROL)
      continue;
    lmopt_chars_push(out, flags & LMOPT_CHAR_SPACE ? ' ' : from->c, from);
  }
}

static void space_cjk(const lmopt_chars_t *in, lmopt_chars_t *out) {
  for (size_t i = 0; i < in->size && !out->failed; ++i) {
    const lmopt_char_t *from = &in->data[i];
    int cjk = (lmopt_char_flags(from->c) & LMOPT_CHAR_BERT_CJK) != 0;
    if (cjk)
      lmopt_chars_push(out, ' ', from);
    lmopt_chars_push(out, from->c, from);
    if (cjk)
      lmopt_chars_push(out, ' ', from);
  }
}

static void drop(uint32_t flag, const lmopt_chars_t *in, lmopt_chars_t *out) {
  for (size_t i = 0; i < in->size && !out->failed; ++i)
    if (!(lmopt_char_flags(in->data[i].c) & flag))
      lmopt_chars_push(out, in->data[i].c, &in->data[i]);
}

static void lower(const lmopt_chars_t *in, lmopt_chars_t *out) {
  for (size_t i = 0; i < in->size && !out->failed; ++i) {
    uint32_t second;
    lmopt_chars_push(out, lmopt_char_lower(in->data[i].c, &second), &in->data[i]);
    if (second)
      lmopt_chars_push(out, second, &in->data[i]);
  }
}

/* Decompositions nest at most four deep (Greek with three marks). */
static void push_split(lmopt_chars_t *out, const lmopt_char_t *from) {
  uint32_t stack[8], depth = 0;
  stack[depth++] = from->c;
  while (depth) {
    uint32_t top = stack[--depth], first, second;
    if (depth + 2 > sizeof(stack) / sizeof(stack[0]) || !lmopt_char_split(top, &first, &second)) {
      lmopt_chars_push(out, top, from);
      continue;
    }
    if (second)
      stack[depth++] = second;
    stack[depth++] = first;
  }
}

/* Stable sort of each run of marks by combining class; counts per class, so that a long run of marks stays linear. */
static void order_run(lmopt_char_t *run, size_t size, lmopt_char_t *scratch) {
  size_t starts[257] = {0};
  for (size_t i = 0; i < size; ++i)
    ++starts[lmopt_char_order(run[i].c) + 1];
  for (size_t c = 0; c < 256; ++c)
    starts[c + 1] += starts[c];
  for (size_t i = 0; i < size; ++i)
    scratch[starts[lmopt_char_order(run[i].c)]++] = run[i];
  memcpy(run, scratch, size * sizeof(*run));
}

static void order_marks(lmopt_chars_t *chars) {
  lmopt_char_t *scratch = NULL;
  for (size_t i = 0; i < chars->size; ++i) {
    uint32_t previous = lmopt_char_order(chars->data[i].c);
    size_t end = i + 1;
    int sorted = 1;
    if (!previous)
      continue;
    for (; end < chars->size; ++end) {
      uint32_t order = lmopt_char_order(chars->data[end].c);
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

static void decompose(int compatible, const lmopt_chars_t *in, lmopt_chars_t *out) {
  for (size_t i = 0; i < in->size && !out->failed; ++i) {
    const uint32_t *text;
    size_t size = compatible ? lmopt_char_compatible(in->data[i].c, &text) : 0;
    for (size_t k = 0; k < size; ++k)
      lmopt_chars_push(out, text[k], &in->data[i]);
    if (!size)
      push_split(out, &in->data[i]);
  }
  if (!out->failed)
    order_marks(out);
}

/* Each mark joins the last starter unless something of its own class or a starter stands between them. */
static void compose(int compatible, const lmopt_chars_t *in, lmopt_chars_t *out) {
  decompose(compatible, in, out);
  if (out->failed || out->size == 0)
    return;
  size_t starter = SIZE_MAX, written = 0;
  uint32_t last_order = 0;
  for (size_t i = 0; i < out->size; ++i) {
    lmopt_char_t own = out->data[i];
    uint32_t order = lmopt_char_order(own.c);
    int adjacent = starter != SIZE_MAX && written == starter + 1;
    int open = starter != SIZE_MAX && (adjacent || (last_order < order && last_order != 0));
    uint32_t joined = open ? lmopt_char_join(out->data[starter].c, own.c) : 0;
    if (joined) {
      out->data[starter] = (lmopt_char_t){joined, out->data[starter].begin, own.end};
      continue;
    }
    if (order == 0)
      starter = written;
    last_order = order;
    out->data[written++] = own;
  }
  out->size = written;
}

static const lmopt_char_t nothing = {0, 0, 0};

/* Text number `index` as code points; nothing where the blob contradicts itself. */
static void load_argument(const lmopt_normalizer_t *normalizer, size_t index, lmopt_chars_t *out) {
  const lmopt_bytes_t *offsets = &normalizer->argument_offsets, *bytes = &normalizer->argument_bytes;
  if (index >= offsets->size / sizeof(uint32_t) - (offsets->size > 0))
    return;
  uint32_t begin = lmopt_load_u32(offsets->data, index), end = lmopt_load_u32(offsets->data, index + 1);
  if (begin > end || end > bytes->size)
    return;
  for (const uint8_t *at = bytes->data + begin; at < bytes->data + end && !out->failed;) {
    uint32_t c;
    at += lmopt_utf8_decode(at, bytes->data + end, &c);
    lmopt_chars_push(out, c, &nothing);
  }
}

static int begins_with(const lmopt_chars_t *text, size_t at, const lmopt_chars_t *sought) {
  if (text->size - at < sought->size)
    return 0;
  for (size_t i = 0; i < sought->size; ++i)
    if (text->data[at + i].c != sought->data[i].c)
      return 0;
  return 1;
}

/* How many characters at `at` are to be replaced: the text that is sought, or with `runs` two and more of it. */
static size_t match(const lmopt_chars_t *in, size_t at, const lmopt_chars_t *sought, int runs) {
  size_t size = 0, times = 0;
  while (sought->size && begins_with(in, at + size, sought) && (runs || !times)) {
    size += sought->size;
    ++times;
  }
  return times > (size_t)(runs != 0) ? size : 0;
}

/* What is put stands for all that was found. */
static void replace(const lmopt_chars_t *sought, const lmopt_chars_t *put, int runs, const lmopt_chars_t *in,
                    lmopt_chars_t *out) {
  for (size_t i = 0; i < in->size && !out->failed;) {
    size_t size = match(in, i, sought, runs);
    if (!size) {
      lmopt_chars_push(out, in->data[i].c, &in->data[i]);
      ++i;
      continue;
    }
    lmopt_char_t from = {0, in->data[i].begin, in->data[i + size - 1].end};
    for (size_t k = 0; k < put->size; ++k)
      lmopt_chars_push(out, put->data[k].c, &from);
    i += size;
  }
}

static int is_white(const lmopt_chars_t *in, size_t at) {
  return at < in->size && (lmopt_char_flags(in->data[at].c) & LMOPT_CHAR_SPACE) != 0;
}

/* What is put stands for the whole run. */
static void replace_white(const lmopt_chars_t *put, const lmopt_chars_t *in, lmopt_chars_t *out) {
  for (size_t i = 0; i < in->size && !out->failed; ++i) {
    if (!is_white(in, i)) {
      lmopt_chars_push(out, in->data[i].c, &in->data[i]);
      continue;
    }
    size_t begin = i;
    while (is_white(in, i + 1))
      ++i;
    lmopt_char_t from = {0, in->data[begin].begin, in->data[i].end};
    for (size_t k = 0; k < put->size; ++k)
      lmopt_chars_push(out, put->data[k].c, &from);
  }
}

/* What stands before a text comes from no byte of it. */
static void prepend(const lmopt_chars_t *put, const lmopt_chars_t *in, lmopt_chars_t *out) {
  lmopt_char_t from = {0, in->size ? in->data[0].begin : 0, in->size ? in->data[0].begin : 0};
  for (size_t k = 0; k < put->size && in->size; ++k)
    lmopt_chars_push(out, put->data[k].c, &from);
  for (size_t i = 0; i < in->size && !out->failed; ++i)
    lmopt_chars_push(out, in->data[i].c, &in->data[i]);
}

static void strip(int left, int right, const lmopt_chars_t *in, lmopt_chars_t *out) {
  size_t begin = 0, end = in->size;
  while (left && begin < end && (lmopt_char_flags(in->data[begin].c) & LMOPT_CHAR_SPACE))
    ++begin;
  while (right && end > begin && (lmopt_char_flags(in->data[end - 1].c) & LMOPT_CHAR_SPACE))
    --end;
  for (size_t i = begin; i < end && !out->failed; ++i)
    lmopt_chars_push(out, in->data[i].c, &in->data[i]);
}

/* Steps with texts of their own. */
static void apply_texts(const lmopt_normalizer_t *normalizer, uint32_t rule, uint32_t argument, const lmopt_chars_t *in,
                        lmopt_chars_t *out) {
  lmopt_chars_t first = {0}, second = {0};
  load_argument(normalizer, argument, &first);
  if (lmopt_normalize_texts(rule) > 1)
    load_argument(normalizer, (size_t)argument + 1, &second);
  if (rule == LMOPT_NORMALIZE_PREPEND)
    prepend(&first, in, out);
  else if (rule == LMOPT_NORMALIZE_REPLACE_WHITE)
    replace_white(&first, in, out);
  else
    replace(&first, &second, rule == LMOPT_NORMALIZE_REPLACE_RUNS, in, out);
  out->failed |= first.failed | second.failed;
  free(first.data);
  free(second.data);
}

static void apply(const lmopt_normalizer_t *normalizer, uint32_t rule, uint32_t argument, const lmopt_chars_t *in,
                  lmopt_chars_t *out) {
  switch (rule) {
  case LMOPT_NORMALIZE_REPLACE:
  case LMOPT_NORMALIZE_REPLACE_RUNS:
  case LMOPT_NORMALIZE_REPLACE_WHITE:
  case LMOPT_NORMALIZE_PREPEND:
    return apply_texts(normalizer, rule, argument, in, out);
  case LMOPT_NORMALIZE_STRIP_LEFT:
    return strip(1, 0, in, out);
  case LMOPT_NORMALIZE_STRIP_RIGHT:
    return strip(0, 1, in, out);
  case LMOPT_NORMALIZE_CLEAN:
    return clean(in, out);
  case LMOPT_NORMALIZE_CJK:
    return space_cjk(in, out);
  case LMOPT_NORMALIZE_CHARSMAP:
    return lmopt_apply_charsmap(normalizer->charsmap, in, out);
  case LMOPT_NORMALIZE_LONGEST:
    return lmopt_apply_longest(normalizer->charsmap, in, out);
  case LMOPT_NORMALIZE_SPACES:
    return lmopt_apply_spaces(argument, normalizer->inside, in, out);
  case LMOPT_NORMALIZE_NFD:
  case LMOPT_NORMALIZE_NFKD:
    return decompose(rule == LMOPT_NORMALIZE_NFKD, in, out);
  case LMOPT_NORMALIZE_MARKS:
    return drop(LMOPT_CHAR_BERT_MARK, in, out);
  case LMOPT_NORMALIZE_COMBINING:
    return drop(LMOPT_CHAR_COMBINING, in, out);
  case LMOPT_NORMALIZE_LOWER:
    return lower(in, out);
  default:
    return compose(rule == LMOPT_NORMALIZE_NFKC, in, out);
  }
}

static int decode(lmopt_bytes_t text, lmopt_chars_t *out) {
  int ascii = 1;
  const uint8_t *at = text.data, *end = text.data + text.size;
  while (at < end && !out->failed) {
    uint32_t c, begin = (uint32_t)(at - text.data);
    at += lmopt_utf8_decode(at, end, &c);
    ascii &= c < 0x80;
    lmopt_char_t from = {c, begin, (uint32_t)(at - text.data)};
    lmopt_chars_push(out, c, &from);
  }
  return ascii;
}

static int encode(const lmopt_chars_t *chars, lmopt_buffer_t *out, lmopt_buffer_t *origins) {
  for (size_t i = 0; i < chars->size; ++i) {
    if (!lmopt_buffer_reserve(out, 4))
      return 0;
    size_t size = lmopt_utf8_encode(chars->data[i].c, out->data + out->size);
    out->size += size;
    lmopt_origin_t origin = {chars->data[i].begin, chars->data[i].end};
    for (size_t byte = 0; origins && byte < size; ++byte)
      if (!lmopt_buffer_append(origins, &origin, sizeof(origin)))
        return 0;
  }
  return 1;
}

static int needs_more_than_ascii(uint32_t rule) {
  switch (rule) {
  case LMOPT_NORMALIZE_CLEAN:
  case LMOPT_NORMALIZE_LOWER:
  case LMOPT_NORMALIZE_REPLACE:
  case LMOPT_NORMALIZE_PREPEND:
  case LMOPT_NORMALIZE_STRIP_LEFT:
  case LMOPT_NORMALIZE_STRIP_RIGHT:
  case LMOPT_NORMALIZE_REPLACE_RUNS:
  case LMOPT_NORMALIZE_REPLACE_WHITE:
  case LMOPT_NORMALIZE_CHARSMAP:
  case LMOPT_NORMALIZE_LONGEST:
  case LMOPT_NORMALIZE_SPACES:
    return 0;
  default:
    return 1;
  }
}

/* Steps after which ASCII need not be ASCII any more. */
static int puts_text(uint32_t rule) {
  return lmopt_normalize_texts(rule) || rule == LMOPT_NORMALIZE_CHARSMAP || rule == LMOPT_NORMALIZE_LONGEST ||
         rule == LMOPT_NORMALIZE_SPACES;
}

int lmopt_normalize_text(const lmopt_normalizer_t *normalizer, lmopt_bytes_t text, lmopt_buffer_t *out,
                         lmopt_buffer_t *origins) {
  lmopt_chars_t in = {0}, next = {0};
  int ascii = decode(text, &in);
  size_t count = normalizer->steps.size / (2 * sizeof(uint32_t));
  for (size_t i = 0; i < count && !in.failed && !next.failed; ++i) {
    uint32_t rule = lmopt_load_u32(normalizer->steps.data, 2 * i);
    if (ascii && needs_more_than_ascii(rule))
      continue;
    next.size = 0;
    apply(normalizer, rule, lmopt_load_u32(normalizer->steps.data, 2 * i + 1), &in, &next);
    ascii &= !puts_text(rule);
    lmopt_chars_t swap = in;
    in = next;
    next = swap;
  }
  int ok = !in.failed && !next.failed && encode(&in, out, origins);
  free(in.data);
  free(next.data);
  return ok;
}
