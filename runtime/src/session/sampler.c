/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Chooses the next token. In: logits [vocabulary]. Out: one token id.
 * Order: temperature, top-k, top-p, min-p, draw. Candidates are ordered by (logit descending, id ascending), a total
 * order, so that the choice does not depend on the sorting algorithm. Cost: greedy reads the logits once; otherwise a
 * heap of the k best, or a sort of what min-p and top-p may need. Generator: xoshiro256** seeded by splitmix64
 * (Blackman, Vigna 2018). Tested by test/unit/runtime.
 */
#include "runtime/src/session/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  float logit;
  int32_t token;
} candidate_t;

struct lmopt_sampler {
  lmopt_sampler_options_t options;
  int32_t vocabulary;
  uint64_t state[4];
  candidate_t *candidates; // [vocabulary]; NULL when greedy
};

/*===--- The generator ---===*/

static uint64_t rotate(uint64_t x, int k) { return x << k | x >> (64 - k); }

static void seed_generator(uint64_t state[4], uint64_t seed) {
  for (int i = 0; i < 4; ++i) {
    uint64_t z = seed += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    state[i] = z ^ z >> 31;
  }
}

// Uniform in [0, 1), 53 bits.
static double draw(uint64_t s[4]) {
  uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate(s[3], 45);
  return (double)(result >> 11) * 0x1p-53;
}

/*===--- Making and unmaking ---===*/

lmopt_status_t lmopt_sampler_create(const lmopt_sampler_options_t *options, int32_t vocabulary, lmopt_sampler_t **out,
                                    lmopt_error_t *error) {
  lmopt_sampler_options_t own;
  lmopt_status_t status = lmoptp_read_options(&own, sizeof own, options, "lmopt_sampler_options_t", error);
  if (status)
    return status;
  if (vocabulary < 1)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "sampler: a vocabulary of %d", vocabulary);
  if (!(own.temperature >= 0) || isinf(own.temperature))
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "sampler: temperature is %g, expected 0 (greedy) or more",
                       own.temperature);
  if (own.top_k < 0)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "sampler: top_k is %d, expected 0 (all) or more", own.top_k);
  if (!(own.top_p >= 0 && own.top_p <= 1))
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "sampler: top_p is %g, expected 0 (all) to 1", own.top_p);
  if (!(own.min_p >= 0 && own.min_p <= 1))
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "sampler: min_p is %g, expected 0 to 1", own.min_p);
  lmopt_sampler_t *sampler = calloc(1, sizeof *sampler);
  candidate_t *candidates = own.temperature > 0 ? malloc((size_t)vocabulary * sizeof *candidates) : NULL;
  if (!sampler || (own.temperature > 0 && !candidates)) {
    free(sampler);
    free(candidates);
    return lmoptp_fail_memory(error, (uint64_t)vocabulary * sizeof *candidates, "a sampler");
  }
  sampler->options = own;
  sampler->vocabulary = vocabulary;
  sampler->candidates = candidates;
  seed_generator(sampler->state, own.seed);
  *out = sampler;
  return LMOPT_OK;
}

void lmopt_sampler_destroy(lmopt_sampler_t *sampler) {
  if (!sampler)
    return;
  free(sampler->candidates);
  free(sampler);
}

int32_t lmopt_sampler_top(const lmopt_sampler_t *sampler) {
  if (sampler->options.temperature == 0)
    return 1;
  int32_t top = sampler->options.top_k;
  return top > 0 && top < sampler->vocabulary ? top : sampler->vocabulary;
}

bool lmoptp_sampler_is_greedy(const lmopt_sampler_t *sampler) { return sampler->options.temperature == 0; }
int32_t lmoptp_sampler_vocabulary(const lmopt_sampler_t *sampler) { return sampler->vocabulary; }

/*===--- Choosing ---===*/

static int32_t greatest(const float *logits, int32_t count) {
  int32_t best = -1;
  for (int32_t i = 0; i < count; ++i)
    if (logits[i] > (best < 0 ? -INFINITY : logits[best]))
      best = i;
  return best;
}

