/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Sessions: cut the caller's tokens into steps that the generated code takes, and keep the key/value memory of a
 * decoder. In: tokens. Out: logits or vectors in the caller's memory. Every token, length and position is checked here,
 * once, so that the generated code may trust its step. Relies on team.c (runs a step) and abi.h (what a step is). Cost:
 * nothing that grows with the model. Tested by test/unit/runtime.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_CONTEXT = 8192 };

struct lmopt_session {
  lmopt_model_t *model;
  lmopt_team_t *team;
  lmopt_cancel_t *cancel;
  void *cache;
  uint64_t cache_size;
  int64_t position, context;
  bool marked; // seen before in the same batch
  // Room for the segments and output rows of one step.
  lmopt_segment_t *segments;
  int32_t *rows;
  int64_t room;
};

void lmopt_cancel_request(lmopt_cancel_t *cancel) { __atomic_store_n(&cancel->requested, 1, __ATOMIC_RELAXED); }
void lmopt_cancel_clear(lmopt_cancel_t *cancel) { __atomic_store_n(&cancel->requested, 0, __ATOMIC_RELAXED); }

static lmopt_status_t check_cancel(const lmopt_session_t *session, lmopt_error_t *error) {
  if (session->cancel && __atomic_load_n(&session->cancel->requested, __ATOMIC_RELAXED))
    return lmoptp_fail(error, LMOPT_INTERRUPTED, "cancelled by the caller");
  return LMOPT_OK;
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

/*===--- Making and unmaking ---===*/

static lmopt_status_t make_team(lmopt_session_t *session, const lmopt_session_options_t *options,
                                lmopt_error_t *error) {
  if (options->team) {
    lmoptp_team_retain(options->team);
    session->team = options->team;
  } else {
    lmopt_team_options_t team = {.struct_size = sizeof team, .threads = options->threads};
    lmopt_status_t status = lmopt_team_create(&team, &session->team, error);
    if (status)
      return status;
  }
  return lmoptp_team_fit(session->team, session->model->table, error);
}

static lmopt_status_t make_cache(lmopt_session_t *session, int64_t context, lmopt_error_t *error) {
  const lmopt_code_table_t *table = session->model->table;
  if (table->kind != LMOPT_KIND_DECODER)
    return LMOPT_OK;
  if (context < 0 || context > table->max_positions)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "session: a context of %lld positions; the model allows 1 to %u",
                       (long long)context, table->max_positions);
  session->context = context ? context : min64(table->max_positions, DEFAULT_CONTEXT);
  uint64_t positions = lmoptp_round_up((uint64_t)session->context, LMOPT_CACHE_BLOCK);
  if (__builtin_mul_overflow(positions, table->cache_bytes_per_position, &session->cache_size))
    session->cache_size = UINT64_MAX;
  session->cache = lmoptp_reserve(session->cache_size);
  if (!session->cache)
    return lmoptp_fail(error, LMOPT_ERROR_RESOURCE,
                       "out of memory: a context of %lld positions needs %llu bytes; ask for a shorter context",
                       (long long)session->context, (unsigned long long)session->cache_size);
  return LMOPT_OK;
}

static lmopt_status_t make_room(lmopt_session_t *session, int64_t room, lmopt_error_t *error) {
  if (room <= session->room)
    return LMOPT_OK;
  lmopt_segment_t *segments = realloc(session->segments, (size_t)room * sizeof *segments);
  if (segments)
    session->segments = segments;
  int32_t *rows = realloc(session->rows, (size_t)room * sizeof *rows);
  if (rows)
    session->rows = rows;
  if (!segments || !rows)
    return lmoptp_fail_memory(error, (uint64_t)room * (sizeof *segments + sizeof *rows), "a step");
  session->room = room;
  return LMOPT_OK;
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
  status = make_cache(session, own.context, error);
  if (!status)
    status = make_team(session, &own, error);
  if (status)
    lmopt_session_destroy(session);
  else
    *out = session;
  return status;
}

void lmopt_session_destroy(lmopt_session_t *session) {
  if (!session)
    return;
  lmopt_team_destroy(session->team);
  lmoptp_unreserve(session->cache, session->cache_size);
  lmopt_model_destroy(session->model);
  free(session->segments);
  free(session->rows);
  free(session);
}

int64_t lmopt_session_position(const lmopt_session_t *session) { return session->position; }
int64_t lmopt_session_capacity(const lmopt_session_t *session) { return session->context; }

lmopt_status_t lmopt_session_truncate(lmopt_session_t *session, int64_t position, lmopt_error_t *error) {
  if (position < 0 || position > session->position)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "session: cannot truncate to position %lld of %lld",
                       (long long)position, (long long)session->position);
  session->position = position;
  return LMOPT_OK;
}

/*===--- Checks ---===*/

static lmopt_status_t check_kind(const lmopt_session_t *session, uint32_t kind, const char *function,
                                 lmopt_error_t *error) {
  if (session->model->table->kind == kind)
    return LMOPT_OK;
  return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: the model is %s", function,
                     kind == LMOPT_KIND_DECODER ? "an encoder; use lmopt_session_encode"
                                                : "a decoder; use lmopt_session_prefill");
}

