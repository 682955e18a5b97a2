/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * How many proposed tokens pay. See payoff.c.
 */
#ifndef LMOPT_SRC_SESSION_PAYOFF_H
#define LMOPT_SRC_SESSION_PAYOFF_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Most tokens that are proposed at once: a pass over them and the one before has up to 16 rows. */
enum { LMOPTP_MOST_PROPOSED = 15 };

/* Where proposals come from: a draft, or places whose past agrees by 2, 3, 4-5, 6-8, 9-15, 16 and more tokens. */
enum { LMOPTP_FROM_DRAFT = 0, LMOPTP_SOURCES = 7 };
int lmoptp_source_of(int64_t agreement);

typedef struct {
  double seconds;
  int32_t samples;
} lmoptp_cost_t;

typedef struct {
  lmoptp_cost_t passes[LMOPTP_MOST_PROPOSED + 2]; // by rows
  lmoptp_cost_t drafted;                          // for each token
  double draft_share;                             // the same as a share of a single step, at first guess
  double agreed[LMOPTP_SOURCES];                  // how often the next proposed token was the one
  int32_t seen[LMOPTP_SOURCES];
  int64_t unused; // tokens since the draft was asked
} lmoptp_payoff_t;

/* `draft_share`: what a token of the draft costs at first guess, of one of the model. */
void lmoptp_payoff_start(lmoptp_payoff_t *payoff, double draft_share);
void lmoptp_payoff_pass(lmoptp_payoff_t *payoff, int64_t rows, double seconds);
void lmoptp_payoff_draft(lmoptp_payoff_t *payoff, int64_t tokens, double seconds);
/* A token was chosen where one was known that might be proposed (also if it was not). */
void lmoptp_payoff_learn(lmoptp_payoff_t *payoff, int source, int is_same);
/* The best number of proposals, at most `most`, and the tokens a second that are expected of it; 0 where none pays
 * more than single steps do. */
int64_t lmoptp_payoff_lookup(const lmoptp_payoff_t *payoff, int64_t agreement, int64_t most, double *rate);
int64_t lmoptp_payoff_drafts(const lmoptp_payoff_t *payoff, int64_t most, double *rate);

#ifdef __cplusplus
}
#endif
#endif
