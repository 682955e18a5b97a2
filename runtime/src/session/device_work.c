/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The memory of a step on a GPU. In: a step as sessions make it. Out: pinned memory to be copied in one go, with the
 * places on the GPU of all its parts; room for results, and these in the memory of the caller. Of the greatest logits
 * only these come back, as pairs, and are spread out where a caller wants whole rows. Cost: 32 bytes a row, and what is
 * copied. Source: ptx.md 5.2. Tested by test/unit/runtime/DeviceSessionTest.cpp and DeviceGenerateTest.cpp.
 */
#include "runtime/src/session/device_work.h"

#include <math.h>
#include <string.h>

/*===--- Input ---===*/

lmoptp_address_t lmoptp_work_stage(lmoptp_work_t *work, uint64_t bytes, void **host) {
  lmoptp_address_t address = work->team->staging.address + work->staged;
  *host = (char *)work->team->staged + work->staged;
  work->staged = lmoptp_round_up(work->staged + bytes, LMOPTP_DEVICE_ALIGNMENT);
  return address;
}

static const int32_t *stage_numbers(lmoptp_work_t *work, const int32_t *numbers, int64_t count) {
  void *host;
  lmoptp_address_t address = lmoptp_work_stage(work, (uint64_t)count * sizeof *numbers, &host);
  if (count)
    memcpy(host, numbers, (size_t)count * sizeof *numbers);
  return lmoptp_pointer_to(address);
}

static void fill_rows(lmopt_device_row_t *rows, const lmopt_segment_t *segment, int64_t number) {
  for (int64_t i = 0; i < segment->rows; ++i)
    rows[segment->row + i] = (lmopt_device_row_t){.cache = lmoptp_address_of(segment->cache),
                                                  .position = (int32_t)(segment->position + i),
                                                  .segment = (int32_t)number,
                                                  .first = (int32_t)segment->row,
                                                  .rows = (int32_t)segment->rows,
                                                  .rope = (int32_t)segment->rope};
}

int64_t lmoptp_work_positions(const lmoptp_work_t *work) {
  const lmopt_step_t *given = work->given;
  int64_t most = 0;
  for (int64_t i = 0; i < given->segment_count; ++i)
    if (given->segments[i].position + given->segments[i].rows > most)
      most = given->segments[i].position + given->segments[i].rows;
  return lmoptp_work_has_few_rows(work) ? (int64_t)lmoptp_round_up((uint64_t)most, LMOPT_DEVICE_POSITIONS_UNIT) : most;
}

// What kernels know of rows and segments.
static void stage_tables(lmoptp_work_t *work) {
  const lmopt_step_t *given = work->given;
  void *rows, *segments;
  work->device.rows = lmoptp_work_stage(work, (uint64_t)given->rows * sizeof(lmopt_device_row_t), &rows);
  work->device.segments =
      lmoptp_work_stage(work, (uint64_t)given->segment_count * sizeof(lmopt_device_segment_t), &segments);
  for (int64_t i = 0; i < given->segment_count; ++i) {
    const lmopt_segment_t *segment = &given->segments[i];
    fill_rows(rows, segment, i);
    ((lmopt_device_segment_t *)segments)[i] =
        (lmopt_device_segment_t){.first = (int32_t)segment->row, .rows = (int32_t)segment->rows};
  }
  work->device.positions = lmoptp_work_positions(work);
}

void lmoptp_work_stage_input(lmoptp_work_t *work) {
  const lmopt_step_t *given = work->given;
  lmopt_step_t *step = &work->step;
  step->tokens = stage_numbers(work, given->tokens, given->rows);
  step->output_rows = stage_numbers(work, given->output_rows, given->output_count);
  for (uint32_t i = 0; given->inputs && i < work->entry->input_count; ++i)
    work->inputs[i] = stage_numbers(work, given->inputs[i], given->rows);
  step->inputs = work->inputs;
  stage_tables(work);
  void *counter;
  work->counter = lmoptp_work_stage(work, sizeof(uint32_t), &counter);
  memset(counter, 0, sizeof(uint32_t));
}

/*===--- Results ---===*/

static uint64_t result_bytes(const lmoptp_work_t *work, uint32_t index) {
  const lmopt_result_t *result = &work->entry->results[index];
  int64_t rows = result->domain == LMOPT_DOMAIN_TOKENS    ? work->given->rows
                 : result->domain == LMOPT_DOMAIN_OUTPUTS ? work->given->output_count
                                                          : work->given->segment_count;
  return (uint64_t)rows * result->width * sizeof(float);
}

static uint64_t greatest_bytes(const lmoptp_work_t *work) {
  return lmoptp_work_has_greatest(work) ? lmoptp_greatest_bytes(work->given->output_count, work->given->top) : 0;
}

