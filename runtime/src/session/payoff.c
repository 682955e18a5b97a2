/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * How many proposed tokens pay. In: what passes of each number of rows took, how often tokens of each source were the
 * ones. Out: the number with the most tokens a second. Of k proposals of which each is right with the chance a_i after
 * all before it were, a pass of k + 1 rows brings 1 + a_1 + a_1 a_2 + ... tokens (Leviathan et al. 2023, eq. 1), so
 *
 *   rate(k) = (1 + a_1 + ... + a_1 a_2 ... a_k) / (seconds(k + 1) + k * seconds of a drafted token)
 *
 * Both sides are measured while text is made, since both differ from machine to machine and from text to text: with
 * weights in 8 bits two rows cost little more than one, with codes of a checkpoint as much as eight do. A place that
 * agrees further is right more often, and agrees further still with each token, so a_i goes up. Whether a place was
 * right is seen also where nothing was proposed: text with nothing to look up costs nothing. Tokens do not depend on
 * any of it, only speed does. Tested by test/unit/runtime/PayoffTest.cpp.
 */
#include "runtime/src/session/payoff.h"

#include <stdbool.h>

// What is expected before anything was seen. Of passes: rows are nearly free while weights come from memory.
static const double agreed_at_first[LMOPTP_SOURCES] = {0.7, 0.1, 0.2, 0.35, 0.55, 0.7, 0.8};
static double cost_at_first(int64_t rows) { return 1 + 0.1 * (double)(rows - 1); }

enum {
  MEMORY = 24,      // observations of a source that count
  COST_MEMORY = 8,  // passes of a number of rows that count when it takes longer than it did
  TRIED_AGAIN = 100 // tokens after which a draft that did not pay is asked once more
};
// Single steps are left for what is better by more than the noise of clocks.
static const double least_gain = 1.03;

int lmoptp_source_of(int64_t agreement) {
  return agreement < 3 ? 1 : agreement < 4 ? 2 : agreement < 6 ? 3 : agreement < 9 ? 4 : agreement < 16 ? 5 : 6;
}

void lmoptp_payoff_start(lmoptp_payoff_t *payoff, double draft_share) {
  *payoff = (lmoptp_payoff_t){.draft_share = draft_share};
  for (int i = 0; i < LMOPTP_SOURCES; ++i)
    payoff->agreed[i] = agreed_at_first[i];
}

// Down at once, up slowly: what a pass takes beyond its best is mostly the noise of neighbours.
static void add_sample(lmoptp_cost_t *cost, double seconds) {
  int weight = cost->samples < 3 ? 2 : COST_MEMORY;
  if (cost->samples == 0 || seconds < cost->seconds)
    cost->seconds = seconds;
  else
    cost->seconds += (seconds - cost->seconds) / weight;
  ++cost->samples;
}

void lmoptp_payoff_pass(lmoptp_payoff_t *payoff, int64_t rows, double seconds) {
  add_sample(&payoff->passes[rows], seconds);
}

void lmoptp_payoff_draft(lmoptp_payoff_t *payoff, int64_t tokens, double seconds) {
  add_sample(&payoff->drafted, seconds / (double)tokens);
  payoff->unused = 0;
}

void lmoptp_payoff_learn(lmoptp_payoff_t *payoff, int source, int is_same) {
  int32_t weight = payoff->seen[source] + 2 < MEMORY ? payoff->seen[source]++ + 2 : MEMORY;
  payoff->agreed[source] += ((is_same ? 1.0 : 0.0) - payoff->agreed[source]) / weight;
}

// Seconds of a pass: measured, or by those that were measured, of which one row is one.
static double seconds_of(const lmoptp_payoff_t *payoff, int64_t rows) {
  const lmoptp_cost_t *passes = payoff->passes;
  if (passes[rows].samples)
    return passes[rows].seconds;
  int64_t below = rows - 1, above = rows + 1;
  while (below > 1 && !passes[below].samples)
    --below;
  while (above <= LMOPTP_MOST_PROPOSED + 1 && !passes[above].samples)
    ++above;
  double base = passes[below].seconds, guess = base * cost_at_first(rows) / cost_at_first(below);
  if (above > LMOPTP_MOST_PROPOSED + 1)
    return guess;
  double between = base + (passes[above].seconds - base) * (double)(rows - below) / (double)(above - below);
  return between < guess ? between : guess;
}

// The best k <= most, each with its chance and the seconds of its drafted token.
static int64_t best_number(const lmoptp_payoff_t *payoff, const double *chances, int64_t most, double drafted,
                           double *rate) {
  double together = 1, tokens = 1, best = least_gain / seconds_of(payoff, 1);
  int64_t number = 0;
  for (int64_t k = 1; k <= most; ++k) {
    together *= chances[k - 1];
    tokens += together;
    double expected = tokens / (seconds_of(payoff, k + 1) + (double)k * drafted);
    if (expected > best) {
      best = expected;
      number = k;
    }
  }
  *rate = best;
  return number;
}

int64_t lmoptp_payoff_lookup(const lmoptp_payoff_t *payoff, int64_t agreement, int64_t most, double *rate) {
  if (!payoff->passes[1].samples) // the first one is what all others are compared with
    return 0;
  double chances[LMOPTP_MOST_PROPOSED];
  for (int64_t i = 0; i < most; ++i)
    chances[i] = payoff->agreed[lmoptp_source_of(agreement + i)];
  return best_number(payoff, chances, most, 0, rate);
}

// After a while without it a draft is asked as if nothing were known of it: the text may be another, or the machine.
int64_t lmoptp_payoff_drafts(const lmoptp_payoff_t *payoff, int64_t most, double *rate) {
  if (!payoff->passes[1].samples)
    return 0;
  double chance = payoff->agreed[LMOPTP_FROM_DRAFT], drafted = payoff->drafted.seconds;
  double first_chance = agreed_at_first[LMOPTP_FROM_DRAFT], first = payoff->draft_share * seconds_of(payoff, 1);
  bool is_new = payoff->unused > TRIED_AGAIN;
  if (is_new && chance < first_chance)
    chance = first_chance;
  if (!payoff->drafted.samples || (is_new && first < drafted))
    drafted = first;
  double chances[LMOPTP_MOST_PROPOSED];
  for (int64_t i = 0; i < most; ++i)
    chances[i] = chance;
  return best_number(payoff, chances, most, drafted, rate);
}
