/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Joining neighbours until none may: what both kinds of byte-pair encoding do with a word of any length.
 *
 * In: how a word begins, and for two neighbours a rank. Out: parts. Always the neighbours of lowest rank join, the
 * leftmost among equals. The parts are a linked list; a heap has the pairs that may join, and an entry counts only
 * while it has the rank that its left part has now: O(n log n) for n bytes. Tested by test/unit/tokenizer/ModelTest.cpp
 * and PiecesTest.cpp, against the definitions.
 */
#include "runtime/src/tokenizer/internal.h"

#define NOBODY UINT32_MAX

/* A link of the list. `rank`: of joining with the next. */
typedef struct {
  lmopt_part_t part;
  uint32_t previous, next, rank;
} link_t;

/* What the work goes on with. */
typedef struct {
  lmopt_encoding_t *encoding;
  const lmopt_joiner_t *joiner;
  lmopt_bytes_t word;
  link_t *links;
} work_t;

/* Heap entries order by rank, then by position: rank << 32 | index of the left part. */
static int heap_push(lmopt_buffer_t *heap, uint64_t entry) {
  if (!lmopt_buffer_append(heap, &entry, sizeof(entry)))
    return 0;
  uint64_t *items = (uint64_t *)heap->data;
  size_t at = heap->size / sizeof(entry) - 1;
  for (; at > 0 && items[(at - 1) / 2] > entry; at = (at - 1) / 2)
    items[at] = items[(at - 1) / 2];
  items[at] = entry;
  return 1;
}

static uint64_t heap_pop(lmopt_buffer_t *heap) {
  uint64_t *items = (uint64_t *)heap->data, top = items[0];
  size_t count = heap->size / sizeof(top) - 1, at = 0;
  uint64_t moved = items[count];
  heap->size = count * sizeof(top);
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= count)
      break;
    child += child + 1 < count && items[child + 1] < items[child];
    if (items[child] >= moved)
      break;
    items[at] = items[child];
    at = child;
  }
  if (count)
    items[at] = moved;
  return top;
}

static int rank_pair(const work_t *work, uint32_t left) {
  link_t *link = &work->links[left];
  link->rank = LMOPT_NO_RANK;
  if (link->next != NOBODY)
    link->rank = work->joiner->rank(work->encoding->tokenizer, work->word, &link->part, &work->links[link->next].part);
  return link->rank == LMOPT_NO_RANK || heap_push(&work->encoding->heap, (uint64_t)link->rank << 32 | left);
}

static int join_all(const work_t *work) {
  while (work->encoding->heap.size) {
    uint64_t entry = heap_pop(&work->encoding->heap);
    uint32_t left = (uint32_t)entry, rank = (uint32_t)(entry >> 32);
    link_t *link = &work->links[left];
    if (link->rank != rank)
      continue; /* one of the two has been joined with something else since */
    link_t *right = &work->links[link->next];
    link->part =
        (lmopt_part_t){work->joiner->joined(work->encoding->tokenizer, rank), link->part.begin, right->part.end};
    link->next = right->next;
    right->rank = LMOPT_NO_RANK;
    if (link->next != NOBODY)
      work->links[link->next].previous = left;
    if (!rank_pair(work, left) || (link->previous != NOBODY && !rank_pair(work, link->previous)))
      return 0;
  }
  return 1;
}

static uint32_t first_links(const work_t *work) {
  lmopt_part_t *parts = (lmopt_part_t *)(work->links + work->word.size);
  uint32_t count = (uint32_t)work->joiner->first(work->encoding->tokenizer, work->word, parts);
  for (uint32_t i = 0; i < count; ++i)
    work->links[i] = (link_t){parts[i], i ? i - 1 : NOBODY, i + 1 < count ? i + 1 : NOBODY, LMOPT_NO_RANK};
  return count;
}

int lmopt_join_word(lmopt_encoding_t *encoding, const lmopt_joiner_t *joiner, lmopt_bytes_t word) {
  if (word.size >= NOBODY / sizeof(link_t))
    return 0;
  encoding->symbols.size = encoding->heap.size = 0;
  if (!lmopt_buffer_reserve(&encoding->symbols, word.size * (sizeof(link_t) + sizeof(lmopt_part_t))))
    return 0;
  work_t work = {encoding, joiner, word, (link_t *)encoding->symbols.data};
  uint32_t count = first_links(&work);
  for (uint32_t i = 0; i + 1 < count; ++i)
    if (!rank_pair(&work, i))
      return 0;
  if (!join_all(&work))
    return 0;
  for (uint32_t i = count ? 0 : NOBODY; i != NOBODY && !lmopt_encoding_done(encoding); i = work.links[i].next)
    joiner->add(encoding, word, &work.links[i].part);
  return 1;
}
