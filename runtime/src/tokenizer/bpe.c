/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Byte-pair encoding of one word, and the greedy longest match of WordPiece.
 *
 * BPE: start from the token of each byte, or of each character, some with a mark where the word ends; always join the
 * neighbouring pair of lowest rank, the leftmost among equals, until no pair has a merge. Most words of real text are
 * whole tokens, and whether joining ends in that token was found out when the blob was built: for them one hash lookup
 * is all. Short words are joined in arrays (quadratic, but 24 long at most), long ones by join.c. WordPiece: the
 * longest piece that the rest of the word begins with, again and again; a word with a rest that begins with no piece is
 * the unknown token as a whole. One hash pass per position, cost O(length of the longest piece). Tested by
 * test/unit/tokenizer/ModelTest.cpp.
 */
#include "runtime/src/tokenizer/internal.h"
#include "runtime/src/tokenizer/unicode.h"

enum { SHORT_WORD = 24 };

/* Rank of joining two tokens; LMOPT_NO_RANK if there is no merge. */
static uint32_t pair_rank(const lmopt_tokenizer_t *tokenizer, int32_t left, int32_t right) {
  if (left < 0 || right < 0)
    return LMOPT_NO_RANK;
  const uint8_t *table = tokenizer->sections[LMOPT_TOKENIZER_MERGE_TABLE].data;
  const uint8_t *merges = tokenizer->sections[LMOPT_TOKENIZER_MERGES].data;
  uint32_t slot = (uint32_t)lmopt_tokenizer_pair_hash((uint32_t)left, (uint32_t)right);
  for (uint32_t probe = 0; probe < tokenizer->header.merge_probes; ++probe, ++slot) {
    uint32_t entry = lmopt_load_u32(table, slot & tokenizer->merge_mask);
    if (entry == 0)
      return LMOPT_NO_RANK;
    size_t at = 3 * ((size_t)entry - 1);
    if (entry <= tokenizer->header.merge_count && lmopt_load_i32(merges, at) == left &&
        lmopt_load_i32(merges, at + 1) == right && lmopt_load_u32(merges, at + 2) < tokenizer->header.token_count)
      return entry - 1;
  }
  return LMOPT_NO_RANK;
}

static int32_t merge_result(const lmopt_tokenizer_t *tokenizer, uint32_t rank) {
  return lmopt_load_i32(tokenizer->sections[LMOPT_TOKENIZER_MERGES].data, 3 * (size_t)rank + 2);
}

typedef struct {
  lmopt_part_t *data;
  size_t count;
} pieces_t;

static void push(pieces_t *pieces, int32_t id, size_t begin, size_t end) {
  pieces->data[pieces->count++] = (lmopt_part_t){id, (uint32_t)begin, (uint32_t)end};
}

/* What bytes without a token become: the unknown token, one for neighbours with FUSE_UNK; without an unknown token -1
 * or nothing, see DROP_FIRST. */
static void push_unknown(const lmopt_tokenizer_t *tokenizer, pieces_t *pieces, size_t begin, size_t end) {
  int32_t unknown = tokenizer->header.unknown;
  lmopt_part_t *last = pieces->count ? &pieces->data[pieces->count - 1] : NULL;
  if (unknown < 0 && (tokenizer->header.flags & LMOPT_TOKENIZER_DROP_FIRST))
    return;
  if (last && last->id == unknown && last->end == begin && (tokenizer->header.flags & LMOPT_TOKENIZER_FUSE_UNK))
    last->end = (uint32_t)end;
  else
    push(pieces, unknown, begin, end);
}

static int has_affixes(const lmopt_tokenizer_t *tokenizer) {
  return (tokenizer->header.flags & LMOPT_TOKENIZER_AFFIXES) != 0;
}

/* Bytes [begin, end) of the word, one character, behind the prefix unless they are the first, before the suffix if they
 * are the last: its piece, or -1. */
static int32_t affixed(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, size_t begin, size_t end) {
  uint8_t text[LMOPT_TOKENIZER_MAX_AFFIXES + 4];
  lmopt_bytes_t parts[3] = {{tokenizer->prefix.data, begin ? tokenizer->prefix.size : 0},
                            {word.data + begin, end - begin},
                            {tokenizer->suffix.data, end == word.size ? tokenizer->suffix.size : 0}};
  size_t size = 0;
  for (size_t i = 0; i < 3; size += parts[i++].size)
    memcpy(text + size, parts[i].data, parts[i].size);
  return lmopt_tokenizer_find(tokenizer, (const char *)text, size);
}

