/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * UTF-8 and the searches in the character tables. Hangul syllables follow the arithmetic of the Unicode standard
 * (chapter 3.12) and stand in no table. Tested by test/unit/tokenizer/UnicodeTest.cpp.
 */
#include "runtime/src/tokenizer/unicode.h"

enum {
  HANGUL_S = 0xAC00,
  HANGUL_L = 0x1100,
  HANGUL_V = 0x1161,
  HANGUL_T = 0x11A7, /* one before the first trailing consonant */
  HANGUL_L_COUNT = 19,
  HANGUL_V_COUNT = 21,
  HANGUL_T_COUNT = 28,
  HANGUL_S_COUNT = HANGUL_L_COUNT * HANGUL_V_COUNT * HANGUL_T_COUNT
};

static int is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

size_t lmopt_utf8_decode(const uint8_t *text, const uint8_t *end, uint32_t *c) {
  uint8_t lead = text[0];
  size_t left = (size_t)(end - text);
  if (lead < 0x80) {
    *c = lead;
    return 1;
  }
  if (lead >= 0xC0 && lead < 0xE0 && left >= 2 && is_continuation(text[1])) {
    *c = (uint32_t)(lead & 0x1F) << 6 | (text[1] & 0x3F);
    return 2;
  }
  if (lead >= 0xE0 && lead < 0xF0 && left >= 3 && is_continuation(text[1]) && is_continuation(text[2])) {
    *c = (uint32_t)(lead & 0x0F) << 12 | (uint32_t)(text[1] & 0x3F) << 6 | (text[2] & 0x3F);
    return 3;
  }
  if (lead >= 0xF0 && lead < 0xF8 && left >= 4 && is_continuation(text[1]) && is_continuation(text[2]) &&
      is_continuation(text[3])) {
    uint32_t value = (uint32_t)(lead & 0x07) << 18 | (uint32_t)(text[1] & 0x3F) << 12 |
                     (uint32_t)(text[2] & 0x3F) << 6 | (text[3] & 0x3F);
    /* Beyond Unicode llama.cpp ends the program; here the bytes are as bad as any other bad byte. */
    if (value <= 0x10FFFF) {
      *c = value;
      return 4;
    }
  }
  *c = LMOPT_REPLACEMENT;
  return 1;
}

size_t lmopt_utf8_encode(uint32_t c, uint8_t *out) {
  if (c < 0x80) {
    out[0] = (uint8_t)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (uint8_t)(0xC0 | c >> 6);
    out[1] = (uint8_t)(0x80 | (c & 0x3F));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = (uint8_t)(0xE0 | c >> 12);
    out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    out[2] = (uint8_t)(0x80 | (c & 0x3F));
    return 3;
  }
  out[0] = (uint8_t)(0xF0 | c >> 18);
  out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3F));
  out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
  out[3] = (uint8_t)(0x80 | (c & 0x3F));
  return 4;
}

size_t lmopt_utf8_valid_prefix(const uint8_t *text, size_t size) {
  const uint8_t *end = text + size, *at = text;
  while (at < end) {
    if (*at < 0x80) {
      ++at;
      continue;
    }
    uint32_t c;
    size_t length = lmopt_utf8_decode(at, end, &c);
    uint8_t again[4];
    int shortest = length > 1 && lmopt_utf8_encode(c, again) == length;
    if (!shortest || (c >= 0xD800 && c < 0xE000))
      break;
    at += length;
  }
  return (size_t)(at - text);
}

uint32_t lmopt_char_lower(uint32_t c, uint32_t *second) {
  *second = 0;
  if (c < 0x80)
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c == 0x130) {
    *second = 0x307;
    return 'i';
  }
  uint32_t low = 0, high = lmopt_unicode_lower_count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (lmopt_unicode_lower[middle].from < c)
      low = middle + 1;
    else
      high = middle;
  }
  return low < lmopt_unicode_lower_count && lmopt_unicode_lower[low].from == c ? lmopt_unicode_lower[low].to : c;
}

/* The row of a character in a table that is sorted by it, or NULL. */
static const lmopt_unicode_triple_t *find(const lmopt_unicode_triple_t *table, uint32_t count, uint32_t c) {
  uint32_t low = 0, high = count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (table[middle].a < c)
      low = middle + 1;
    else
      high = middle;
  }
  return low < count && table[low].a == c ? &table[low] : NULL;
}

int lmopt_char_split(uint32_t c, uint32_t *first, uint32_t *second) {
  if (c >= HANGUL_S && c < HANGUL_S + HANGUL_S_COUNT) {
    uint32_t index = c - HANGUL_S, trailing = index % HANGUL_T_COUNT;
    *first = trailing ? c - trailing : HANGUL_L + index / (HANGUL_V_COUNT * HANGUL_T_COUNT);
    *second = trailing ? HANGUL_T + trailing : HANGUL_V + index % (HANGUL_V_COUNT * HANGUL_T_COUNT) / HANGUL_T_COUNT;
    return 1;
  }
  const lmopt_unicode_triple_t *found = find(lmopt_unicode_split, lmopt_unicode_split_count, c);
  if (!found)
    return 0;
  *first = found->b;
  *second = found->c;
  return 1;
}

size_t lmopt_char_compatible(uint32_t c, const uint32_t **text) {
  const lmopt_unicode_triple_t *found = find(lmopt_unicode_compatible, lmopt_unicode_compatible_count, c);
  if (!found)
    return 0;
  *text = lmopt_unicode_compatible_text + found->b;
  return found->c;
}

uint32_t lmopt_char_join(uint32_t first, uint32_t second) {
  if (first >= HANGUL_L && first < HANGUL_L + HANGUL_L_COUNT && second >= HANGUL_V &&
      second < HANGUL_V + HANGUL_V_COUNT)
    return HANGUL_S + ((first - HANGUL_L) * HANGUL_V_COUNT + (second - HANGUL_V)) * HANGUL_T_COUNT;
  if (first >= HANGUL_S && first < HANGUL_S + HANGUL_S_COUNT && (first - HANGUL_S) % HANGUL_T_COUNT == 0 &&
      second > HANGUL_T && second < HANGUL_T + HANGUL_T_COUNT)
    return first + (second - HANGUL_T);
  uint32_t low = 0, high = lmopt_unicode_join_count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    const lmopt_unicode_triple_t *row = &lmopt_unicode_join[middle];
    if (row->a < first || (row->a == first && row->b < second))
      low = middle + 1;
    else
      high = middle;
  }
  if (low == lmopt_unicode_join_count)
    return 0;
  const lmopt_unicode_triple_t *row = &lmopt_unicode_join[low];
  return row->a == first && row->b == second ? row->c : 0;
}

uint32_t lmopt_char_order(uint32_t c) {
  if (c < 0x300)
    return 0;
  uint32_t low = 0, high = lmopt_unicode_order_count;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (lmopt_unicode_order[middle].b < c)
      low = middle + 1;
    else
      high = middle;
  }
  return low < lmopt_unicode_order_count && lmopt_unicode_order[low].a <= c ? lmopt_unicode_order[low].c : 0;
}
