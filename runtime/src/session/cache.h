/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The key/value memory of a decoder's session, where its team computes. See cache.c.
 */
#ifndef LMOPT_SRC_SESSION_CACHE_H
#define LMOPT_SRC_SESSION_CACHE_H

#include "runtime/src/session/session.h"

/* How many positions the session may have, of the `context` that was asked for, or of its window. */
lmopt_status_t lmoptp_cache_choose(lmopt_session_t *session, int64_t context, lmopt_error_t *error);
/* Bytes that the first token takes on a GPU; 0 for threads. */
uint64_t lmoptp_cache_first_bytes(const lmopt_session_t *session);
lmopt_status_t lmoptp_cache_create(lmopt_session_t *session, lmopt_error_t *error);
void lmoptp_cache_destroy(lmopt_session_t *session);
/* Before a step that brings the sequence to so many positions: makes sure that there is memory for them, and notes how
 * far rings will have been written. */
lmopt_status_t lmoptp_cache_reach(lmopt_session_t *session, int64_t positions, lmopt_error_t *error);

#endif
