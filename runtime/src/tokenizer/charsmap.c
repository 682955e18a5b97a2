/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Replacements of characters that SentencePiece has compiled into a table: as the Precompiled normalizer of
 * `tokenizers` applies them (lmopt_apply_charsmap), and as SentencePiece itself and llama.cpp do (lmopt_apply_longest).
 *
 *   charsmap = bytes of the trie (uint32), the trie (uint32 units of a double array), texts that each end with a zero
 *
 * A double array is a trie in one array: a unit says how far its children are, which byte leads to it, and whether a
 * text ends there; then the child for byte 0 holds the place of what replaces it. SentencePiece goes through a text
 * from the left and replaces the longest text that the table has at each place. `tokenizers` does this: a grapheme
 * cluster of less than six bytes becomes, as a whole, what the shortest of its beginnings becomes that the table has;
 * where it has none, and in longer clusters, each character is looked up by itself. Models were trained with either.
 * Clusters are those of UAX 29 but for what only clusters of six bytes and more have: pairs of regional indicators,
 * conjuncts, and emoji that U+200D joins.
 *
 * Nothing in the table is trusted: places outside of it end a search. Source: darts-clone; spm_precompiled. Tested by
 * test/unit/tokenizer/NormalizeTest.cpp and, with nmt_nfkc, by test/tools/sentencepiece_parity.py on all code points.
 */
#include "runtime/src/tokenizer/chars.h"
#include "runtime/src/tokenizer/unicode.h"

enum {
  SHORT_CLUSTER = 6, /* bytes; as long ones are taken character by character */
  LONGEST_TEXT = 64  /* characters; those of SentencePiece's own tables have up to 4, hostile ones may go in circles */
};

/*===--- The table ---===*/

typedef struct {
  lmopt_bytes_t trie, texts;
} charsmap_t;

static charsmap_t open_charsmap(lmopt_bytes_t bytes) {
  charsmap_t none = {{NULL, 0}, {NULL, 0}};
  if (bytes.size < sizeof(uint32_t))
    return none;
  size_t size = lmopt_load_u32(bytes.data, 0);
  if (size > bytes.size - sizeof(uint32_t))
    return none;
  return (charsmap_t){{bytes.data + sizeof(uint32_t), size},
                      {bytes.data + sizeof(uint32_t) + size, bytes.size - sizeof(uint32_t) - size}};
}

static int unit_at(const charsmap_t *map, size_t index, uint32_t *unit) {
  if (index >= map->trie.size / sizeof(uint32_t))
    return 0;
  *unit = lmopt_load_u32(map->trie.data, index);
  return 1;
}

static size_t children_of(uint32_t unit) { return (size_t)(unit >> 10) << ((unit & (1u << 9)) >> 6); }
static int ends_text(uint32_t unit) { return (unit >> 8 & 1) != 0; }
/* Units that hold a place have the highest bit, which no byte has. */
static uint32_t byte_of(uint32_t unit) { return unit & (1u << 31 | 0xFF); }
static uint32_t place_of(uint32_t unit) { return unit & ((1u << 31) - 1); }

/* Where the text stands that replaces the shortest beginning of `text` that is in the table. */
static int find_shortest(const charsmap_t *map, lmopt_bytes_t text, size_t *place) {
  uint32_t unit;
  if (!unit_at(map, 0, &unit))
    return 0;
  size_t at = children_of(unit);
  for (size_t i = 0; i < text.size && text.data[i]; ++i) {
    at ^= text.data[i];
    if (!unit_at(map, at, &unit) || byte_of(unit) != text.data[i])
      return 0;
    at ^= children_of(unit);
    if (!ends_text(unit))
      continue;
    if (!unit_at(map, at, &unit) || place_of(unit) > map->texts.size)
      return 0;
    *place = place_of(unit);
    return 1;
  }
  return 0;
}

/* Puts the text at `place` for characters [begin, end). */
static void put_text(const charsmap_t *map, size_t place, const lmopt_chars_t *in, size_t begin, size_t end,
                     lmopt_chars_t *out) {
  lmopt_char_t from = {0, in->data[begin].begin, in->data[end - 1].end};
  const uint8_t *at = map->texts.data + place, *stop = map->texts.data + map->texts.size;
  while (at < stop && *at && !out->failed) {
    uint32_t c;
    at += lmopt_utf8_decode(at, stop, &c);
    lmopt_chars_push(out, c, &from);
  }
}

/* Puts what replaces characters [begin, end), if anything does. */
static int put_replacement(const charsmap_t *map, const lmopt_chars_t *in, size_t begin, size_t end,
                           lmopt_chars_t *out) {
  uint8_t bytes[4 * SHORT_CLUSTER];
  size_t size = 0, place;
  for (size_t i = begin; i < end; ++i)
    size += lmopt_utf8_encode(in->data[i].c, bytes + size);
  if (!find_shortest(map, (lmopt_bytes_t){bytes, size}, &place))
    return 0;
  put_text(map, place, in, begin, end, out);
  return 1;
}

