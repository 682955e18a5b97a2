/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Encoders: packs sequences into steps without padding. In: tokens, what comes with them, and lengths. Out: the wanted
 * results in the caller's memory. Relies on team.c. Tested by test/unit/runtime.
 */
#include "runtime/src/session/check.h"
#include "runtime/src/session/step.h"
#include "runtime/src/session/team.h"

#include <string.h>

// What one call works through, and how far it is.
typedef struct {
  const int32_t *tokens;
  const int64_t *lengths;
  int64_t count;
  const int32_t *const *inputs; // NULL: all 0
  float *const *results;
  float *unwanted;                     // memory for the results that nobody wants, or NULL
  int64_t sequence, token;             // the first that are still to do
  const int32_t *in[LMOPT_MAX_LISTED]; // of the step under way
  float *out[LMOPT_MAX_LISTED];
} encoding_t;

static uint64_t cache_size(const lmopt_code_table_t *table, int64_t length) {
  return lmoptp_round_up(lmoptp_round_up((uint64_t)length, LMOPT_CACHE_BLOCK) * table->cache_bytes_per_position, 64);
}
static uint64_t state_size(const lmopt_code_table_t *table) {
  return lmoptp_round_up(table->state_bytes_per_sequence, 64);
}

// Gives every segment its part of the scratch memory, once the team has it: the caches, then the states.
static void place_segments(lmopt_step_t *step, void *scratch, void *user) {
  const lmopt_code_table_t *table = user;
  lmopt_segment_t *segments = (lmopt_segment_t *)step->segments;
  char *next = scratch;
  for (int64_t i = 0; i < step->segment_count; ++i) {
    segments[i].cache = next;
    next += cache_size(table, segments[i].rows);
  }
  for (int64_t i = 0; i < step->segment_count; ++i) {
    segments[i].state = next;
    memset(next, 0, table->state_bytes_per_sequence);
    next += state_size(table);
  }
}

// As many of the sequences as fit into one step; returns how many.
static int64_t pack(lmopt_session_t *session, const encoding_t *work, int64_t *rows, uint64_t *scratch) {
  const lmopt_code_table_t *table = session->model->table;
  const int64_t *lengths = work->lengths + work->sequence;
  int64_t most = session->model->many->max_rows, count = min64(work->count - work->sequence, session->room);
  *rows = 0;
  *scratch = 0;
  int64_t taken = 0;
  for (; taken < count && lengths[taken] <= most - *rows; ++taken) {
    session->segments[taken] = (lmopt_segment_t){
        .capacity = (int64_t)lmoptp_round_up((uint64_t)lengths[taken], LMOPT_CACHE_BLOCK),
        .row = *rows,
        .rows = lengths[taken],
        .rope = lmoptp_rope_of(table, lengths[taken]),
    };
    *rows += lengths[taken];
    *scratch += cache_size(table, lengths[taken]) + state_size(table);
  }
  return taken;
}

// Where the rows of this step lie in the caller's memory.
static void place_rows(const lmopt_session_t *session, encoding_t *work) {
  const lmopt_entry_t *entry = session->model->many;
  for (uint32_t i = 0; i < entry->input_count; ++i)
    work->in[i] = work->inputs && work->inputs[i] ? work->inputs[i] + work->token : session->zeros;
  for (uint32_t i = 0; i < entry->result_count; ++i) {
    int64_t row = entry->results[i].domain == LMOPT_DOMAIN_TOKENS ? work->token : work->sequence;
    work->out[i] = work->results[i] ? work->results[i] + row * (int64_t)entry->results[i].width : work->unwanted;
  }
}

static lmopt_status_t encode_step(lmopt_session_t *session, encoding_t *work, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_check_cancel(session, error);
  if (status)
    return status;
  lmopt_model_t *model = session->model;
  int64_t rows;
  uint64_t scratch;
  int64_t taken = pack(session, work, &rows, &scratch);
  place_rows(session, work);
  lmopt_step_t step = {
      .tokens = work->tokens + work->token,
      .rows = rows,
      .segments = session->segments,
      .segment_count = taken,
      .inputs = work->in,
      .results = work->out,
  };
  status =
      lmoptp_team_step(session->team, model, model->many, &step, scratch, place_segments, (void *)model->table, error);
  work->sequence += taken;
  work->token += rows;
  return status;
}