/* The piece that a character begins as, or -1. */
static int32_t character_piece(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, size_t begin, size_t end) {
  int32_t id = has_affixes(tokenizer) ? affixed(tokenizer, word, begin, end)
                                      : lmopt_tokenizer_find(tokenizer, (const char *)word.data + begin, end - begin);
  return id >= 0 && !(lmopt_token_flags(tokenizer, (uint32_t)id) & LMOPT_TOKEN_FLAG_ADDED) ? id : -1;
}

static void first_bytes(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, pieces_t *pieces) {
  for (size_t i = 0; i < word.size; ++i) {
    int32_t id =
        has_affixes(tokenizer) ? character_piece(tokenizer, word, i, i + 1) : lmopt_byte_token(tokenizer, word.data[i]);
    if (id >= 0)
      push(pieces, id, i, i + 1);
    else
      push_unknown(tokenizer, pieces, i, i + 1);
  }
}

static int push_byte_tokens(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, size_t begin, size_t end,
                            pieces_t *pieces) {
  size_t before = pieces->count;
  for (size_t i = begin; i < end; ++i) {
    int32_t id = lmopt_byte_token(tokenizer, word.data[i]);
    if (id < 0) {
      pieces->count = before;
      return 0;
    }
    push(pieces, id, i, i + 1);
  }
  return 1;
}

static void first_characters(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, pieces_t *pieces) {
  int falls_back = (tokenizer->header.flags & LMOPT_TOKENIZER_BYTE_FALLBACK) != 0;
  for (size_t begin = 0, end; begin < word.size; begin = end) {
    uint32_t c;
    end = begin + lmopt_utf8_decode(word.data + begin, word.data + word.size, &c);
    int32_t id = character_piece(tokenizer, word, begin, end);
    if (id >= 0)
      push(pieces, id, begin, end);
    else if (!falls_back || !push_byte_tokens(tokenizer, word, begin, end, pieces))
      push_unknown(tokenizer, pieces, begin, end);
  }
}

/* What a word begins as: at most a piece for each byte. */
static size_t first_pieces(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, lmopt_part_t *data) {
  pieces_t pieces = {data, 0};
  if (tokenizer->header.flags & LMOPT_TOKENIZER_CHARACTERS)
    first_characters(tokenizer, word, &pieces);
  else
    first_bytes(tokenizer, word, &pieces);
  return pieces.count;
}

static void add_piece(lmopt_encoding_t *encoding, lmopt_bytes_t word, const lmopt_part_t *piece) {
  if (piece->id < 0)
    return;
  lmopt_encoding_span(encoding, word.data + piece->begin, word.data + piece->end);
  lmopt_encoding_add(encoding, piece->id);
}

static void short_word(lmopt_encoding_t *encoding, lmopt_bytes_t word) {
  const lmopt_tokenizer_t *tokenizer = encoding->tokenizer;
  lmopt_part_t pieces[SHORT_WORD];
  uint32_t ranks[SHORT_WORD]; /* ranks[i]: of joining pieces[i] and pieces[i + 1] */
  size_t count = first_pieces(tokenizer, word, pieces);
  for (size_t i = 0; i + 1 < count; ++i)
    ranks[i] = pair_rank(tokenizer, pieces[i].id, pieces[i + 1].id);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i)
      if (ranks[i] < ranks[best])
        best = i;
    if (ranks[best] == LMOPT_NO_RANK)
      break;
    pieces[best] = (lmopt_part_t){merge_result(tokenizer, ranks[best]), pieces[best].begin, pieces[best + 1].end};
    memmove(pieces + best + 1, pieces + best + 2, (count - best - 2) * sizeof(*pieces));
    memmove(ranks + best, ranks + best + 1, (count - best - 2) * sizeof(*ranks));
    --count;
    if (best + 1 < count)
      ranks[best] = pair_rank(tokenizer, pieces[best].id, pieces[best + 1].id);
    if (best > 0)
      ranks[best - 1] = pair_rank(tokenizer, pieces[best - 1].id, pieces[best].id);
  }
  for (size_t i = 0; i < count; ++i)
    add_piece(encoding, word, &pieces[i]);
}

static uint32_t rank_of(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word, const lmopt_part_t *left,
                        const lmopt_part_t *right) {
  (void)word;
  return pair_rank(tokenizer, left->id, right->id);
}

static const lmopt_joiner_t merges = {first_pieces, rank_of, merge_result, add_piece};