/*===--- The longest text ---===*/

/* Goes one character on in the trie; whether there is a way. `ends`: a text ends behind it, `place` is of what replaces
 * it. */
static int step_character(const charsmap_t *map, uint32_t c, size_t *at, int *ends, size_t *place) {
  uint8_t bytes[4];
  size_t size = lmopt_utf8_encode(c, bytes);
  for (size_t i = 0; i < size; ++i) {
    uint32_t unit;
    *at ^= bytes[i];
    if (!bytes[i] || !unit_at(map, *at, &unit) || byte_of(unit) != bytes[i])
      return 0;
    *at ^= children_of(unit);
    *ends = ends_text(unit);
  }
  uint32_t unit;
  *ends = *ends && unit_at(map, *at, &unit) && place_of(unit) <= map->texts.size;
  if (*ends)
    *place = place_of(unit);
  return 1;
}

/* How many characters from `begin` on the table replaces at once; 0: none. */
static size_t find_longest(const charsmap_t *map, const lmopt_chars_t *in, size_t begin, size_t *place) {
  uint32_t root;
  size_t longest = 0, found;
  if (!unit_at(map, 0, &root))
    return 0;
  size_t at = children_of(root);
  for (size_t i = begin; i < in->size && i - begin < LONGEST_TEXT; ++i) {
    int ends;
    if (!step_character(map, in->data[i].c, &at, &ends, &found))
      break;
    if (ends) {
      longest = i + 1 - begin;
      *place = found;
    }
  }
  return longest;
}

void lmopt_apply_longest(lmopt_bytes_t bytes, const lmopt_chars_t *in, lmopt_chars_t *out) {
  charsmap_t map = open_charsmap(bytes);
  for (size_t begin = 0; begin < in->size && !out->failed;) {
    size_t place, size = find_longest(&map, in, begin, &place);
    if (size)
      put_text(&map, place, in, begin, begin + size, out);
    else
      lmopt_chars_push(out, in->data[begin].c, &in->data[begin]);
    begin += size ? size : 1;
  }
}

/*===--- Clusters ---===*/

typedef enum { NO_HANGUL, LEADING, VOWEL, TRAILING, WITH_VOWEL, WITH_TRAILING } hangul_t;

static hangul_t hangul_of(uint32_t c) {
  if ((c >= 0x1100 && c < 0x1160) || (c >= 0xA960 && c < 0xA97D))
    return LEADING;
  if ((c >= 0x1160 && c < 0x11A8) || (c >= 0xD7B0 && c < 0xD7C7))
    return VOWEL;
  if ((c >= 0x11A8 && c < 0x1200) || (c >= 0xD7CB && c < 0xD7FC))
    return TRAILING;
  if (c >= 0xAC00 && c < 0xD7A4)
    return (c - 0xAC00) % 28 ? WITH_TRAILING : WITH_VOWEL;
  return NO_HANGUL;
}

static int is_syllable(hangul_t left, hangul_t right) {
  switch (left) {
  case LEADING:
    return right == LEADING || right == VOWEL || right == WITH_VOWEL || right == WITH_TRAILING;
  case VOWEL:
  case WITH_VOWEL:
    return right == VOWEL || right == TRAILING;
  case TRAILING:
  case WITH_TRAILING:
    return right == TRAILING;
  default:
    return 0;
  }
}

static int is_one_cluster(uint32_t left, uint32_t right) {
  if (left == '\r' && right == '\n')
    return 1;
  uint32_t before = lmopt_char_flags(left), after = lmopt_char_flags(right);
  if ((before | after) & LMOPT_CHAR_GRAPHEME_CONTROL)
    return 0;
  return (after & LMOPT_CHAR_GRAPHEME_EXTEND) || (before & LMOPT_CHAR_GRAPHEME_PREPEND) ||
         is_syllable(hangul_of(left), hangul_of(right));
}

static size_t utf8_size(uint32_t c) { return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4; }

/*===--- The step ---===*/

void lmopt_apply_charsmap(lmopt_bytes_t bytes, const lmopt_chars_t *in, lmopt_chars_t *out) {
  charsmap_t map = open_charsmap(bytes);
  for (size_t begin = 0, end; begin < in->size && !out->failed; begin = end) {
    size_t size = utf8_size(in->data[begin].c);
    for (end = begin + 1; end < in->size && is_one_cluster(in->data[end - 1].c, in->data[end].c); ++end)
      size += utf8_size(in->data[end].c);
    if (size < SHORT_CLUSTER && put_replacement(&map, in, begin, end, out))
      continue;
    for (size_t i = begin; i < end; ++i)
      if (!put_replacement(&map, in, i, i + 1, out))
        lmopt_chars_push(out, in->data[i].c, &in->data[i]);
  }
}
