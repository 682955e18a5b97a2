/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One step of a model on a GPU. In: a step as sessions make it, in memory of the host. Out: results in memory of the
 * caller.
 *
 *   tokens, inputs, output rows, row table, segment table -> pinned memory -> one copy to the GPU
 *   the entry, called on this thread with addresses of the GPU -> launches on the stream, in order
 *   results -> pinned memory, all at once or a piece at a time -> the caller
 *
 * A decode pass launches dozens of short kernels, which take longer to launch than to run. So both copies and the
 * launches of such a step are recorded when it comes first, and are one launch whenever it comes again. It is the same
 * when its key is (device_recordings.h) and no memory of the team has moved: what else there is to a step lies in the
 * pinned memory. LMOPT_CUDA_GRAPHS=0 in the environment of who makes the team: nothing is recorded.
 *
 * With LMOPT_CUDA_PERSISTENT=1 there, what such a step launches is written down instead (device_walk.c), where all of
 * it is kernels that the model's walker does, which are those of 8 rows at most: then a step is a copy, one cooperative
 * launch and a copy, whose blocks meet between kernels without the host.
 *
 * What fails first is what the caller hears; whatever it is, the stream is empty when the step ends, so that nothing
 * still reads or writes what the next one uses. Cost beside the kernels: two copies and one wait for a step of few
 * rows; a recording, once for each key, some microseconds a kernel. Source: ptx.md 4.1, 5.2. Tested by
 * test/unit/runtime/DeviceSessionTest.cpp, DeviceModelTest.cpp, DeviceRecordingTest.cpp and DeviceWalkTest.cpp.
 */
#include "runtime/src/session/device_team.h"

#include <stdlib.h>
#include <string.h>

// A step under way.
typedef struct {
  lmoptp_device_team_t *team;
  lmopt_model_t *model;
  lmoptp_device_model_t *placed;
  const lmopt_entry_t *entry;
  const lmopt_step_t *given;
  lmopt_step_t step;        // as the code is told it
  uint64_t landing;         // results that come back with the launches, a bit each; 0: they come after them, in pieces
  uint64_t staged;          // bytes, so far
  lmoptp_address_t counter; // of a walk: zero
  lmoptp_walk_list_t *list; // launches are written down here; NULL: they are launched
  bool is_walkable;         // all that were written down are kernels that the walker does
  lmopt_device_t device;
  const int32_t *inputs[LMOPT_MAX_LISTED]; // addresses of the GPU
  float *results[LMOPT_MAX_LISTED];
  lmopt_status_t launched; // the first failure of a launch
  lmopt_error_t *error;
} work_t;

// Code takes addresses of the GPU where threads have pointers.
static void *pointer_to(lmoptp_address_t address) { return (void *)(uintptr_t)address; }
static lmoptp_address_t address_of(const void *pointer) { return (lmoptp_address_t)(uintptr_t)pointer; }

static bool has_few_rows(const work_t *work) {
  return work->entry == work->model->few || work->entry == work->model->top;
}

/*===--- Input ---===*/

// The next part of what the step brings: *host is where to write it, the result is where the GPU will find it.
static lmoptp_address_t stage(work_t *work, uint64_t bytes, void **host) {
  lmoptp_address_t address = work->team->staging.address + work->staged;
  *host = (char *)work->team->staged + work->staged;
  work->staged = lmoptp_round_up(work->staged + bytes, LMOPTP_DEVICE_ALIGNMENT);
  return address;
}

static const int32_t *stage_numbers(work_t *work, const int32_t *numbers, int64_t count) {
  void *host;
  lmoptp_address_t address = stage(work, (uint64_t)count * sizeof *numbers, &host);
  if (count)
    memcpy(host, numbers, (size_t)count * sizeof *numbers);
  return pointer_to(address);
}

static void fill_rows(lmopt_device_row_t *rows, const lmopt_segment_t *segment, int64_t number) {
  for (int64_t i = 0; i < segment->rows; ++i)
    rows[segment->row + i] = (lmopt_device_row_t){.cache = address_of(segment->cache),
                                                  .position = (int32_t)(segment->position + i),
                                                  .segment = (int32_t)number,
                                                  .first = (int32_t)segment->row,
                                                  .rows = (int32_t)segment->rows,
                                                  .rope = (int32_t)segment->rope};
}

