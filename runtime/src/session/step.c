/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * From sessions to one step of the generated code (lmopt/abi.h) and back; see step.h.
 */
#include "runtime/src/session/step.h"

#include "runtime/src/session/cache.h"
#include "runtime/src/session/check.h"
#include "runtime/src/session/team.h"

#include <stdlib.h>
#include <string.h>

lmopt_status_t lmoptp_make_room(lmopt_session_t *session, int64_t room, lmopt_error_t *error) {
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

static lmopt_segment_t segment_of(const lmopt_session_t *session, int64_t row, int64_t rows) {
  if (session->state && session->position == 0)
    memset(session->state, 0, session->model->table->state_bytes_per_sequence);
  return (lmopt_segment_t){
      .cache = session->cache,
      .capacity = session->capacity,
      .position = session->position,
      .row = row,
      .rows = rows,
      .rope = session->rope,
      .state = session->state,
  };
}

lmopt_status_t lmoptp_prefill_chunk(lmopt_session_t *session, lmopt_team_t *team, const int32_t *tokens,
                                    const int32_t *targets, int64_t rows, int64_t first, float *results,
                                    lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_check_cancel(session, error);
  if (!status)
    status = lmoptp_cache_reach(session, session->position + rows, error);
  if (status)
    return status;
  lmopt_model_t *model = session->model;
  lmopt_segment_t segment = segment_of(session, 0, rows);
  for (int64_t i = first; i < rows; ++i)
    session->rows[i - first] = (int32_t)i;
  lmopt_step_t step = {
      .tokens = tokens,
      .rows = rows,
      .segments = &segment,
      .segment_count = 1,
      .inputs = targets ? &targets : NULL,
      .results = &results,
      .output_rows = session->rows,
      .output_count = rows - first,
  };
  status = lmoptp_team_step(team, model, targets ? model->score : model->many, &step, 0, NULL, NULL, error);
  if (!status)
    session->position += rows;
  return status;
}

// The entry that finds so many of the greatest logits, or the one that computes all.
static const lmopt_entry_t *entry_for(const lmopt_model_t *model, int64_t top) {
  return top > 0 && model->top && top <= (int64_t)model->top->top ? model->top : model->few;
}

lmopt_status_t lmoptp_decode_pass(lmopt_session_t *const *sessions, int64_t count, const int32_t *tokens, int64_t top,
                                  float *logits, lmopt_session_t *leader, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_check_cancel(leader, error);
  for (int64_t i = 0; i < count && !status; ++i)
    status = lmoptp_cache_reach(sessions[i], sessions[i]->position + 1, error);
  if (status)
    return status;
  lmopt_model_t *model = leader->model;
  for (int64_t i = 0; i < count; ++i) {
    leader->segments[i] = segment_of(sessions[i], i, 1);
    leader->rows[i] = (int32_t)i;
  }
  lmopt_step_t step = {
      .tokens = tokens,
      .rows = count,
      .segments = leader->segments,
      .segment_count = count,
      .results = &logits,
      .output_rows = leader->rows,
      .output_count = count,
      .top = top,
  };
  const lmopt_entry_t *entry = entry_for(model, top);
  status = lmoptp_team_step(leader->team, model, entry, &step, 0, NULL, NULL, error);
  for (int64_t i = 0; i < count && !status; ++i)
    ++sessions[i]->position;
  return status;
}

// One thread computes all rows in one kernel before the next, so the code for few rows may be given some of the same
// sequence; of several threads one might read keys that another has not stored yet, but for a chunk of a prompt.
static const lmopt_entry_t *entry_for_rows(const lmopt_session_t *session, int64_t rows, int64_t top) {
  const lmopt_model_t *model = session->model;
  bool is_few = rows == 1 || (lmopt_team_threads(session->team) == 1 && rows <= model->few->max_rows);
  return is_few ? entry_for(model, top) : model->many;
}

lmopt_status_t lmoptp_rows_pass(lmopt_session_t *session, const int32_t *tokens, int64_t rows, int64_t top,
                                float *logits, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_cache_reach(session, session->position + rows, error);
  if (!status)
    status = lmoptp_make_room(session, rows, error);
  if (status)
    return status;
  lmopt_segment_t segment = segment_of(session, 0, rows);
  for (int64_t i = 0; i < rows; ++i)
    session->rows[i] = (int32_t)i;
  lmopt_step_t step = {
      .tokens = tokens,
      .rows = rows,
      .segments = &segment,
      .segment_count = 1,
      .results = &logits,
      .output_rows = session->rows,
      .output_count = rows,
      .top = top,
  };
  return lmoptp_team_step(session->team, session->model, entry_for_rows(session, rows, top), &step, 0, NULL, NULL,
                          error);
}

/*===--- Of a GPU that finds the greatest logits ---===*/

lmopt_status_t lmoptp_top_pass(lmopt_session_t *session, int32_t token, int32_t top, lmopt_device_top_t *greatest,
                               lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_check_cancel(session, error);
  if (!status)
    status = lmoptp_cache_reach(session, session->position + 1, error);
  if (status)
    return status;
  lmopt_segment_t segment = segment_of(session, 0, 1);
  status = lmoptp_team_greatest(session->team, session->model, &segment, token, top, greatest, error);
  if (!status)
    ++session->position;
  return status;
}

lmopt_status_t lmoptp_greedy_pass(lmopt_session_t *session, int32_t token, int64_t steps, int32_t *chosen,
                                  lmopt_error_t *error) {
  lmopt_segment_t segment = segment_of(session, 0, 1);
  return lmoptp_team_greedy(session->team, session->model, &segment, token, steps, chosen, error);
}
