/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Sessions: cut the caller's tokens into steps that the generated code takes, and keep the key/value memory of a
 * decoder. In: tokens. Out: logits or vectors in the caller's memory. Every token, length and position is checked here,
 * once (check.c), so that the generated code may trust its step (step.c). Between the two, history.c and window.c
 * decide what is read again. Cost: nothing that grows with the model. Tested by test/unit/runtime.
 */
#include "runtime/src/session/cache.h"
#include "runtime/src/session/check.h"
#include "runtime/src/session/history.h"
#include "runtime/src/session/speculation.h"
#include "runtime/src/session/step.h"
#include "runtime/src/session/team.h"
#include "runtime/src/session/window.h"

#include <stdlib.h>
#include <string.h>

void lmopt_cancel_request(lmopt_cancel_t *cancel) { __atomic_store_n(&cancel->requested, 1, __ATOMIC_RELAXED); }
void lmopt_cancel_clear(lmopt_cancel_t *cancel) { __atomic_store_n(&cancel->requested, 0, __ATOMIC_RELAXED); }

/*===--- Making and unmaking ---===*/

static lmopt_status_t make_team(lmopt_session_t *session, const lmopt_session_options_t *options,
                                lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_team_check(session->model, options->team, options->device, error);
  if (status)
    return status;
  if (options->team) {
    lmoptp_team_retain(options->team);
    session->team = options->team;
    return LMOPT_OK;
  }
  lmopt_team_options_t team = {.struct_size = sizeof team, .threads = options->threads, .device = options->device};
  return lmopt_team_create(&team, &session->team, error);
}

static lmopt_status_t make_state(lmopt_session_t *session, lmopt_error_t *error) {
  uint64_t bytes = session->model->table->state_bytes_per_sequence;
  if (session->model->table->kind != LMOPT_KIND_DECODER || bytes == 0)
    return LMOPT_OK;
  session->state = lmoptp_reserve(bytes);
  return session->state ? LMOPT_OK : lmoptp_fail_memory(error, bytes, "the state of a sequence");
}

static lmopt_status_t make_zeros(lmopt_session_t *session, lmopt_error_t *error) {
  const lmopt_entry_t *entry = session->model->many;
  if (entry->input_count == 0)
    return LMOPT_OK;
  session->zeros = calloc(entry->max_rows, sizeof *session->zeros);
  return session->zeros ? LMOPT_OK : lmoptp_fail_memory(error, (uint64_t)entry->max_rows * 4, "the inputs of a step");
}

static lmopt_status_t make_memory(lmopt_session_t *session, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_team_fit(session->team, session->model, lmoptp_cache_first_bytes(session), error);
  if (!status)
    status = lmoptp_cache_create(session, error);
  if (!status)
    status = make_state(session, error);
  if (!status)
    status = make_zeros(session, error);
  return status ? status : lmoptp_history_create(session, error);
}

lmopt_status_t lmopt_session_create(lmopt_model_t *model, const lmopt_session_options_t *options, lmopt_session_t **out,
                                    lmopt_error_t *error) {
  lmopt_session_options_t own;
  lmopt_status_t status = lmoptp_read_options(&own, sizeof own, options, "lmopt_session_options_t", error);
  if (status)
    return status;
  lmopt_session_t *session = calloc(1, sizeof *session);
  if (!session)
    return lmoptp_fail_memory(error, sizeof *session, "a session");
  session->model = model;
  session->cancel = own.cancel;
  lmoptp_model_retain(model);
  status = lmoptp_window_create(session, &own, error);
  if (!status)
    status = lmoptp_cache_choose(session, own.context, error);
  if (!status)
    status = make_team(session, &own, error);
  if (!status)
    status = make_memory(session, error);
  if (status)
    lmopt_session_destroy(session);
  else
    *out = session;
  return status;
}

void lmopt_session_destroy(lmopt_session_t *session) {
  if (!session)
    return;
  lmoptp_speculation_destroy(session->speculation);
  lmoptp_cache_destroy(session);
  lmopt_team_destroy(session->team);
  lmoptp_unreserve(session->state, session->model->table->state_bytes_per_sequence);
  lmopt_model_destroy(session->model);
  free(session->segments);
  free(session->rows);
  free(session->history);
  free(session->zeros);
  free(session);
}

int64_t lmopt_session_position(const lmopt_session_t *session) { return session->held; }
int64_t lmopt_session_capacity(const lmopt_session_t *session) { return session->context; }

lmopt_status_t lmopt_session_truncate(lmopt_session_t *session, int64_t position, lmopt_error_t *error) {
  if (position < 0 || position > session->held)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "session: cannot truncate to position %lld of %lld",
                       (long long)position, (long long)session->held);
  lmoptp_keep(session, position);
  lmoptp_speculation_keep(session->speculation, position);
  session->held = position;
  if (position == 0)
    session->dropped = 0;
  return LMOPT_OK;
}

