/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One text or a pair of them to tokens that know where they come from: their type, their text, the word and the bytes.
 *
 * Each text is encoded whole, then both are cut to the maximum length as `tokenizers` cuts ("longest first": the longer
 * one loses what is too much; both keep half when half is not enough), then the template puts its tokens around. An id
 * comes from the bytes that its characters came from before they were normalized. Tested by
 * test/unit/tokenizer/TextsTest.cpp, against `tokenizers` by its golden files.
 */
#include "runtime/src/tokenizer/internal.h"

#include <stdlib.h>

/*===--- Where an id comes from ---===*/

void lmopt_encoding_record(lmopt_encoding_t *encoding, int32_t id) {
  lmopt_token_t token = {.id = id, .word = encoding->word, .begin = encoding->span_begin, .end = encoding->span_end};
  encoding->out_of_memory |= !lmopt_buffer_append(encoding->tokens, &token, sizeof(token));
}

static lmopt_origin_t origin_at(const lmopt_encoding_t *encoding, ptrdiff_t index) {
  lmopt_origin_t origin;
  memcpy(&origin, encoding->origins.data + (index < 0 ? 0 : index) * (ptrdiff_t)sizeof(origin), sizeof(origin));
  return origin;
}

void lmopt_encoding_locate(lmopt_encoding_t *encoding, const uint8_t *begin, const uint8_t *end) {
  while (begin < end && *begin == ' ') /* byte-level words carry the blank before them */
    ++begin;
  ptrdiff_t first = begin - encoding->part + encoding->part_shift, last = end - encoding->part + encoding->part_shift;
  lmopt_origin_t from = {0, 0}, to = {0, 0};
  if (last > 0)
    to = origin_at(encoding, last - 1);
  from.begin = last > first && last > 0 ? origin_at(encoding, first).begin : to.end;
  encoding->span_begin = encoding->segment + from.begin;
  encoding->span_end = encoding->segment + to.end;
}

/*===--- Cutting ---===*/

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* How many tokens each of two texts keeps. */
static void cut_pair(size_t *sizes, size_t room) {
  if (sizes[0] <= room && sizes[1] <= room - sizes[0])
    return;
  size_t shorter = least(sizes[0], sizes[1]), half = room / 2;
  size_t *small = sizes[0] <= sizes[1] ? &sizes[0] : &sizes[1], *large = small == sizes ? &sizes[1] : &sizes[0];
  if (shorter <= half) {
    *large = room - shorter;
    return;
  }
  *small = half;
  *large = room - half;
}

/*===--- Encoding ---===*/

typedef struct {
  const lmopt_tokenizer_t *tokenizer;
  uint32_t flags;
  lmopt_buffer_t parts[2]; /* of lmopt_token_t */
  size_t sizes[2];         /* that many of them stay */
  lmopt_token_t *tokens;
  size_t capacity, count;
} texts_t;

/* Tokens are counted when all are there, but those that go (DROP_UNKNOWN) count as well; nothing stands around such a
 * text, and there are no pairs. */
static size_t limit_of(const texts_t *work) {
  const lmopt_tokenizer_header_t *header = &work->tokenizer->header;
  int cuts = header->max_length && !(work->flags & LMOPT_TOKENIZE_NO_TRUNCATION);
  return cuts && (header->flags & LMOPT_TOKENIZER_DROP_UNKNOWN) ? header->max_length : SIZE_MAX;
}

static lmopt_status_t encode_part(texts_t *work, size_t number, const lmopt_text_t *text, lmopt_error_t *error) {
  lmopt_encoding_t encoding = {
      .tokenizer = work->tokenizer, .flags = work->flags, .limit = limit_of(work), .tokens = &work->parts[number]};
  lmopt_encode_whole(&encoding, (lmopt_bytes_t){(const uint8_t *)text->bytes, text->size});
  lmopt_encoding_free(&encoding);
  work->sizes[number] = work->parts[number].size / sizeof(lmopt_token_t);
  return lmopt_encoding_result(&encoding, text->size, error);
}

static void put(texts_t *work, lmopt_token_t token) {
  if (work->count < work->capacity)
    work->tokens[work->count] = token;
  ++work->count;
}

