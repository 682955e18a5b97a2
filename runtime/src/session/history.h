/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The tokens that a session holds, and those of them that are read again. See history.c.
 */
#ifndef LMOPT_SRC_SESSION_HISTORY_H
#define LMOPT_SRC_SESSION_HISTORY_H

#include "runtime/src/session/session.h"

lmopt_status_t lmoptp_history_create(lmopt_session_t *session, lmopt_error_t *error);
/* From now on the session, which holds none yet, has its tokens. */
lmopt_status_t lmoptp_history_require(lmopt_session_t *session, lmopt_error_t *error);
/* Before the next of `count` tokens come: makes place for one, and reads again what moved or must be turned otherwise.
 */
lmopt_status_t lmoptp_history_prepare(lmopt_session_t *session, lmopt_team_t *team, int64_t count,
                                      lmopt_error_t *error);
/* Counts and remembers tokens that went in. */
void lmoptp_history_append(lmopt_session_t *session, const int32_t *tokens, int64_t count);

#endif
