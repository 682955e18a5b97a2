/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The inside of a session, for the files that work on it: session.c (decoders), history.c (what is read again),
 * window.c (sessions without end) and encode.c (encoders).
 */
#ifndef LMOPT_SRC_SESSION_H
#define LMOPT_SRC_SESSION_H

#include "internal.h"

struct lmopt_session {
  lmopt_model_t *model;
  lmopt_team_t *team;
  lmopt_cancel_t *cancel;
  void *cache;
  uint64_t cache_size;
  int64_t context;
  // Tokens of the sequence, and how many of them the cache holds: fewer only while the others wait to be read again.
  int64_t held, position;
  int32_t *history; // the tokens themselves where that may happen, or NULL
  int64_t expected; // the caller's word how long the sequence will be
  int64_t rope;     // by which rotary angles the keys in the cache are turned, as lmopt_segment_t
  int64_t window, sinks, dropped;
  bool marked; // seen before in the same batch
  // Room for the segments and output rows of one step.
  lmopt_segment_t *segments;
  int32_t *rows;
  int64_t room;
};

static inline int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

/* The rotary angles of a sequence of `length` tokens, as lmopt_segment_t. */
static inline int64_t lmoptp_rope_of(const lmopt_code_table_t *table, int64_t length) {
  return table->rope_switch && length > (int64_t)table->rope_switch;
}

lmopt_status_t lmoptp_check_cancel(const lmopt_session_t *session, lmopt_error_t *error);
lmopt_status_t lmoptp_check_kind(const lmopt_session_t *session, uint32_t kind, const char *function,
                                 lmopt_error_t *error);
lmopt_status_t lmoptp_check_tokens(const lmopt_session_t *session, const int32_t *tokens, int64_t count,
                                   lmopt_error_t *error);
/* Room for the segments and output rows of a step. */
lmopt_status_t lmoptp_make_room(lmopt_session_t *session, int64_t room, lmopt_error_t *error);

/* One chunk of a prompt on this team: logits of its rows [first, rows), or none when first == rows. */
lmopt_status_t lmoptp_prefill_chunk(lmopt_session_t *session, lmopt_team_t *team, const int32_t *tokens, int64_t rows,
                                    int64_t first, float *logits, lmopt_error_t *error);

/*===--- history.c ---===*/

lmopt_status_t lmoptp_history_create(lmopt_session_t *session, lmopt_error_t *error);
/* Before the next of `count` tokens come: makes place for one, and reads again what moved or must be turned otherwise.
 */
lmopt_status_t lmoptp_history_prepare(lmopt_session_t *session, lmopt_team_t *team, int64_t count,
                                      lmopt_error_t *error);
/* Counts and remembers tokens that went in. */
void lmoptp_history_append(lmopt_session_t *session, const int32_t *tokens, int64_t count);

/*===--- window.c; all of them do nothing for sessions without a window ---===*/

lmopt_status_t lmoptp_window_create(lmopt_session_t *session, const lmopt_session_options_t *options,
                                    lmopt_error_t *error);
/* Forgets tokens when there is no place for one more. */
void lmoptp_window_forget(lmopt_session_t *session);
/* How many of `count` tokens may be appended at once. */
int64_t lmoptp_window_fit(const lmopt_session_t *session, int64_t count);

#endif