/*===--- Checks ---===*/

static lmopt_status_t check_append(const lmopt_session_t *session, const int32_t *tokens, int64_t count,
                                   const char *function, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_check_kind(session, LMOPT_KIND_DECODER, function, error);
  if (status)
    return status;
  if (count < 1)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: %lld tokens; at least one is needed", function, (long long)count);
  if (!session->window && count > session->context - session->held)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                       "%s: the context is full: %lld of %lld positions are taken and %lld more are asked for",
                       function, (long long)session->held, (long long)session->context, (long long)count);
  return lmoptp_check_tokens(session, tokens, count, error);
}

/*===--- Decoders ---===*/

// Rows of a chunk whose results are wanted from row `first` on.
static int64_t chunk_rows(const lmopt_session_t *session, const lmopt_entry_t *entry, int64_t count, int64_t first) {
  int64_t outputs = lmoptp_team_most_outputs(session->team, session->model, entry);
  return lmoptp_window_fit(session, min64(min64(entry->max_rows, count), first + outputs));
}

// Appends the next of `count` tokens, as many as one chunk takes: *rows of them. Results as lmoptp_prefill_chunk, of
// those from `begin` on; begin may be negative or beyond the chunk.
static lmopt_status_t append_chunk(lmopt_session_t *session, const int32_t *tokens, const int32_t *targets,
                                   int64_t count, int64_t begin, int64_t *rows, float *results, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_history_prepare(session, session->team, count, error);
  if (status)
    return status;
  const lmopt_entry_t *entry = targets ? session->model->score : session->model->many;
  int64_t wanted = begin < 0 ? 0 : begin;
  *rows = chunk_rows(session, entry, count, wanted);
  int64_t first = min64(wanted, *rows);
  status = lmoptp_prefill_chunk(session, session->team, tokens, targets, *rows, first, results, error);
  if (!status)
    lmoptp_history_append(session, tokens, *rows);
  return status;
}

lmopt_status_t lmopt_session_prefill(lmopt_session_t *session, const int32_t *tokens, int64_t count, float *logits,
                                     lmopt_error_t *error) {
  lmopt_status_t status = check_append(session, tokens, count, "lmopt_session_prefill", error);
  if (!status)
    status = lmoptp_make_room(session, 1, error);
  for (int64_t i = 0, rows = 0; i < count && !status; i += rows)
    status = append_chunk(session, tokens + i, NULL, count - i, logits ? count - 1 - i : count, &rows, logits, error);
  return status;
}

lmopt_status_t lmopt_session_score(lmopt_session_t *session, const int32_t *tokens, const int32_t *targets,
                                   int64_t count, float *scores, lmopt_error_t *error) {
  lmopt_status_t status = check_append(session, tokens, count, "lmopt_session_score", error);
  if (status)
    return status;
  if (!session->model->score)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                       "lmopt_session_score: the model computes all logits; take lmopt_session_prefill_rows");
  status = lmoptp_check_tokens(session, targets, count, error);
  if (!status)
    status = lmoptp_make_room(session, min64(session->model->score->max_rows, count), error);
  for (int64_t i = 0, rows = 0; i < count && !status; i += rows)
    status = append_chunk(session, tokens + i, targets + i, count - i, 0, &rows, scores + i, error);
  return status;
}

static lmopt_status_t prefill_deliver(lmopt_session_t *session, const int32_t *tokens, int64_t count, int64_t begin,
                                      lmopt_logits_fn receive, void *user, float *logits, lmopt_error_t *error) {
  int64_t delivered = 0;
  for (int64_t i = 0, rows; i < count; i += rows) {
    lmopt_status_t status = append_chunk(session, tokens + i, NULL, count - i, begin - i, &rows, logits, error);
    if (status)
      return status;
    int64_t first = begin <= i ? 0 : min64(begin - i, rows);
    if (first < rows && receive(user, delivered, rows - first, logits))
      return lmoptp_fail(error, LMOPT_INTERRUPTED, "stopped by the receiver of the logits");
    delivered += rows - first;
  }
  return LMOPT_OK;
}