// Results that somebody wants. The code has use for rows of logits where it finds the greatest; nobody else has.
static uint64_t wanted(const lmoptp_work_t *work) {
  uint64_t bits = 0;
  if (lmoptp_work_has_greatest(work))
    return 0;
  for (uint32_t i = 0; i < work->entry->result_count; ++i)
    if (work->given->results[i] && result_bytes(work, i))
      bits |= UINT64_C(1) << i;
  return bits;
}

lmopt_status_t lmoptp_work_place_results(lmoptp_work_t *work) {
  uint64_t total = greatest_bytes(work);
  for (uint32_t i = 0; i < work->entry->result_count; ++i)
    total += lmoptp_round_up(result_bytes(work, i), LMOPTP_DEVICE_ALIGNMENT);
  if (total > work->team->results.bytes)
    return lmoptp_fail(work->error, LMOPT_ERROR_INTERNAL,
                       "a step of entry \"%s\" wants %llu bytes of results; there is room for %llu", work->entry->name,
                       (unsigned long long)total, (unsigned long long)work->team->results.bytes);
  lmoptp_address_t next = work->team->results.address;
  for (uint32_t i = 0; i < work->entry->result_count; ++i) {
    uint64_t bytes = result_bytes(work, i);
    work->results[i] = bytes ? lmoptp_pointer_to(next) : NULL;
    next += lmoptp_round_up(bytes, LMOPTP_DEVICE_ALIGNMENT);
  }
  work->step.results = work->results;
  work->device.greatest = next;
  work->landing = total <= LMOPTP_LANDING_BYTES ? wanted(work) : 0;
  return LMOPT_OK;
}

// Where this result lands: results lie on the host as they lie on the GPU.
static char *landing_of(const lmoptp_work_t *work, uint32_t index) {
  return (char *)work->team->landing + (lmoptp_address_of(work->results[index]) - work->team->results.address);
}

static bool lands(const lmoptp_work_t *work, uint32_t index) { return work->landing >> index & 1; }

lmopt_status_t lmoptp_work_land_results(const lmoptp_work_t *work) {
  lmopt_status_t status = LMOPT_OK;
  if (lmoptp_work_has_greatest(work))
    return lmoptp_stream_copy_out(work->team->stream, work->team->landing, work->device.greatest, greatest_bytes(work),
                                  work->error);
  for (uint32_t i = 0; i < work->entry->result_count && !status; ++i)
    if (lands(work, i))
      status = lmoptp_stream_copy_out(work->team->stream, landing_of(work, i), lmoptp_address_of(work->results[i]),
                                      result_bytes(work, i), work->error);
  return status;
}

// Pairs to rows of logits: of those that have none, nobody knows more than that they are not greater.
static void spread(const lmopt_device_top_t *pairs, int64_t count, float *logits, int64_t vocabulary) {
  for (int64_t i = 0; i < vocabulary; ++i)
    logits[i] = -INFINITY;
  for (int64_t i = 0; i < count; ++i)
    if (pairs[i].token >= 0 && pairs[i].token < vocabulary) // never trust the code
      logits[pairs[i].token] = pairs[i].logit;
}

static void take_greatest(const lmoptp_work_t *work) {
  const lmopt_device_top_t *pairs = work->team->landing;
  int64_t vocabulary = work->model->table->vocabulary, top = work->given->top;
  if (work->greatest)
    memcpy(work->greatest, pairs, greatest_bytes(work));
  else if (work->given->results[0])
    for (int64_t row = 0; row < work->given->output_count; ++row)
      spread(pairs + row * top, top, work->given->results[0] + row * vocabulary, vocabulary);
}

void lmoptp_work_take_results(const lmoptp_work_t *work) {
  if (lmoptp_work_has_greatest(work)) {
    take_greatest(work);
    return;
  }
  for (uint32_t i = 0; i < work->entry->result_count; ++i)
    if (lands(work, i))
      memcpy(work->given->results[i], landing_of(work, i), result_bytes(work, i));
}

static lmopt_status_t fetch(const lmoptp_work_t *work, char *into, lmoptp_address_t from, uint64_t bytes) {
  lmoptp_device_team_t *team = work->team;
  for (uint64_t at = 0; at < bytes; at += LMOPTP_LANDING_BYTES) {
    uint64_t piece = bytes - at < LMOPTP_LANDING_BYTES ? bytes - at : LMOPTP_LANDING_BYTES;
    lmopt_status_t status = lmoptp_stream_copy_out(team->stream, team->landing, from + at, piece, work->error);
    if (!status)
      status = lmoptp_stream_synchronize(team->stream, work->error);
    if (status)
      return status;
    memcpy(into + at, team->landing, piece);
  }
  return LMOPT_OK;
}

lmopt_status_t lmoptp_work_fetch_results(const lmoptp_work_t *work) {
  lmopt_status_t status = LMOPT_OK;
  for (uint32_t i = 0; i < work->entry->result_count && !status && !lmoptp_work_has_greatest(work); ++i)
    if (work->given->results[i] && !lands(work, i))
      status = fetch(work, (char *)work->given->results[i], lmoptp_address_of(work->results[i]), result_bytes(work, i));
  return status;
}
