/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Sessions without end: when the window is full, the oldest tokens but for the first few are forgotten.
 *
 * Keys are stored turned by their positions, so a token that moves needs new keys; its values in upper layers also hold
 * what it saw of tokens that are gone. Both are settled by reading the kept tokens again, half a window at a time: one
 * token of prompt for each token generated, and prompts are several times faster (history.c does it). The first `sinks`
 * do not move and are not read again, unless the length decides how positions are turned or a ring of the cache has
 * lost them. What the session computes is what a fresh one does on the tokens kept, to the bit. Tested by
 * test/unit/runtime/WindowTest.cpp.
 */
#include "runtime/src/session/window.h"

#include "runtime/src/session/speculation.h"

#include <string.h>

lmopt_status_t lmoptp_window_create(lmopt_session_t *session, const lmopt_session_options_t *options,
                                    lmopt_error_t *error) {
  int64_t window = options->window, sinks = options->sinks, longest = session->model->table->max_positions;
  if (!window && !sinks)
    return LMOPT_OK;
  if (session->model->table->kind != LMOPT_KIND_DECODER || window < 2 || window > longest || options->context)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                       "session: a window is for a decoder, takes 2 to %lld tokens (found %lld) and no context",
                       (long long)longest, (long long)window);
  if (sinks < 0 || sinks > window - 2)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "session: a window of %lld tokens takes 0 to %lld sinks, found %lld",
                       (long long)window, (long long)window - 2, (long long)sinks);
  session->window = window;
  session->sinks = sinks;
  return LMOPT_OK;
}

void lmoptp_window_forget(lmopt_session_t *session) {
  if (!session->window || session->held < session->window)
    return;
  int64_t kept = (session->window - session->sinks) / 2, gone = session->held - session->sinks - kept;
  int32_t *moved = session->history + session->sinks;
  memmove(moved, moved + gone, (size_t)kept * sizeof *moved);
  session->held -= gone;
  session->dropped += gone;
  lmoptp_keep(session, session->sinks);
  lmoptp_speculation_keep(session->speculation, session->sinks);
}

int64_t lmoptp_window_fit(const lmopt_session_t *session, int64_t count) {
  return session->window ? min64(count, session->window - session->held) : count;
}

int64_t lmopt_session_dropped(const lmopt_session_t *session) { return session->dropped; }