lmopt_status_t lmopt_session_prefill_rows(lmopt_session_t *session, const int32_t *tokens, int64_t count, int64_t begin,
                                          lmopt_logits_fn receive, void *user, lmopt_error_t *error) {
  lmopt_status_t status = check_append(session, tokens, count, "lmopt_session_prefill_rows", error);
  if (status)
    return status;
  if (begin < 0 || begin > count)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "lmopt_session_prefill_rows: begin is %lld, expected 0 to %lld",
                       (long long)begin, (long long)count);
  const lmopt_code_table_t *table = session->model->table;
  int64_t most = min64(lmoptp_team_most_outputs(session->team, session->model, session->model->many), count - begin);
  status = lmoptp_make_room(session, most ? most : 1, error);
  if (status)
    return status;
  // A product of two 31-bit numbers and 4: no overflow.
  uint64_t bytes = (uint64_t)most * table->vocabulary * sizeof(float);
  float *logits = lmoptp_reserve(bytes);
  if (!logits)
    return lmoptp_fail_memory(error, bytes, "the logits of a chunk");
  status = prefill_deliver(session, tokens, count, begin, receive, user, logits, error);
  lmoptp_unreserve(logits, bytes);
  return status;
}

lmopt_status_t lmopt_session_decode(lmopt_session_t *session, int32_t token, float *logits, lmopt_error_t *error) {
  return lmopt_sessions_decode(&session, 1, &token, logits, error);
}

// Caches of one GPU can be reached by all its teams.
static bool on_same_device(const lmopt_session_t *a, const lmopt_session_t *b) {
  const lmoptp_device_t *one = lmoptp_team_device(a->team), *other = lmoptp_team_device(b->team);
  return one == other || (one && other && lmoptp_device_info(one)->ordinal == lmoptp_device_info(other)->ordinal);
}

static lmopt_status_t check_batch(lmopt_session_t *const *sessions, int64_t count, const int32_t *tokens,
                                  lmopt_error_t *error) {
  if (count < 1)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "lmopt_sessions_decode: %lld sessions; at least one is needed",
                       (long long)count);
  for (int64_t i = 0; i < count; ++i) {
    if (sessions[i]->model != sessions[0]->model)
      return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                         "lmopt_sessions_decode: session %lld belongs to another model than session 0", (long long)i);
    if (!on_same_device(sessions[i], sessions[0]))
      return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                         "lmopt_sessions_decode: session %lld is on another GPU than session 0", (long long)i);
    lmopt_status_t status = check_append(sessions[i], tokens + i, 1, "lmopt_sessions_decode", error);
    if (status)
      return status;
  }
  // Marks find doubles in linear time; they are taken back before anything else happens.
  int64_t doubled = -1;
  for (int64_t i = 0; i < count; ++i) {
    if (sessions[i]->marked)
      doubled = i;
    sessions[i]->marked = true;
  }
  for (int64_t i = 0; i < count; ++i)
    sessions[i]->marked = false;
  if (doubled >= 0)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "lmopt_sessions_decode: session %lld stands in the batch before",
                       (long long)doubled);
  return LMOPT_OK;
}

static lmopt_status_t append_pass(lmopt_session_t *const *sessions, int64_t count, const int32_t *tokens, int64_t top,
                                  float *logits, lmopt_session_t *leader, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_decode_pass(sessions, count, tokens, top, logits, leader, error);
  for (int64_t i = 0; i < count && !status; ++i)
    lmoptp_history_append(sessions[i], tokens + i, 1);
  return status;
}

static lmopt_status_t append_all(lmopt_session_t *const *sessions, int64_t count, const int32_t *tokens, int64_t top,
                                 float *logits, lmopt_error_t *error) {
  lmopt_status_t status = check_batch(sessions, count, tokens, error);
  if (status)
    return status;
  lmopt_session_t *leader = sessions[0];
  int64_t vocabulary = leader->model->table->vocabulary;
  int64_t most = min64(count, leader->model->few->max_rows);
  status = lmoptp_make_room(leader, most, error);
  for (int64_t i = 0; i < count && !status; ++i)
    status = lmoptp_history_prepare(sessions[i], leader->team, 1, error);
  for (int64_t i = 0; i < count && !status; i += most)
    status = append_pass(sessions + i, min64(most, count - i), tokens + i, top, logits + i * vocabulary, leader, error);
  return status;
}

lmopt_status_t lmopt_sessions_decode(lmopt_session_t *const *sessions, int64_t count, const int32_t *tokens,
                                     float *logits, lmopt_error_t *error) {
  return append_all(sessions, count, tokens, 0, logits, error);
}

lmopt_status_t lmopt_session_decode_top(lmopt_session_t *session, int32_t token, int32_t top, float *logits,
                                        lmopt_error_t *error) {
  return lmopt_sessions_decode_top(&session, 1, &token, top, logits, error);
}

lmopt_status_t lmopt_sessions_decode_top(lmopt_session_t *const *sessions, int64_t count, const int32_t *tokens,
                                         int32_t top, float *logits, lmopt_error_t *error) {
  if (top < 1)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                       "lmopt_sessions_decode_top: the %d greatest logits; at least one is needed", top);
  return append_all(sessions, count, tokens, top, logits, error);
}
