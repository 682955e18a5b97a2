/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Prompt lookup: a text that quotes, edits or sums up another, code, a list, go on as they did before, so what followed
 * the latest tokens where they stood earlier is a good guess and costs no model. In: the tokens of a sequence. Out: the
 * place whose past agrees the furthest. Lists of positions by a hash of two tokens, as compressors of the LZ77 kind
 * have them. Source: Saxena 2023, "Prompt Lookup Decoding". Cost: a list entry for each token once, MOST_TRIED places
 * for each question, about a microsecond; 8 to 12 bytes a token. Tested by test/unit/runtime/LookupTest.cpp.
 */
#include "runtime/src/session/lookup.h"

#include "runtime/src/platform/support.h"

#include <stdlib.h>
#include <string.h>

// Places that are compared for one question: those behind two common tokens may be very many.
enum { MOST_TRIED = 24 };

static size_t head_bytes(const lmoptp_lookup_t *lookup) { return sizeof *lookup->heads << lookup->bits; }

static void forget_all(lmoptp_lookup_t *lookup) {
  memset(lookup->heads, -1, head_bytes(lookup));
  lookup->indexed = 0;
}

lmopt_status_t lmoptp_lookup_create(int64_t capacity, lmoptp_lookup_t *out, lmopt_error_t *error) {
  lmoptp_lookup_t lookup = {.bits = 6};
  while (lookup.bits < 30 && (int64_t)1 << lookup.bits < capacity)
    ++lookup.bits;
  size_t bytes = (size_t)capacity * sizeof *lookup.before;
  lookup.heads = malloc(head_bytes(&lookup));
  lookup.before = malloc(bytes);
  if (!lookup.heads || !lookup.before) {
    lmoptp_lookup_destroy(&lookup);
    return lmoptp_fail_memory(error, bytes + head_bytes(&lookup), "the places of tokens");
  }
  forget_all(&lookup);
  *out = lookup;
  return LMOPT_OK;
}

void lmoptp_lookup_destroy(lmoptp_lookup_t *lookup) {
  free(lookup->heads);
  free(lookup->before);
  *lookup = (lmoptp_lookup_t){0};
}

// Lists stay in descending order only if nothing is taken out of them: it is rare, so all are made anew. A position in
// a list stands for the tokens before it.
void lmoptp_lookup_keep(lmoptp_lookup_t *lookup, int64_t position) {
  if (position + 1 < lookup->indexed)
    forget_all(lookup);
}

// The list of positions behind two such tokens (and others: of one hash).
static int32_t *head_of(const lmoptp_lookup_t *lookup, const int32_t *end) {
  uint64_t pair = (uint64_t)(uint32_t)end[-2] << 32 | (uint32_t)end[-1];
  return &lookup->heads[pair * 0x9e3779b97f4a7c15ull >> (64 - lookup->bits)];
}

// A position is known once a token follows it.
static void learn(lmoptp_lookup_t *lookup, const int32_t *tokens, int64_t count) {
  if (lookup->indexed < LMOPTP_LOOKUP_LEAST)
    lookup->indexed = LMOPTP_LOOKUP_LEAST;
  for (; lookup->indexed < count; ++lookup->indexed) {
    int32_t *head = head_of(lookup, tokens + lookup->indexed);
    lookup->before[lookup->indexed] = *head;
    *head = (int32_t)lookup->indexed;
  }
}

static int64_t agreement(const int32_t *tokens, int64_t count, int64_t position) {
  int64_t length = 0;
  while (length < position && length < LMOPTP_LOOKUP_MOST &&
         tokens[position - 1 - length] == tokens[count - 1 - length])
    ++length;
  return length;
}

int64_t lmoptp_lookup_find(lmoptp_lookup_t *lookup, const int32_t *tokens, int64_t count, int64_t *length) {
  learn(lookup, tokens, count);
  int64_t best = -1, longest = LMOPTP_LOOKUP_LEAST - 1;
  if (count < LMOPTP_LOOKUP_LEAST)
    return best;
  int32_t position = *head_of(lookup, tokens + count);
  for (int tried = 0; position >= 0 && tried < MOST_TRIED; position = lookup->before[position], ++tried) {
    int64_t agree = agreement(tokens, count, position);
    if (agree > longest) {
      longest = agree;
      best = position;
    }
  }
  if (best >= 0)
    *length = longest;
  return best;
}