/*===--- Checks ---===*/

static lmopt_status_t check_inputs(const lmopt_session_t *session, const encoding_t *work, int64_t first,
                                   int64_t length, lmopt_error_t *error) {
  const lmopt_entry_t *entry = session->model->many;
  for (uint32_t i = 0; work->inputs && i < entry->input_count; ++i)
    for (int64_t t = 0; work->inputs[i] && t < length; ++t) {
      int32_t value = work->inputs[i][first + t], limit = (int32_t)entry->inputs[i].limit;
      if (value < 0 || value >= limit)
        return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s of token %lld is %d, expected 0 to %d", entry->inputs[i].name,
                           (long long)t, value, limit - 1);
    }
  return LMOPT_OK;
}

static lmopt_status_t check_sequences(const lmopt_session_t *session, const encoding_t *work, lmopt_error_t *error) {
  int64_t longest = min64(session->model->table->max_positions, session->model->many->max_rows), first = 0;
  for (int64_t i = 0; i < work->count; first += work->lengths[i++]) {
    int64_t length = work->lengths[i];
    if (length < 1 || length > longest)
      return lmoptp_fail(error, LMOPT_ERROR_USAGE, "sequence %lld has %lld tokens, expected 1 to %lld", (long long)i,
                         (long long)length, (long long)longest);
    lmopt_error_t reason;
    if (lmoptp_check_tokens(session, work->tokens + first, length, &reason) ||
        check_inputs(session, work, first, length, &reason))
      return lmoptp_fail(error, LMOPT_ERROR_USAGE, "sequence %lld: %s", (long long)i, reason.message);
  }
  return LMOPT_OK;
}

// The code writes all results, so those that nobody wants need memory, too: as much as the widest of them. A GPU has
// its own for all of them.
static uint64_t unwanted_size(const lmopt_session_t *session, float *const *results) {
  const lmopt_entry_t *entry = session->model->many;
  uint64_t width = 0;
  if (lmoptp_team_device(session->team))
    return 0;
  for (uint32_t i = 0; i < entry->result_count; ++i)
    if (!results[i] && entry->results[i].width > width)
      width = entry->results[i].width;
  return width * entry->max_rows * sizeof(float); // of two 31-bit numbers and 4: no overflow
}

static lmopt_status_t encode_all(lmopt_session_t *session, encoding_t *work, lmopt_error_t *error) {
  const lmopt_entry_t *entry = session->model->many;
  uint64_t unwanted = unwanted_size(session, work->results);
  if (unwanted && !(work->unwanted = lmoptp_reserve(unwanted)))
    return lmoptp_fail_memory(error, unwanted, "the results that are not wanted");
  lmopt_status_t status = lmoptp_make_room(session, min64(work->count, entry->max_rows), error);
  while (work->sequence < work->count && !status)
    status = encode_step(session, work, error);
  lmoptp_unreserve(work->unwanted, unwanted);
  return status;
}

/*===--- The public functions ---===*/

lmopt_status_t lmopt_session_encode_all(lmopt_session_t *session, const int32_t *tokens, const int64_t *lengths,
                                        int64_t count, const int32_t *const *inputs, float *const *results,
                                        lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_check_kind(session, LMOPT_KIND_ENCODER, "lmopt_session_encode_all", error);
  if (status)
    return status;
  encoding_t work = {.tokens = tokens, .lengths = lengths, .count = count, .inputs = inputs, .results = results};
  status = check_sequences(session, &work, error);
  return status ? status : encode_all(session, &work, error);
}

lmopt_status_t lmopt_session_encode(lmopt_session_t *session, const int32_t *tokens, const int64_t *lengths,
                                    int64_t count, float *vectors, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_check_kind(session, LMOPT_KIND_ENCODER, "lmopt_session_encode", error);
  if (status)
    return status;
  const lmopt_result_t *first = &session->model->many->results[0];
  if (first->domain != LMOPT_DOMAIN_SEQUENCES)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                       "lmopt_session_encode: the model gives %s for each token, no vector for each sequence; use "
                       "lmopt_session_encode_all",
                       first->name);
  float *results[LMOPT_MAX_LISTED] = {vectors};
  return lmopt_session_encode_all(session, tokens, lengths, count, NULL, results, error);
}