/* The token whose piece is the word, with the suffix if there is one. */
static int32_t piece_of_word(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word) {
  lmopt_bytes_t suffix = tokenizer->suffix;
  if (!suffix.size)
    return lmopt_tokenizer_find(tokenizer, (const char *)word.data, word.size);
  if (word.size + suffix.size > tokenizer->header.max_piece_size)
    return -1;
  uint64_t hash = lmopt_tokenizer_hash(LMOPT_TOKENIZER_HASH_START, word.data, word.size);
  return lmopt_token_search(tokenizer, lmopt_tokenizer_hash(hash, suffix.data, suffix.size), word, suffix);
}

/* The token that the word is as a whole, or -1. */
static int32_t whole_word(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t word) {
  int32_t id = piece_of_word(tokenizer, word);
  if (id < 0)
    return -1;
  uint32_t flags = lmopt_token_flags(tokenizer, (uint32_t)id);
  if (flags & LMOPT_TOKEN_FLAG_WHOLE)
    return id;
  return (tokenizer->header.flags & LMOPT_TOKENIZER_IGNORE_MERGES) && !(flags & LMOPT_TOKEN_FLAG_ADDED) ? id : -1;
}

void lmopt_bpe_word(lmopt_encoding_t *encoding, lmopt_bytes_t word, int may_be_whole) {
  if (may_be_whole) {
    int32_t id = whole_word(encoding->tokenizer, word);
    if (id >= 0) {
      lmopt_encoding_span(encoding, word.data, word.data + word.size);
      return lmopt_encoding_add(encoding, id);
    }
  }
  if (word.size <= SHORT_WORD)
    short_word(encoding, word);
  else if (!lmopt_join_word(encoding, &merges, word))
    encoding->out_of_memory = 1;
}

/* The longest piece at the start of `rest`; -1 and 0 bytes if there is none. */
static int32_t longest_piece(const lmopt_tokenizer_t *tokenizer, lmopt_bytes_t prefix, lmopt_bytes_t rest,
                             size_t *length) {
  enum { MOST_CHARS = 256 };
  uint64_t hashes[MOST_CHARS];
  size_t ends[MOST_CHARS], count = 0, at = 0;
  uint64_t hash = lmopt_tokenizer_hash(LMOPT_TOKENIZER_HASH_START, prefix.data, prefix.size);
  while (at < rest.size && count < MOST_CHARS && prefix.size + at < tokenizer->header.max_piece_size) {
    uint32_t c;
    size_t size = lmopt_utf8_decode(rest.data + at, rest.data + rest.size, &c);
    hash = lmopt_tokenizer_hash(hash, rest.data + at, size);
    at += size;
    hashes[count] = hash;
    ends[count++] = at;
  }
  while (count-- > 0) {
    int32_t id = lmopt_token_search(tokenizer, hashes[count], prefix, (lmopt_bytes_t){rest.data, ends[count]});
    if (id >= 0 && !(lmopt_token_flags(tokenizer, (uint32_t)id) & LMOPT_TOKEN_FLAG_ADDED)) {
      *length = ends[count];
      return id;
    }
  }
  *length = 0;
  return -1;
}

static size_t count_chars(lmopt_bytes_t word) {
  size_t count = 0;
  for (size_t i = 0; i < word.size; ++i)
    count += (word.data[i] & 0xC0) != 0x80;
  return count;
}

void lmopt_wordpiece_word(lmopt_encoding_t *encoding, lmopt_bytes_t word) {
  const lmopt_tokenizer_t *tokenizer = encoding->tokenizer;
  int32_t unknown = tokenizer->header.unknown;
  lmopt_encoding_span(encoding, word.data, word.data + word.size);
  if (count_chars(word) > tokenizer->header.max_word_chars)
    return lmopt_encoding_add(encoding, unknown);
  size_t before = encoding->count, skip_before = encoding->skip;
  lmopt_bytes_t prefix = {tokenizer->sections[LMOPT_TOKENIZER_CONTINUATION].data, 0};
  /* Pieces are added as they are found and taken back when the word turns out to be unknown. */
  for (lmopt_bytes_t rest = word; rest.size;) {
    size_t length;
    int32_t id = longest_piece(tokenizer, prefix, rest, &length);
    if (id < 0) {
      encoding->count = before;
      encoding->skip = skip_before;
      if (encoding->tokens)
        encoding->tokens->size = before * sizeof(lmopt_token_t);
      lmopt_encoding_span(encoding, word.data, word.data + word.size);
      return lmopt_encoding_add(encoding, unknown);
    }
    lmopt_encoding_span(encoding, rest.data, rest.data + length);
    lmopt_encoding_add(encoding, id);
    prefix.size = tokenizer->sections[LMOPT_TOKENIZER_CONTINUATION].size;
    rest = (lmopt_bytes_t){rest.data + length, rest.size - length};
  }
}