static lmopt_status_t check_tokens(const lmopt_session_t *session, const int32_t *tokens, int64_t count,
                                   lmopt_error_t *error) {
  int32_t vocabulary = (int32_t)session->model->table->vocabulary;
  for (int64_t i = 0; i < count; ++i)
    if (tokens[i] < 0 || tokens[i] >= vocabulary)
      return lmoptp_fail(error, LMOPT_ERROR_USAGE, "token %lld is %d, expected 0 to %d", (long long)i, tokens[i],
                         vocabulary - 1);
  return LMOPT_OK;
}

static lmopt_status_t check_append(const lmopt_session_t *session, const int32_t *tokens, int64_t count,
                                   const char *function, lmopt_error_t *error) {
  lmopt_status_t status = check_kind(session, LMOPT_KIND_DECODER, function, error);
  if (status)
    return status;
  if (count < 1)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: %lld tokens; at least one is needed", function, (long long)count);
  if (count > session->context - session->position)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                       "%s: the context is full: %lld of %lld positions are taken and %lld more are asked for",
                       function, (long long)session->position, (long long)session->context, (long long)count);
  return check_tokens(session, tokens, count, error);
}

/*===--- Decoders ---===*/

static lmopt_segment_t segment_of(const lmopt_session_t *session, int64_t row, int64_t rows) {
  return (lmopt_segment_t){
      .cache = session->cache,
      .capacity = (int64_t)lmoptp_round_up((uint64_t)session->context, LMOPT_CACHE_BLOCK),
      .position = session->position,
      .row = row,
      .rows = rows,
  };
}

// One chunk of a prompt: logits of its rows [first, rows), or none when first == rows.
static lmopt_status_t prefill_chunk(lmopt_session_t *session, const int32_t *tokens, int64_t rows, int64_t first,
                                    float *logits, lmopt_error_t *error) {
  lmopt_status_t status = check_cancel(session, error);
  if (status)
    return status;
  const lmopt_code_table_t *table = session->model->table;
  lmopt_segment_t segment = segment_of(session, 0, rows);
  for (int64_t i = first; i < rows; ++i)
    session->rows[i - first] = (int32_t)i;
  lmopt_step_t step = {
      .weights = session->model->weights,
      .tokens = tokens,
      .rows = rows,
      .segments = &segment,
      .segment_count = 1,
      .output = logits,
      .output_rows = session->rows,
      .output_count = rows - first,
  };
  status = lmoptp_team_step(session->team, table, table->prefill, &step, 0, NULL, NULL, error);
  if (!status)
    session->position += rows;
  return status;
}

lmopt_status_t lmopt_session_prefill(lmopt_session_t *session, const int32_t *tokens, int64_t count, float *logits,
                                     lmopt_error_t *error) {
  lmopt_status_t status = check_append(session, tokens, count, "lmopt_session_prefill", error);
  if (!status)
    status = make_room(session, 1, error);
  int64_t chunk = session->model->table->prefill_rows;
  for (int64_t i = 0; i < count && !status; i += chunk) {
    int64_t rows = min64(chunk, count - i);
    bool last = i + rows == count && logits;
    status = prefill_chunk(session, tokens + i, rows, last ? rows - 1 : rows, logits, error);
  }
  return status;
}