// The longest sequence, as lmopt_device_t has it.
static int64_t positions_of(const work_t *work) {
  const lmopt_step_t *given = work->given;
  int64_t most = 0;
  for (int64_t i = 0; i < given->segment_count; ++i)
    if (given->segments[i].position + given->segments[i].rows > most)
      most = given->segments[i].position + given->segments[i].rows;
  return has_few_rows(work) ? (int64_t)lmoptp_round_up((uint64_t)most, LMOPT_DEVICE_POSITIONS_UNIT) : most;
}

// What kernels know of rows and segments.
static void stage_tables(work_t *work) {
  const lmopt_step_t *given = work->given;
  void *rows, *segments;
  work->device.rows = stage(work, (uint64_t)given->rows * sizeof(lmopt_device_row_t), &rows);
  work->device.segments = stage(work, (uint64_t)given->segment_count * sizeof(lmopt_device_segment_t), &segments);
  for (int64_t i = 0; i < given->segment_count; ++i) {
    const lmopt_segment_t *segment = &given->segments[i];
    fill_rows(rows, segment, i);
    ((lmopt_device_segment_t *)segments)[i] =
        (lmopt_device_segment_t){.first = (int32_t)segment->row, .rows = (int32_t)segment->rows};
  }
  work->device.positions = positions_of(work);
}

static void stage_input(work_t *work) {
  const lmopt_step_t *given = work->given;
  lmopt_step_t *step = &work->step;
  step->tokens = stage_numbers(work, given->tokens, given->rows);
  step->output_rows = stage_numbers(work, given->output_rows, given->output_count);
  for (uint32_t i = 0; i < work->entry->input_count; ++i)
    work->inputs[i] = stage_numbers(work, given->inputs[i], given->rows);
  step->inputs = work->inputs;
  stage_tables(work);
  void *counter;
  work->counter = stage(work, sizeof(uint32_t), &counter);
  memset(counter, 0, sizeof(uint32_t));
}

/*===--- Results ---===*/

static uint64_t result_bytes(const work_t *work, uint32_t index) {
  const lmopt_result_t *result = &work->entry->results[index];
  int64_t rows = result->domain == LMOPT_DOMAIN_TOKENS    ? work->given->rows
                 : result->domain == LMOPT_DOMAIN_OUTPUTS ? work->given->output_count
                                                          : work->given->segment_count;
  return (uint64_t)rows * result->width * sizeof(float);
}

// Results that somebody wants.
static uint64_t wanted(const work_t *work) {
  uint64_t bits = 0;
  for (uint32_t i = 0; i < work->entry->result_count; ++i)
    if (work->given->results[i] && result_bytes(work, i))
      bits |= UINT64_C(1) << i;
  return bits;
}

// Where all results lie, also those that nobody wants: the code writes all of them.
static lmopt_status_t place_results(work_t *work) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < work->entry->result_count; ++i)
    total += lmoptp_round_up(result_bytes(work, i), LMOPTP_DEVICE_ALIGNMENT);
  if (total > work->team->results.bytes)
    return lmoptp_fail(work->error, LMOPT_ERROR_INTERNAL,
                       "a step of entry \"%s\" wants %llu bytes of results; there is room for %llu", work->entry->name,
                       (unsigned long long)total, (unsigned long long)work->team->results.bytes);
  lmoptp_address_t next = work->team->results.address;
  for (uint32_t i = 0; i < work->entry->result_count; ++i) {
    uint64_t bytes = result_bytes(work, i);
    work->results[i] = bytes ? pointer_to(next) : NULL;
    next += lmoptp_round_up(bytes, LMOPTP_DEVICE_ALIGNMENT);
  }
  work->step.results = work->results;
  work->landing = total <= LMOPTP_LANDING_BYTES ? wanted(work) : 0;
  return LMOPT_OK;
}

// Where this result lands: results lie on the host as they lie on the GPU.
static char *landing_of(const work_t *work, uint32_t index) {
  return (char *)work->team->landing + (address_of(work->results[index]) - work->team->results.address);
}

static bool lands(const work_t *work, uint32_t index) { return work->landing >> index & 1; }

