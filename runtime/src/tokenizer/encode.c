/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Encoding of a whole text: finds added and special tokens, normalizes and cuts what lies between them, adds what the
 * post-processor adds, and stops at the maximum length.
 *
 * Added tokens are found leftmost first, among those the longest, in two rounds as in the `tokenizers` package: first
 * in the raw text, then, for those marked "normalized", in the normalized text between the finds. Tested by
 * test/unit/tokenizer/EncodeTest.cpp.
 */
#include "runtime/src/tokenizer/internal.h"
#include "runtime/src/tokenizer/unicode.h"

#include <stdlib.h>

void lmopt_encoding_free(lmopt_encoding_t *encoding) {
  free(encoding->origins.data);
  free(encoding->sanitized.data);
  free(encoding->normalized.data);
  free(encoding->prefixed.data);
  free(encoding->prefixed_origins.data);
  free(encoding->symbols.data);
  free(encoding->heap.data);
  lmopt_pattern_release(encoding);
}

typedef struct {
  uint32_t id, flags;
  size_t size;
} added_t;

/* Reads entry `index` of ADDED; 0 if the blob contradicts itself. */
static int load_added(const lmopt_tokenizer_t *tokenizer, size_t index, lmopt_tokenizer_added_t *entry,
                      lmopt_bytes_t *text) {
  const lmopt_bytes_t *list = &tokenizer->sections[LMOPT_TOKENIZER_ADDED];
  const lmopt_bytes_t *bytes = &tokenizer->sections[LMOPT_TOKENIZER_ADDED_BYTES];
  if (index >= list->size / sizeof(*entry))
    return 0;
  memcpy(entry, list->data + index * sizeof(*entry), sizeof(*entry));
  if (entry->id >= tokenizer->header.token_count || entry->size == 0 || entry->offset > bytes->size ||
      entry->size > bytes->size - entry->offset)
    return 0;
  *text = (lmopt_bytes_t){bytes->data + entry->offset, entry->size};
  return 1;
}

/* The longest added token of `round` at the start of `rest`. */
static int added_at(const lmopt_encoding_t *encoding, size_t round, lmopt_bytes_t rest, added_t *found) {
  const uint8_t *index = encoding->tokenizer->sections[LMOPT_TOKENIZER_ADDED_INDEX].data;
  size_t row = 257 * round + rest.data[0];
  size_t begin = lmopt_load_u32(index, row), end = lmopt_load_u32(index, row + 1);
  for (size_t i = begin; i < end; ++i) {
    lmopt_tokenizer_added_t entry;
    lmopt_bytes_t text;
    if (!load_added(encoding->tokenizer, i, &entry, &text))
      return 0;
    if (text.size > rest.size || memcmp(text.data, rest.data, text.size) != 0)
      continue;
    if ((entry.flags & LMOPT_ADDED_SPECIAL) && !(encoding->flags & LMOPT_TOKENIZE_PARSE_SPECIAL))
      continue;
    *found = (added_t){entry.id, entry.flags, text.size};
    return 1;
  }
  return 0;
}

static uint32_t flags_before(const uint8_t *begin, const uint8_t *at, const uint8_t **start) {
  const uint8_t *c_start = at - 1;
  while (c_start > begin && at - c_start < 4 && (*c_start & 0xC0) == 0x80)
    --c_start;
  uint32_t c;
  if (c_start + lmopt_utf8_decode(c_start, at, &c) != at) {
    c_start = at - 1; /* a stray byte */
    c = LMOPT_REPLACEMENT;
  }
  *start = c_start;
  return lmopt_char_flags(c);
}

static uint32_t flags_after(const uint8_t *at, const uint8_t *end, const uint8_t **stop) {
  uint32_t c;
  *stop = at + lmopt_utf8_decode(at, end, &c);
  return lmopt_char_flags(c);
}

/* Whether a match may stand here, and how much white space it takes with it. `free_from`: end of the last find. */
static int fit_added(lmopt_bytes_t text, const uint8_t *free_from, const added_t *found, const uint8_t **begin,
                     const uint8_t **end) {
  const uint8_t *text_end = text.data + text.size, *other;
  if (found->flags & LMOPT_ADDED_SINGLE_WORD) {
    if (*begin > text.data && (flags_before(text.data, *begin, &other) & LMOPT_CHAR_WORD))
      return 0;
    if (*end < text_end && (flags_after(*end, text_end, &other) & LMOPT_CHAR_WORD))
      return 0;
  }
  if (found->flags & LMOPT_ADDED_LSTRIP)
    while (*begin > free_from && (flags_before(free_from, *begin, &other) & LMOPT_CHAR_SPACE))
      *begin = other;
  if (found->flags & LMOPT_ADDED_RSTRIP)
    while (*end < text_end && (flags_after(*end, text_end, &other) & LMOPT_CHAR_SPACE))
      *end = other;
  return 1;
}

