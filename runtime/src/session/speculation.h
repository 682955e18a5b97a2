/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What a session guesses that comes next. See speculation.c.
 */
#ifndef LMOPT_SRC_SESSION_SPECULATION_H
#define LMOPT_SRC_SESSION_SPECULATION_H

#include "runtime/src/session/lookup.h"
#include "runtime/src/session/payoff.h"
#include "runtime/src/session/session.h"

typedef struct lmoptp_speculation {
  bool looks_up, is_always;
  int64_t most;
  lmoptp_lookup_t lookup;
  lmopt_session_t *draft;
  int64_t common; // tokens that the draft holds as the session does
  lmoptp_payoff_t payoff;
  int64_t passes, proposed, accepted;
} lmoptp_speculation_t;

/* Tokens that may come after one that was chosen. */
typedef struct {
  int32_t tokens[LMOPTP_MOST_PROPOSED];
  int64_t known, count; // how many there are, and of them are to be computed with
  int64_t agreement;    // of the place that they are from; 0: they are from a draft
} lmoptp_proposal_t;

void lmoptp_speculation_destroy(lmoptp_speculation_t *speculation);
/* Tokens from `position` on are others now, or gone. NULL is allowed. */
void lmoptp_speculation_keep(lmoptp_speculation_t *speculation, int64_t position);
/* What may follow `token`, which the session, whose history is prepared, is to append; at most `most` tokens. */
lmopt_status_t lmoptp_speculation_propose(lmopt_session_t *session, int32_t token, int64_t most,
                                          lmoptp_proposal_t *proposal, lmopt_error_t *error);
/* Proposal number `index` stood for comparison. */
void lmoptp_speculation_learn(lmoptp_speculation_t *speculation, const lmoptp_proposal_t *proposal, int64_t index,
                              bool is_same);
/* A pass with the token and all that was to be computed with: how many of these the session appended, and how long the
 * pass took. */
void lmoptp_speculation_end(lmopt_session_t *session, const lmoptp_proposal_t *proposal, int64_t accepted,
                            double seconds);
double lmoptp_seconds(void);

#endif