static void put_part(texts_t *work, size_t number, int32_t type) {
  size_t all = work->parts[number].size / sizeof(lmopt_token_t), size = work->sizes[number];
  int left = (work->tokenizer->header.flags & LMOPT_TOKENIZER_TRUNCATE_LEFT) != 0;
  const lmopt_token_t *tokens = (const lmopt_token_t *)work->parts[number].data + (left ? all - size : 0);
  for (size_t i = 0; i < size; ++i) {
    lmopt_token_t token = tokens[i];
    token.type = type;
    token.text = (int32_t)number;
    put(work, token);
  }
}

/* An entry of a template: an id, or the text -1 - id. */
static void put_entry(texts_t *work, int32_t id, int32_t type) {
  if (id < 0)
    put_part(work, (size_t)(-1 - id), type);
  else if (work->flags & LMOPT_TOKENIZE_ADD_SPECIAL)
    put(work, (lmopt_token_t){.id = id, .type = type, .text = -1, .word = -1});
}

static void frame(texts_t *work, size_t count) {
  const lmopt_tokenizer_t *tokenizer = work->tokenizer;
  const uint8_t *single = tokenizer->sections[LMOPT_TOKENIZER_TEMPLATE].data;
  const uint8_t *pair = tokenizer->sections[LMOPT_TOKENIZER_PAIR_TEMPLATE].data;
  for (size_t i = 0; count == 1 && i < tokenizer->template_size; ++i)
    put_entry(work, lmopt_load_i32(single, i), 0);
  for (size_t i = 0; count == 2 && i < tokenizer->pair_size; ++i)
    put_entry(work, lmopt_load_i32(pair, 2 * i), lmopt_load_i32(pair, 2 * i + 1));
}

static void cut(texts_t *work, size_t count) {
  const lmopt_tokenizer_t *tokenizer = work->tokenizer;
  if (!tokenizer->header.max_length || (work->flags & LMOPT_TOKENIZE_NO_TRUNCATION))
    return;
  size_t taken = count == 1 ? tokenizer->template_ids : tokenizer->pair_ids, most = tokenizer->header.max_length;
  if (!(work->flags & LMOPT_TOKENIZE_ADD_SPECIAL))
    taken = 0;
  size_t room = most > taken ? most - taken : 0;
  if (count == 1)
    work->sizes[0] = least(work->sizes[0], room);
  else
    cut_pair(work->sizes, room);
}

static lmopt_status_t check(const lmopt_tokenizer_t *tokenizer, const lmopt_text_t *texts, size_t text_count,
                            uint32_t flags, lmopt_error_t *error) {
  if (text_count != 1 && text_count != 2)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_USAGE,
                                "lmopt_tokenizer_encode_texts: %zu texts, expected one or a pair", text_count);
  const uint32_t known = LMOPT_TOKENIZE_DEFAULT | LMOPT_TOKENIZE_NO_TRUNCATION;
  if (flags & ~known)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_USAGE, "lmopt_tokenizer_encode_texts: unknown flags 0x%x",
                                flags & ~known);
  for (size_t i = 0; i < text_count; ++i)
    if ((!texts[i].bytes && texts[i].size) || texts[i].size > INT32_MAX)
      return lmopt_tokenizer_fail(error, LMOPT_ERROR_USAGE,
                                  "lmopt_tokenizer_encode_texts: text %zu is NULL or longer than 2 GiB", i);
  if (text_count == 2 && tokenizer->pair_size == 0)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_UNSUPPORTED,
                                "the model's tokenizer does not say how two texts are put together");
  return LMOPT_OK;
}

lmopt_status_t lmopt_tokenizer_encode_texts(const lmopt_tokenizer_t *tokenizer, const lmopt_text_t *texts,
                                            size_t text_count, uint32_t flags, lmopt_token_t *tokens, size_t capacity,
                                            size_t *count, lmopt_error_t *error) {
  if (!tokenizer || !texts || (!tokens && capacity) || !count)
    return lmopt_tokenizer_fail(error, LMOPT_ERROR_USAGE, "lmopt_tokenizer_encode_texts: a null argument");
  lmopt_status_t status = check(tokenizer, texts, text_count, flags, error);
  if (status)
    return status;
  texts_t work = {.tokenizer = tokenizer, .flags = flags, .tokens = tokens, .capacity = capacity};
  for (size_t i = 0; i < text_count && !status; ++i)
    status = encode_part(&work, i, &texts[i], error);
  if (!status) {
    cut(&work, text_count);
    frame(&work, text_count);
    *count = work.count;
  }
  free(work.parts[0].data);
  free(work.parts[1].data);
  return status;
}