static lmopt_status_t land_results(const work_t *work) {
  lmopt_status_t status = LMOPT_OK;
  for (uint32_t i = 0; i < work->entry->result_count && !status; ++i)
    if (lands(work, i))
      status = lmoptp_stream_copy_out(work->team->stream, landing_of(work, i), address_of(work->results[i]),
                                      result_bytes(work, i), work->error);
  return status;
}

static void take_results(const work_t *work) {
  for (uint32_t i = 0; i < work->entry->result_count; ++i)
    if (lands(work, i))
      memcpy(work->given->results[i], landing_of(work, i), result_bytes(work, i));
}

static lmopt_status_t fetch(const work_t *work, char *into, lmoptp_address_t from, uint64_t bytes) {
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

// Those that do not land.
static lmopt_status_t fetch_results(const work_t *work) {
  lmopt_status_t status = LMOPT_OK;
  for (uint32_t i = 0; i < work->entry->result_count && !status; ++i)
    if (work->given->results[i] && !lands(work, i))
      status = fetch(work, (char *)work->given->results[i], address_of(work->results[i]), result_bytes(work, i));
  return status;
}

/*===--- Kernels ---===*/

// For who listens: what was put on the stream until here.
static lmopt_status_t mark(work_t *work, int64_t what) {
  return lmoptp_marks_add(&work->team->marks, work->team->stream, what, work->error);
}

static void write_down(work_t *work, uint32_t kernel, const uint32_t *grid, const void *arguments) {
  const lmoptp_device_model_t *placed = work->placed;
  if (!lmoptp_kernel_at(&placed->table, kernel).walked)
    work->is_walkable = false;
  if (work->is_walkable)
    work->launched = lmoptp_walk_add(work->list, kernel, grid, arguments, placed->argument_bytes[kernel], work->error);
}

// lmopt_device_t.launch. After a failure nothing more is launched: it would read what was not computed.
static void launch(void *user, uint32_t kernel, const uint32_t *grid, const void *arguments) {
  work_t *work = user;
  const lmoptp_device_model_t *placed = work->placed;
  if (work->launched)
    return;
  if (kernel >= placed->count || !placed->kernels[kernel].name)
    work->launched =
        lmoptp_fail(work->error, LMOPT_ERROR_INTERNAL, "the code of entry \"%s\" launches kernel %u; there are %u",
                    work->entry->name, kernel, placed->count);
  else if (work->list)
    write_down(work, kernel, grid, arguments);
  else
    work->launched = lmoptp_stream_launch(work->team->stream, &placed->kernels[kernel], grid, 0, arguments,
                                          placed->argument_bytes[kernel], work->error);
  if (!work->launched)
    work->launched = mark(work, kernel);
}

static lmopt_status_t run_entry(work_t *work) {
  lmoptp_device_team_t *team = work->team;
  lmopt_step_t *step = &work->step;
  work->device.struct_size = sizeof work->device;
  work->device.launch = launch;
  work->device.user = work;
  step->struct_size = sizeof *step;
  step->segment_size = sizeof *step->segments;
  step->weights = pointer_to(work->placed->weights);
  step->arena = pointer_to(team->arena.address);
  step->device = &work->device;
  work->entry->run(step, 0, 1);
  return work->launched;
}

/*===--- The step on the stream ---===*/

static lmopt_status_t copy_in(const work_t *work) {
  const lmoptp_device_team_t *team = work->team;
  return lmoptp_stream_copy_in(team->stream, team->staging.address, team->staged, work->staged, work->error);
}

// lmoptp_record_fn: all that a step puts on the stream, which is the team's, except results in pieces.
static lmopt_status_t put(lmoptp_stream_t *stream, void *user, lmopt_error_t *error) {
  (void)stream, (void)error;
  work_t *work = user;
  lmopt_status_t status = mark(work, LMOPT_PROFILE_WAIT);
  if (!status)
    status = copy_in(work);
  if (!status)
    status = mark(work, LMOPT_PROFILE_BEGIN);
  if (!status)
    status = run_entry(work);
  if (!status)
    status = land_results(work);
  return status ? status : mark(work, LMOPT_PROFILE_END);
}

static lmoptp_step_key_t key_of(const work_t *work) {
  const lmopt_step_t *given = work->given;
  return (lmoptp_step_key_t){.entry = work->entry,
                             .rows = given->rows,
                             .outputs = given->output_count,
                             .segments = given->segment_count,
                             .positions = work->device.positions,
                             .top = given->top,
                             .landing = work->landing};
}

// What faults in it is not told from outside.
static const char recording_name[] = "one of a recording (LMOPT_CUDA_GRAPHS=0 tells which)";

// *out stays NULL where the walker does not do all of it.
static lmopt_status_t make_walk(work_t *work, lmoptp_walk_t **out) {
  lmoptp_walk_list_t list = {.record_bytes = lmoptp_kernels_record_bytes(&work->placed->table)};
  work->list = &list;
  work->is_walkable = true;
  lmopt_status_t status = run_entry(work);
  work->list = NULL;
  if (!status && work->is_walkable && list.count)
    status = lmoptp_walk_create(work->team->device, &list, out, work->error);
  free(list.records);
  return status;
}

// Neither of the two where this team records nothing and the walker does not do it.
static lmopt_status_t record(work_t *work, lmoptp_recorded_t *out) {
  lmopt_status_t status = work->team->walks ? make_walk(work, &out->walk) : LMOPT_OK;
  if (status || out->walk || !work->team->records)
    return status;
  return lmoptp_stream_record(work->team->stream, recording_name, put, work, &out->graph, work->error);
}

static lmopt_status_t put_walk(work_t *work, const lmoptp_walk_t *walk) {
  lmopt_status_t status = copy_in(work);
  if (!status)
    status = lmoptp_walk_launch(walk, work->team->stream, &work->placed->walker, work->counter, work->error);
  return status ? status : land_results(work);
}

static lmopt_status_t replay(work_t *work) {
  lmoptp_recordings_t *recordings;
  lmopt_status_t status =
      lmoptp_device_model_recordings(work->model, work->placed, &work->team->recordings, &recordings, work->error);
  if (status)
    return status;
  lmoptp_step_key_t key = key_of(work);
  lmoptp_recorded_t found = lmoptp_recording_find(recordings, &key);
  if (!found.graph && !found.walk) {
    status = record(work, &found);
    if (status)
      return status;
    if (found.graph || found.walk)
      lmoptp_recording_keep(recordings, &key, found);
  }
  if (found.walk)
    return put_walk(work, found.walk);
  return found.graph ? lmoptp_stream_launch_graph(work->team->stream, found.graph, work->error)
                     : put(work->team->stream, work, work->error);
}

// Who listens wants each kernel by itself.
static bool is_recorded(const work_t *work) {
  return (work->team->records || work->team->walks) && has_few_rows(work) && !work->team->marks.told;
}

static lmopt_status_t put_all(work_t *work) {
  lmopt_status_t status = place_results(work);
  if (status)
    return status;
  stage_input(work);
  lmoptp_stream_name_step(work->team->stream, work->entry->name);
  status = is_recorded(work) ? replay(work) : put(work->team->stream, work, work->error);
  return status ? status : fetch_results(work);
}

static lmopt_status_t run_step(work_t *work) {
  lmopt_status_t status = put_all(work);
  lmopt_status_t over = lmoptp_stream_synchronize(work->team->stream, status ? NULL : work->error);
  if (!status)
    status = over;
  if (!status)
    take_results(work);
  work->team->marks.count = status ? 0 : work->team->marks.count;
  return status ? status : lmoptp_marks_tell(&work->team->marks, work->error);
}

static void tell(const lmoptp_device_team_t *team, int64_t what) {
  if (team->profile)
    team->profile(team->profile_user, 0, what);
}

lmopt_status_t lmoptp_device_team_step(lmoptp_device_team_t *team, lmopt_model_t *model, const lmopt_entry_t *entry,
                                       const lmopt_step_t *step, lmopt_error_t *error) {
  work_t work = {.team = team,
                 .model = model,
                 .placed = lmoptp_device_model_find(model, team->device), // by the session, when it was made
                 .entry = entry,
                 .given = step,
                 .step = *step,
                 .error = error};
  pthread_mutex_lock(&team->lock);
  tell(team, LMOPT_PROFILE_BEGIN);
  lmopt_status_t status = lmoptp_device_team_grow(team, model, error); // another model may have come first
  if (!status)
    status = run_step(&work);
  tell(team, LMOPT_PROFILE_END);
  pthread_mutex_unlock(&team->lock);
  return status;
}