/* llama.cpp's SentencePiece takes bytes as they are, whether they are UTF-8 or not. */
static int takes_any_bytes(const lmopt_tokenizer_t *tokenizer) {
  return tokenizer->header.kind == LMOPT_TOKENIZER_SCORED && !tokenizer->sections[LMOPT_TOKENIZER_NORMALIZER].size &&
         !tokenizer->patterns;
}

static int copy_located(lmopt_encoding_t *encoding, lmopt_bytes_t text) {
  for (uint32_t i = 0; i < text.size; ++i) {
    lmopt_origin_t origin = {i, i + 1};
    if (!lmopt_buffer_append(&encoding->origins, &origin, sizeof(origin)))
      return 0;
  }
  return lmopt_buffer_append(&encoding->normalized, text.data, text.size);
}

/* The same as prepare, with the origin of each byte. */
static int prepare_located(lmopt_encoding_t *encoding, lmopt_bytes_t *text) {
  lmopt_normalizer_t normalizer = lmopt_normalizer_of(encoding->tokenizer);
  normalizer.inside = encoding->segment != 0;
  encoding->normalized.size = encoding->origins.size = 0;
  if (takes_any_bytes(encoding->tokenizer)
          ? !copy_located(encoding, *text)
          : !lmopt_normalize_text(&normalizer, *text, &encoding->normalized, &encoding->origins))
    return 0;
  *text = (lmopt_bytes_t){encoding->normalized.data, encoding->normalized.size};
  encoding->part = text->data;
  encoding->part_shift = 0;
  return 1;
}

/* Text without added tokens of the first round -> well-formed, normalized text. 0 when out of memory. */
static int prepare(lmopt_encoding_t *encoding, lmopt_bytes_t *text) {
  if (encoding->tokens)
    return prepare_located(encoding, text);
  if (takes_any_bytes(encoding->tokenizer))
    return 1;
  size_t valid = lmopt_utf8_valid_prefix(text->data, text->size);
  if (valid < text->size) {
    lmopt_buffer_t *copy = &encoding->sanitized;
    const uint8_t *at = text->data + valid, *end = text->data + text->size;
    copy->size = 0;
    if (!lmopt_buffer_append(copy, text->data, valid) || !lmopt_buffer_reserve(copy, 3 * (text->size - valid)))
      return 0;
    while (at < end) {
      uint32_t c;
      at += lmopt_utf8_decode(at, end, &c);
      copy->size += lmopt_utf8_encode(c, copy->data + copy->size); /* at most 3 bytes for each byte read */
    }
    *text = (lmopt_bytes_t){copy->data, copy->size};
  }
  lmopt_normalizer_t normalizer = lmopt_normalizer_of(encoding->tokenizer);
  normalizer.inside = encoding->segment != 0;
  if (normalizer.steps.size) {
    encoding->normalized.size = 0;
    if (!lmopt_normalize_text(&normalizer, *text, &encoding->normalized, NULL))
      return 0;
    *text = (lmopt_bytes_t){encoding->normalized.data, encoding->normalized.size};
  }
  return 1;
}

static void find_added(lmopt_encoding_t *encoding, size_t round, lmopt_bytes_t text);

/* What lies between the finds of a round goes on to the next round, in the end to the model. */
static void encode_between(lmopt_encoding_t *encoding, size_t round, const uint8_t *begin, const uint8_t *end) {
  lmopt_bytes_t text = {begin, (size_t)(end - begin)};
  if (text.size == 0 || lmopt_encoding_done(encoding))
    return;
  if (round == 1)
    return lmopt_split_and_encode(encoding, text);
  encoding->segment = (size_t)(begin - encoding->whole);
  if (!prepare(encoding, &text)) {
    encoding->out_of_memory = 1;
    return;
  }
  encoding->prepared = text;
  find_added(encoding, 1, text);
}

static void locate_added(lmopt_encoding_t *encoding, size_t round, lmopt_bytes_t text, const uint8_t *begin,
                         const uint8_t *end) {
  ++encoding->word;
  if (round == 1)
    return lmopt_encoding_span(encoding, begin, end);
  encoding->span_begin = (size_t)(begin - text.data); /* the whole text */
  encoding->span_end = (size_t)(end - text.data);
}

