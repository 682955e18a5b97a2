/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Sessions without end; all of this does nothing for sessions without a window. See window.c.
 */
#ifndef LMOPT_SRC_SESSION_WINDOW_H
#define LMOPT_SRC_SESSION_WINDOW_H

#include "runtime/src/session/session.h"

lmopt_status_t lmoptp_window_create(lmopt_session_t *session, const lmopt_session_options_t *options,
                                    lmopt_error_t *error);
/* Forgets tokens when there is no place for one more. */
void lmoptp_window_forget(lmopt_session_t *session);
/* How many of `count` tokens may be appended at once. */
int64_t lmoptp_window_fit(const lmopt_session_t *session, int64_t count);

#endif