static bool before(candidate_t a, candidate_t b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

static int compare(const void *a, const void *b) {
  return before(*(const candidate_t *)a, *(const candidate_t *)b) ? -1 : 1; // never equal
}

// Restores the heap whose root is the candidate that comes last.
static void sift_down(candidate_t *heap, int32_t count, int32_t at) {
  for (;;) {
    int32_t last = at;
    for (int32_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; ++child)
      if (before(heap[last], heap[child]))
        last = child;
    if (last == at)
      return;
    candidate_t swap = heap[at];
    heap[at] = heap[last];
    heap[last] = swap;
    at = last;
  }
}

// Gathers the tokens with logits >= floor, at most `keep` of them, in order; returns how many.
static int32_t gather(lmopt_sampler_t *sampler, const float *logits, float floor, int32_t keep) {
  candidate_t *candidates = sampler->candidates;
  int32_t count = 0;
  for (int32_t i = 0; i < sampler->vocabulary; ++i) {
    candidate_t next = {logits[i], i};
    if (!(next.logit >= floor) || next.logit == -INFINITY)
      continue;
    if (count < keep) {
      candidates[count++] = next;
      if (count == keep)
        for (int32_t j = keep / 2; j-- > 0;)
          sift_down(candidates, keep, j);
    } else if (before(next, candidates[0])) {
      candidates[0] = next;
      sift_down(candidates, keep, 0);
    }
  }
  qsort(candidates, (size_t)count, sizeof *candidates, compare);
  return count;
}

// Unnormalised probability of a logit at this temperature, relative to the greatest.
static double weight(const lmopt_sampler_t *sampler, float logit, float top) {
  if (logit == top)
    return 1.0; // also when both are infinite
  return exp(((double)logit - top) / sampler->options.temperature);
}

static int32_t choose(lmopt_sampler_t *sampler, int32_t count) {
  const lmopt_sampler_options_t *options = &sampler->options;
  const candidate_t *candidates = sampler->candidates;
  float top = candidates[0].logit;
  double total = 0;
  for (int32_t i = 0; i < count; ++i)
    total += weight(sampler, candidates[i].logit, top);
  if (options->top_p > 0 && options->top_p < 1) {
    double sum = 0;
    int32_t kept = 0;
    while (kept < count && sum < options->top_p * total)
      sum += weight(sampler, candidates[kept++].logit, top);
    count = kept;
    total = sum;
  }
  if (options->min_p > 0) {
    int32_t kept = 0;
    total = 0;
    for (double w; kept < count && (w = weight(sampler, candidates[kept].logit, top)) >= options->min_p; ++kept)
      total += w;
    count = kept;
  }
  double point = draw(sampler->state) * total;
  for (int32_t i = 0; i < count - 1; ++i)
    if ((point -= weight(sampler, candidates[i].logit, top)) < 0)
      return candidates[i].token;
  return candidates[count - 1].token;
}

lmopt_status_t lmoptp_sampler_fail(const lmopt_sampler_t *sampler, lmopt_error_t *error) {
  return lmoptp_fail(error, LMOPT_ERROR_INTERNAL, "sampler: none of the %d logits is a number above -infinity",
                     sampler->vocabulary);
}

// They are in order: what gather would have found.
lmopt_status_t lmoptp_sampler_sample_top(lmopt_sampler_t *sampler, const lmopt_device_top_t *greatest, int64_t count,
                                         int32_t *token, lmopt_error_t *error) {
  int32_t kept = 0;
  if (count < 1 || greatest[0].token < 0)
    return lmoptp_sampler_fail(sampler, error);
  if (lmoptp_sampler_is_greedy(sampler)) {
    *token = greatest[0].token;
    return LMOPT_OK;
  }
  for (; kept < count && greatest[kept].token >= 0; ++kept)
    sampler->candidates[kept] = (candidate_t){greatest[kept].logit, greatest[kept].token};
  *token = choose(sampler, kept);
  return LMOPT_OK;
}

lmopt_status_t lmopt_sampler_sample(lmopt_sampler_t *sampler, const float *logits, int32_t *token,
                                    lmopt_error_t *error) {
  int32_t best = greatest(logits, sampler->vocabulary);
  if (best < 0)
    return lmoptp_sampler_fail(sampler, error);
  const lmopt_sampler_options_t *options = &sampler->options;
  if (options->temperature == 0) {
    *token = best;
    return LMOPT_OK;
  }
  // Without top-k and top-p, whatever min-p would drop need not be sorted at all.
  float floor = -INFINITY;
  if (options->min_p > 0 && options->top_p == 0 && options->top_k == 0)
    floor = logits[best] + options->temperature * logf(options->min_p) - 1e-3f * options->temperature;
  int32_t keep = options->top_k && options->top_k < sampler->vocabulary ? options->top_k : sampler->vocabulary;
  *token = choose(sampler, gather(sampler, logits, floor, keep));
  return LMOPT_OK;
}
