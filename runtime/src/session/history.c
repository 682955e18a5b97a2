/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Tokens that are read again: those that a full window moved (window.c), whole sequences whose length has crossed the
 * model's rope_switch, and those that stay when a sequence with a state is cut back, or one with rings in its cache
 * further than they reach: neither has a way back.
 *
 * Such a model (longrope) turns all positions by one set of angles up to that length and by another beyond, and what
 * upper layers keep follows from the keys below: no part of the cache stays right. So a sequence that grows beyond the
 * switch, or is cut back below it, is read from its first token again when its next token comes: one prompt of that
 * length. What is computed thereby depends on the sequence alone, to the bit, and not on how it came.
 * In: the tokens held. Out: a cache that holds them all, turned as their number asks.
 * Cost: 4 bytes a token, for sessions that may cross the switch, have a window, a state or rings, or guess what comes
 * next (speculation.c). Tested by
 * test/unit/runtime/LengthTest.cpp and WindowTest.cpp.
 */
#include "runtime/src/session/history.h"

#include "runtime/src/session/check.h"
#include "runtime/src/session/step.h"
#include "runtime/src/session/window.h"

#include <stdlib.h>
#include <string.h>

lmopt_status_t lmoptp_history_create(lmopt_session_t *session, lmopt_error_t *error) {
  bool rereads = session->window || session->state || session->ring_back != INT64_MAX;
  if (!rereads && !lmoptp_rope_of(session->model->table, session->context))
    return LMOPT_OK;
  return lmoptp_history_require(session, error);
}

lmopt_status_t lmoptp_history_require(lmopt_session_t *session, lmopt_error_t *error) {
  if (session->history)
    return LMOPT_OK;
  uint64_t bytes = (uint64_t)session->context * sizeof *session->history;
  session->history = malloc(bytes);
  return session->history ? LMOPT_OK : lmoptp_fail_memory(error, bytes, "the tokens of a session");
}

// The sequence as it will be with what comes: the angles of any shorter one would be wrong before this call ends.
static void choose_rope(lmopt_session_t *session, int64_t count) {
  int64_t coming = session->held + lmoptp_window_fit(session, count);
  int64_t length = session->expected > coming ? session->expected : coming;
  int64_t rope = lmoptp_rope_of(session->model->table, length);
  if (rope != session->rope)
    session->position = 0;
  session->rope = rope;
}

lmopt_status_t lmoptp_history_prepare(lmopt_session_t *session, lmopt_team_t *team, int64_t count,
                                      lmopt_error_t *error) {
  lmoptp_window_forget(session);
  choose_rope(session, count);
  lmopt_status_t status = LMOPT_OK;
  while (session->position < session->held && !status) {
    int64_t rows = min64(session->model->many->max_rows, session->held - session->position);
    status = lmoptp_prefill_chunk(session, team, session->history + session->position, NULL, rows, rows, NULL, error);
  }
  return status;
}

void lmoptp_history_append(lmopt_session_t *session, const int32_t *tokens, int64_t count) {
  if (session->history)
    memcpy(session->history + session->held, tokens, (size_t)count * sizeof *tokens);
  session->held += count;
}

lmopt_status_t lmopt_session_expect(lmopt_session_t *session, int64_t length, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_check_kind(session, LMOPT_KIND_DECODER, "lmopt_session_expect", error);
  if (status)
    return status;
  if (length < 0 || length > session->context)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "lmopt_session_expect: %lld tokens, expected 0 to %lld",
                       (long long)length, (long long)session->context);
  session->expected = length;
  return LMOPT_OK;
}
