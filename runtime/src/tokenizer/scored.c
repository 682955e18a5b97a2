/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Byte-pair encoding as SentencePiece does it: by the scores of pieces, without a list of merges.
 *
 * A word begins as its characters. Two neighbours may join when the text of both is a piece, whether each of them is
 * one or not; always those join whose piece has the best score, the leftmost among equals, until none may. What is no
 * piece in the end, which only a single character can be, becomes the tokens of its bytes, or the unknown token.
 *
 * A linked list of symbols and a heap of candidates: O(n log n) for n bytes, each candidate looked up by the hash of
 * its text, none longer than the longest piece. Source: Kudo and Richardson, SentencePiece (2018), and what llama.cpp
 * makes of it (llm_tokenizer_spm), which takes lengths of characters from their first bytes and any token by its text.
 * Tested by test/unit/tokenizer/ScoredTest.cpp, against llama.cpp by test/tools/sentencepiece_parity.py.
 */
#include "runtime/src/tokenizer/internal.h"

#define NO_SYMBOL UINT32_MAX

/* Bytes [begin, begin + size) of the word; size 0: it has joined the one before it. */
typedef struct {
  uint32_t begin, size, previous, next;
} part_t;

/* Two neighbours that spell a piece; void when one of them has changed since: the sizes tell. */
typedef struct {
  float score;
  uint32_t left, right, size;
} candidate_t;

static float score_of(const lmopt_tokenizer_t *tokenizer, int32_t id) {
  float score;
  memcpy(&score, tokenizer->sections[LMOPT_TOKENIZER_SCORES].data + (size_t)id * sizeof(score), sizeof(score));
  return score;
}

static int is_better(const candidate_t *a, const candidate_t *b) {
  return a->score > b->score || (a->score == b->score && a->left < b->left);
}

static int heap_push(lmopt_buffer_t *heap, candidate_t entry) {
  if (!lmopt_buffer_append(heap, &entry, sizeof(entry)))
    return 0;
  candidate_t *items = (candidate_t *)heap->data;
  size_t at = heap->size / sizeof(entry) - 1;
  for (; at > 0 && is_better(&entry, &items[(at - 1) / 2]); at = (at - 1) / 2)
    items[at] = items[(at - 1) / 2];
  items[at] = entry;
  return 1;
}

static candidate_t heap_pop(lmopt_buffer_t *heap) {
  candidate_t *items = (candidate_t *)heap->data, top = items[0];
  size_t count = heap->size / sizeof(top) - 1, at = 0;
  candidate_t moved = items[count];
  heap->size = count * sizeof(top);
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= count)
      break;
    child += child + 1 < count && is_better(&items[child + 1], &items[child]);
    if (!is_better(&items[child], &moved))
      break;
    items[at] = items[child];
    at = child;
  }
  if (count)
    items[at] = moved;
  return top;
}

static int consider(lmopt_encoding_t *encoding, lmopt_bytes_t word, const part_t *parts, uint32_t left) {
  uint32_t right = left == NO_SYMBOL ? NO_SYMBOL : parts[left].next;
  if (right == NO_SYMBOL)
    return 1;
  uint32_t size = parts[left].size + parts[right].size;
  int32_t id = lmopt_tokenizer_find(encoding->tokenizer, (const char *)word.data + parts[left].begin, size);
  return id < 0 || heap_push(&encoding->heap, (candidate_t){score_of(encoding->tokenizer, id), left, right, size});
}

static int join_all(lmopt_encoding_t *encoding, lmopt_bytes_t word, part_t *parts) {
  while (encoding->heap.size) {
    candidate_t best = heap_pop(&encoding->heap);
    part_t *left = &parts[best.left], *right = &parts[best.right];
    if (!left->size || !right->size || left->size + right->size != best.size)
      continue;
    left->size = best.size;
    right->size = 0;
    left->next = right->next;
    if (left->next != NO_SYMBOL)
      parts[left->next].previous = best.left;
    if (!consider(encoding, word, parts, left->previous) || !consider(encoding, word, parts, best.left))
      return 0;
  }
  return 1;
}

static uint32_t character_size(uint8_t lead) { return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4; }

static uint32_t first_parts(lmopt_bytes_t word, part_t *parts) {
  uint32_t count = 0;
  for (uint32_t at = 0; at < word.size; ++count) {
    uint32_t size = character_size(word.data[at]), left = (uint32_t)word.size - at;
    size = size < left ? size : left;
    parts[count] = (part_t){at, size, count ? count - 1 : NO_SYMBOL, at + size < word.size ? count + 1 : NO_SYMBOL};
    at += size;
  }
  return count;
}

/* A byte without a token is unknown; where there is no unknown token either, it goes. */
static void add_part(lmopt_encoding_t *encoding, lmopt_bytes_t text) {
  const lmopt_tokenizer_t *tokenizer = encoding->tokenizer;
  int32_t id = lmopt_tokenizer_find(tokenizer, (const char *)text.data, text.size);
  lmopt_encoding_span(encoding, text.data, text.data + text.size);
  if (id >= 0)
    return lmopt_encoding_add(encoding, id);
  for (size_t i = 0; i < text.size; ++i) {
    int32_t byte = lmopt_byte_token(tokenizer, text.data[i]);
    if (byte >= 0 || tokenizer->header.unknown >= 0)
      lmopt_encoding_add(encoding, byte >= 0 ? byte : tokenizer->header.unknown);
  }
}

void lmopt_scored_word(lmopt_encoding_t *encoding, lmopt_bytes_t word) {
  encoding->symbols.size = encoding->heap.size = 0;
  if (word.size >= NO_SYMBOL / sizeof(part_t) ||
      !lmopt_buffer_reserve(&encoding->symbols, word.size * sizeof(part_t))) {
    encoding->out_of_memory = 1;
    return;
  }
  part_t *parts = (part_t *)encoding->symbols.data;
  uint32_t count = first_parts(word, parts);
  int fits = 1;
  for (uint32_t i = 0; i < count && fits; ++i)
    fits = consider(encoding, word, parts, i);
  if (!fits || !join_all(encoding, word, parts)) {
    encoding->out_of_memory = 1;
    return;
  }
  for (uint32_t i = 0; count && i != NO_SYMBOL && !lmopt_encoding_done(encoding); i = parts[i].next)
    add_part(encoding, (lmopt_bytes_t){word.data + parts[i].begin, parts[i].size});
}
