/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Checks of what a caller gives a session, made once before anything is computed. Tested by
 * test/unit/runtime/SessionTest.cpp.
 */
#ifndef LMOPT_SRC_SESSION_CHECK_H
#define LMOPT_SRC_SESSION_CHECK_H

#include "runtime/src/session/session.h"

lmopt_status_t lmoptp_check_cancel(const lmopt_session_t *session, lmopt_error_t *error);
lmopt_status_t lmoptp_check_kind(const lmopt_session_t *session, uint32_t kind, const char *function,
                                 lmopt_error_t *error);
lmopt_status_t lmoptp_check_tokens(const lmopt_session_t *session, const int32_t *tokens, int64_t count,
                                   lmopt_error_t *error);

#endif
