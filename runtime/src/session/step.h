/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One step of the generated code, run on a team: a chunk of one prompt, or one token for each of several sessions.
 * What tokens a session holds beside its cache is not known here (history.c). Tested by test/unit/runtime.
 */
#ifndef LMOPT_SRC_SESSION_STEP_H
#define LMOPT_SRC_SESSION_STEP_H

#include "runtime/src/session/session.h"

/* Room for the segments and output rows of a step. */
lmopt_status_t lmoptp_make_room(lmopt_session_t *session, int64_t room, lmopt_error_t *error);

/* One chunk of a prompt on this team: logits of its rows [first, rows), or none when first == rows. With `targets`, a
 * token for each row, not NULL: of those rows the score of that token instead. The cache then holds `rows` tokens
 * more. */
lmopt_status_t lmoptp_prefill_chunk(lmopt_session_t *session, lmopt_team_t *team, const int32_t *tokens,
                                    const int32_t *targets, int64_t rows, int64_t first, float *results,
                                    lmopt_error_t *error);

/* The next token of each session, on the team and with the room of the leader. Each cache then holds one token more. Of
 * the logits at least the `top` greatest are wanted; 0: all. */
lmopt_status_t lmoptp_decode_pass(lmopt_session_t *const *sessions, int64_t count, const int32_t *tokens, int64_t top,
                                  float *logits, lmopt_session_t *leader, lmopt_error_t *error);

/* The next `rows` tokens of one sequence on threads, and the logits after each of them: [rows, vocabulary], as
 * lmoptp_decode_pass gives them. Nothing of it counts as in the cache; who calls says how much does. */
lmopt_status_t lmoptp_rows_pass(lmopt_session_t *session, const int32_t *tokens, int64_t rows, int64_t top,
                                float *logits, lmopt_error_t *error);

/*===--- Of a GPU that finds the greatest logits (lmoptp_team_finds_greatest) ---===*/

/* As lmoptp_decode_pass, of one session, with nothing but the `top` greatest: [top]. */
lmopt_status_t lmoptp_top_pass(lmopt_session_t *session, int32_t token, int32_t top, lmopt_device_top_t *greatest,
                               lmopt_error_t *error);
/* The token and `steps` - 1 more, each the one of the greatest logit after the one before; chosen: [steps], with the
 * one after the last. -1: no logit is a number, and what follows has no meaning. Nothing of it counts as in the cache,
 * which must reach that far; who calls says how much does. */
enum { LMOPTP_MOST_ON_END = 16 };
lmopt_status_t lmoptp_greedy_pass(lmopt_session_t *session, int32_t token, int64_t steps, int32_t *chosen,
                                  lmopt_error_t *error);

#endif
