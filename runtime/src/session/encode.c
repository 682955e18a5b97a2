/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Encoders: packs sequences into steps without padding. In: tokens and lengths. Out: vectors in the caller's memory.
 * Relies on team.c. Tested by test/unit/runtime.
 */
#include "runtime/src/platform/team.h"
#include "runtime/src/session/check.h"
#include "runtime/src/session/step.h"

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
        .rope = lmoptp_rope_of(table, lengths[taken]),
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
    if (lmoptp_check_tokens(session, tokens, lengths[i], &reason))
      return lmoptp_fail(error, LMOPT_ERROR_USAGE, "sequence %lld: %s", (long long)i, reason.message);
    tokens += lengths[i];
  }
  return LMOPT_OK;
}

lmopt_status_t lmopt_session_encode(lmopt_session_t *session, const int32_t *tokens, const int64_t *lengths,
                                    int64_t count, float *vectors, lmopt_error_t *error) {
  const lmopt_code_table_t *table = session->model->table;
  lmopt_status_t status = lmoptp_check_kind(session, LMOPT_KIND_ENCODER, "lmopt_session_encode", error);
  if (!status)
    status = check_sequences(session, tokens, lengths, count, error);
  if (!status)
    status = lmoptp_make_room(session, min64(count, table->prefill_rows), error);
  for (int64_t i = 0, taken; i < count && !status; i += taken) {
    int64_t rows;
    uint64_t scratch;
    taken = pack(session, lengths + i, count - i, &rows, &scratch);
    status = lmoptp_check_cancel(session, error);
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