static lmopt_status_t prefill_deliver(lmopt_session_t *session, const int32_t *tokens, int64_t count, int64_t begin,
                                      lmopt_logits_fn receive, void *user, float *logits, lmopt_error_t *error) {
  int64_t chunk = session->model->table->prefill_rows, delivered = 0;
  for (int64_t i = 0; i < count; i += chunk) {
    int64_t rows = min64(chunk, count - i);
    int64_t first = begin <= i ? 0 : min64(begin - i, rows);
    lmopt_status_t status = prefill_chunk(session, tokens + i, rows, first, logits, error);
    if (status)
      return status;
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
  int64_t most = min64(table->prefill_rows, count - begin);
  status = make_room(session, most ? most : 1, error);
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

static lmopt_status_t check_batch(lmopt_session_t *const *sessions, int64_t count, const int32_t *tokens,
                                  lmopt_error_t *error) {
  if (count < 1)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "lmopt_sessions_decode: %lld sessions; at least one is needed",
                       (long long)count);
  for (int64_t i = 0; i < count; ++i) {
    if (sessions[i]->model != sessions[0]->model)
      return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                         "lmopt_sessions_decode: session %lld belongs to another model than session 0", (long long)i);
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

static lmopt_status_t decode_pass(lmopt_session_t *const *sessions, int64_t count, const int32_t *tokens, float *logits,
                                  lmopt_session_t *leader, lmopt_error_t *error) {
  lmopt_status_t status = check_cancel(leader, error);
  if (status)
    return status;
  const lmopt_code_table_t *table = leader->model->table;
  for (int64_t i = 0; i < count; ++i) {
    leader->segments[i] = segment_of(sessions[i], i, 1);
    leader->rows[i] = (int32_t)i;
  }
  lmopt_step_t step = {
      .weights = leader->model->weights,
      .tokens = tokens,
      .rows = count,
      .segments = leader->segments,
      .segment_count = count,
      .output = logits,
      .output_rows = leader->rows,
      .output_count = count,
  };
  status = lmoptp_team_step(leader->team, table, table->decode, &step, 0, NULL, NULL, error);
  for (int64_t i = 0; i < count && !status; ++i)
    ++sessions[i]->position;
  return status;
}

lmopt_status_t lmopt_sessions_decode(lmopt_session_t *const *sessions, int64_t count, const int32_t *tokens,
                                     float *logits, lmopt_error_t *error) {
  lmopt_status_t status = check_batch(sessions, count, tokens, error);
  if (status)
    return status;
  lmopt_session_t *leader = sessions[0];
  int64_t vocabulary = leader->model->table->vocabulary;
  int64_t most = min64(count, leader->model->table->decode_rows);
  status = make_room(leader, most, error);
  for (int64_t i = 0; i < count && !status; i += most)
    status = decode_pass(sessions + i, min64(most, count - i), tokens + i, logits + i * vocabulary, leader, error);
  return status;
}

/*===--- Encoders ---===*/

static uint64_t scratch_of(const lmopt_code_table_t *table, int64_t length) {
  return lmoptp_round_up((uint64_t)length, LMOPT_CACHE_BLOCK) * table->cache_bytes_per_position;
}

// Gives every segment its part of the scratch memory, once the team has it.
static void place_segments(lmopt_step_t *step, void *scratch, void *user) {
  const lmopt_code_table_t *table = user;
  lmopt_segment_t *segments = (lmopt_segment_t *)step->segments;
  uint64_t offset = 0;
  for (int64_t i = 0; i < step->segment_count; ++i) {
    segments[i].cache = (char *)scratch + lmoptp_round_up(offset, 64);
    offset = lmoptp_round_up(offset, 64) + scratch_of(table, segments[i].rows);
  }
}

// As many of the `count` sequences as fit into one step; returns how many.
static int64_t pack(lmopt_session_t *session, const int64_t *lengths, int64_t count, int64_t *rows, uint64_t *scratch) {
  const lmopt_code_table_t *table = session->model->table;
  *rows = 0;
  *scratch = 0;
  int64_t taken = 0;
  while (taken < count && taken < session->room && lengths[taken] <= (int64_t)table->prefill_rows - *rows) {
    session->segments[taken] = (lmopt_segment_t){
        .capacity = (int64_t)lmoptp_round_up((uint64_t)lengths[taken], LMOPT_CACHE_BLOCK),
        .row = *rows,
        .rows = lengths[taken],
    };
    *rows += lengths[taken];
    *scratch = lmoptp_round_up(*scratch, 64) + scratch_of(table, lengths[taken]);
    ++taken;
  }
  return taken;
}

static lmopt_status_t check_sequences(const lmopt_session_t *session, const int32_t *tokens, const int64_t *lengths,
                                      int64_t count, lmopt_error_t *error) {
  const lmopt_code_table_t *table = session->model->table;
  int64_t longest = min64(table->max_positions, table->prefill_rows);
  for (int64_t i = 0; i < count; ++i) {
    if (lengths[i] < 1 || lengths[i] > longest)
      return lmoptp_fail(error, LMOPT_ERROR_USAGE, "sequence %lld has %lld tokens, expected 1 to %lld", (long long)i,
                         (long long)lengths[i], (long long)longest);
    lmopt_error_t reason;
    if (check_tokens(session, tokens, lengths[i], &reason))
      return lmoptp_fail(error, LMOPT_ERROR_USAGE, "sequence %lld: %s", (long long)i, reason.message);
    tokens += lengths[i];
  }
  return LMOPT_OK;
}

lmopt_status_t lmopt_session_encode(lmopt_session_t *session, const int32_t *tokens, const int64_t *lengths,
                                    int64_t count, float *vectors, lmopt_error_t *error) {
  const lmopt_code_table_t *table = session->model->table;
  lmopt_status_t status = check_kind(session, LMOPT_KIND_ENCODER, "lmopt_session_encode", error);
  if (!status)
    status = check_sequences(session, tokens, lengths, count, error);
  if (!status)
    status = make_room(session, min64(count, table->prefill_rows), error);
  for (int64_t i = 0, taken; i < count && !status; i += taken) {
    int64_t rows;
    uint64_t scratch;
    taken = pack(session, lengths + i, count - i, &rows, &scratch);
    status = check_cancel(session, error);
    if (status)
      break;
    lmopt_step_t step = {
        .weights = session->model->weights,
        .tokens = tokens,
        .rows = rows,
        .segments = session->segments,
        .segment_count = taken,
        .output = vectors + i * (int64_t)table->output_width,
    };
    status =
        lmoptp_team_step(session->team, table, table->encode, &step, scratch, place_segments, (void *)table, error);
    tokens += rows;
  }
  return status;
}
