/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What a caller gives a session; see check.h.
 */
#include "runtime/src/session/check.h"

lmopt_status_t lmoptp_check_cancel(const lmopt_session_t *session, lmopt_error_t *error) {
  if (session->cancel && __atomic_load_n(&session->cancel->requested, __ATOMIC_RELAXED))
    return lmoptp_fail(error, LMOPT_INTERRUPTED, "cancelled by the caller");
  return LMOPT_OK;
}

lmopt_status_t lmoptp_check_kind(const lmopt_session_t *session, uint32_t kind, const char *function,
                                 lmopt_error_t *error) {
  if (session->model->table->kind == kind)
    return LMOPT_OK;
  return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: the model is %s", function,
                     kind == LMOPT_KIND_DECODER ? "an encoder; use lmopt_session_encode"
                                                : "a decoder; use lmopt_session_prefill");
}

lmopt_status_t lmoptp_check_tokens(const lmopt_session_t *session, const int32_t *tokens, int64_t count,
                                   lmopt_error_t *error) {
  int32_t vocabulary = (int32_t)session->model->table->vocabulary;
  for (int64_t i = 0; i < count; ++i)
    if (tokens[i] < 0 || tokens[i] >= vocabulary)
      return lmoptp_fail(error, LMOPT_ERROR_USAGE, "token %lld is %d, expected 0 to %d", (long long)i, tokens[i],
                         vocabulary - 1);
  return LMOPT_OK;
}