static void find_added(lmopt_encoding_t *encoding, size_t round, lmopt_bytes_t text) {
  if (round == 0)
    encoding->whole = text.data;
  const uint8_t *index = encoding->tokenizer->sections[LMOPT_TOKENIZER_ADDED_INDEX].data + round * 257 * 4;
  uint8_t starts[256]; /* whether any added token begins with this byte */
  for (size_t b = 0; b < 256; ++b)
    starts[b] = lmopt_load_u32(index, b) < lmopt_load_u32(index, b + 1);
  const uint8_t *at = text.data, *end = text.data + text.size, *free_from = at;
  while (at < end && !lmopt_encoding_done(encoding)) {
    added_t found;
    if (!starts[*at] || !added_at(encoding, round, (lmopt_bytes_t){at, (size_t)(end - at)}, &found)) {
      ++at;
      continue;
    }
    const uint8_t *begin = at, *stop = at + found.size;
    at = stop; /* also when it does not fit: the search goes on behind it */
    if (!fit_added(text, free_from, &found, &begin, &stop))
      continue;
    encode_between(encoding, round, free_from, begin);
    locate_added(encoding, round, text, at - found.size, at);
    lmopt_encoding_add(encoding, (int32_t)found.id);
    at = at > stop ? at : stop;
    free_from = stop;
  }
  encode_between(encoding, round, free_from, end);
}

/* The text itself, `room` ids of it: the first ones, or with TRUNCATE_LEFT the last ones. How many there are is known
 * only when all are found, so then the text is encoded twice, once to count. */
static void encode_cut(lmopt_encoding_t *encoding, lmopt_bytes_t text, size_t room) {
  if (text.size == 0)
    return;
  encoding->limit = room == SIZE_MAX ? SIZE_MAX : encoding->count + room;
  if (room != SIZE_MAX && (encoding->tokenizer->header.flags & LMOPT_TOKENIZER_TRUNCATE_LEFT)) {
    size_t before = encoding->count, capacity = encoding->capacity;
    encoding->limit = SIZE_MAX;
    encoding->capacity = 0;
    find_added(encoding, 0, text);
    size_t all = encoding->count - before;
    encoding->count = before;
    encoding->capacity = capacity;
    encoding->skip = all > room ? all - room : 0;
  }
  find_added(encoding, 0, text);
}

void lmopt_encode_whole(lmopt_encoding_t *encoding, lmopt_bytes_t text) {
  encoding->word = -1;
  if (text.size)
    find_added(encoding, 0, text);
}

static void encode_text(lmopt_encoding_t *encoding, lmopt_bytes_t text) {
  const lmopt_tokenizer_t *tokenizer = encoding->tokenizer;
  const uint8_t *frame = tokenizer->sections[LMOPT_TOKENIZER_TEMPLATE].data;
  int add_special = (encoding->flags & LMOPT_TOKENIZE_ADD_SPECIAL) != 0;
  size_t room = SIZE_MAX;
  if (tokenizer->header.max_length && !(encoding->flags & LMOPT_TOKENIZE_NO_TRUNCATION)) {
    size_t taken = add_special ? tokenizer->template_ids : 0;
    room = tokenizer->header.max_length > taken ? tokenizer->header.max_length - taken : 0;
  }
  for (size_t i = 0; i < tokenizer->template_size; ++i) {
    int32_t id = lmopt_load_i32(frame, i);
    encoding->limit = SIZE_MAX;
    if (id >= 0 && add_special)
      lmopt_encoding_add(encoding, id);
    if (id >= 0)
      continue;
    encode_cut(encoding, text, room);
  }
}

lmopt_status_t lmopt_tokenizer_encode(const lmopt_tokenizer_t *tokenizer, const char *text, size_t length,
                                      uint32_t flags, int32_t *ids, size_t capacity, size_t *count,
                                      lmopt_error_t *error) {
  if (!tokenizer || (!text && length) || (!ids && capacity) || !count)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_USAGE, "lmopt_tokenizer_encode: a null argument");
  const uint32_t known = LMOPT_TOKENIZE_DEFAULT | LMOPT_TOKENIZE_NO_TRUNCATION;
  if (flags & ~known)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_USAGE, "lmopt_tokenizer_encode: unknown flags 0x%x", flags & ~known);
  lmopt_encoding_t encoding = {.tokenizer = tokenizer, .flags = flags, .ids = ids, .capacity = capacity};
  encode_text(&encoding, (lmopt_bytes_t){(const uint8_t *)text, length});
  lmopt_encoding_free(&encoding);
  lmopt_status_t status = lmopt_encoding_result(&encoding, length, error);
  if (!status)
    *count = encoding.count;
  return status;
}
