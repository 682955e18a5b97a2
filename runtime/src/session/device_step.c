/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One step of a model on a GPU. In: a step as sessions make it, in memory of the host. Out: results in memory of the
 * caller.
 *
 *   tokens, inputs, output rows, row table, segment table -> pinned memory -> one copy to the GPU
 *   the entry, called on this thread with addresses of the GPU -> launches on the stream, in order
 *   results -> pinned memory, all at once or a piece at a time -> the caller
 *
 * What it brings and what comes back is device_work.c's. Steps on end are one copy to the GPU, the launches of each
 * step, and one copy back: a step leaves token, position and row table as the next one needs them
 * (lmopt_device_t.chosen).
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
 * test/unit/runtime/DeviceSessionTest.cpp, DeviceModelTest.cpp, DeviceRecordingTest.cpp,
 * DeviceWalkTest.cpp and DeviceGenerateTest.cpp.
 */
#include "runtime/src/session/device_work.h"

#include <stdlib.h>
#include <string.h>

// One of several steps on end.
static bool is_link(const lmoptp_work_t *work) { return work->device.chosen != 0; }

/*===--- Kernels ---===*/

// For who listens: what was put on the stream until here.
static lmopt_status_t mark(lmoptp_work_t *work, int64_t what) {
  return lmoptp_marks_add(&work->team->marks, work->team->stream, what, work->error);
}

static void write_down(lmoptp_work_t *work, uint32_t kernel, const uint32_t *grid, const void *arguments) {
  const lmoptp_device_model_t *placed = work->placed;
  if (!lmoptp_kernel_at(&placed->table, kernel).walked)
    work->is_walkable = false;
  if (work->is_walkable)
    work->launched = lmoptp_walk_add(work->list, kernel, grid, arguments, placed->argument_bytes[kernel], work->error);
}

// lmopt_device_t.launch. After a failure nothing more is launched: it would read what was not computed.
static void launch(void *user, uint32_t kernel, const uint32_t *grid, const void *arguments) {
  lmoptp_work_t *work = user;
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

static lmopt_status_t run_entry(lmoptp_work_t *work) {
  lmoptp_device_team_t *team = work->team;
  lmopt_step_t *step = &work->step;
  work->device.struct_size = sizeof work->device;
  work->device.launch = launch;
  work->device.user = work;
  step->struct_size = sizeof *step;
  step->segment_size = sizeof *step->segments;
  step->weights = lmoptp_pointer_to(work->placed->weights);
  step->arena = lmoptp_pointer_to(team->arena.address);
  step->device = &work->device;
  work->entry->run(step, 0, 1);
  return work->launched;
}

/*===--- The step on the stream ---===*/

static lmopt_status_t copy_in(const lmoptp_work_t *work) {
  const lmoptp_device_team_t *team = work->team;
  return lmoptp_stream_copy_in(team->stream, team->staging.address, team->staged, work->staged, work->error);
}

// What comes before the launches of a step, or of several on end.
static lmopt_status_t put_input(lmoptp_work_t *work) {
  lmopt_status_t status = mark(work, LMOPT_PROFILE_WAIT);
  if (!status)
    status = copy_in(work);
  return status ? status : mark(work, LMOPT_PROFILE_BEGIN);
}

// lmoptp_record_fn: all that a step puts on the stream, which is the team's, except results in pieces.
static lmopt_status_t put(lmoptp_stream_t *stream, void *user, lmopt_error_t *error) {
  (void)stream, (void)error;
  lmoptp_work_t *work = user;
  lmopt_status_t status = put_input(work);
  if (!status)
    status = run_entry(work);
  if (!status)
    status = lmoptp_work_land_results(work);
  return status ? status : mark(work, LMOPT_PROFILE_END);
}

// lmoptp_record_fn: what steps on end put on the stream one by one.
static lmopt_status_t put_link(lmoptp_stream_t *stream, void *user, lmopt_error_t *error) {
  (void)stream, (void)error;
  return run_entry(user);
}

static lmoptp_record_fn recorded_by(const lmoptp_work_t *work) { return is_link(work) ? put_link : put; }

static lmoptp_step_key_t key_of(const lmoptp_work_t *work) {
  const lmopt_step_t *given = work->given;
  return (lmoptp_step_key_t){.entry = work->entry,
                             .rows = given->rows,
                             .outputs = given->output_count,
                             .segments = given->segment_count,
                             .positions = work->device.positions,
                             .top = given->top,
                             .landing = work->landing,
                             .is_link = is_link(work)};
}

// What faults in it is not told from outside.
static const char recording_name[] = "one of a recording (LMOPT_CUDA_GRAPHS=0 tells which)";

// *out stays NULL where the walker does not do all of it.
static lmopt_status_t make_walk(lmoptp_work_t *work, lmoptp_walk_t **out) {
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
static lmopt_status_t record(lmoptp_work_t *work, lmoptp_recorded_t *out) {
  lmopt_status_t status = work->team->walks ? make_walk(work, &out->walk) : LMOPT_OK;
  if (status || out->walk || !work->team->records)
    return status;
  return lmoptp_stream_record(work->team->stream, recording_name, recorded_by(work), work, &out->graph, work->error);
}

static lmopt_status_t put_walk(lmoptp_work_t *work, const lmoptp_walk_t *walk) {
  lmoptp_stream_t *stream = work->team->stream;
  lmopt_status_t status =
      is_link(work) ? lmoptp_stream_fill(stream, work->counter, 0, sizeof(uint32_t), work->error) : copy_in(work);
  if (!status)
    status = lmoptp_walk_launch(walk, stream, &work->placed->walker, work->counter, work->error);
  return status || is_link(work) ? status : lmoptp_work_land_results(work);
}

static lmopt_status_t replay(lmoptp_work_t *work) {
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
                     : recorded_by(work)(work->team->stream, work, work->error);
}

// Who listens wants each kernel by itself.
static bool is_recorded(const lmoptp_work_t *work) {
  return (work->team->records || work->team->walks) && lmoptp_work_has_few_rows(work) && !work->team->marks.told;
}

static lmopt_status_t put_all(lmoptp_work_t *work) {
  lmopt_status_t status = lmoptp_work_place_results(work);
  if (status)
    return status;
  lmoptp_work_stage_input(work);
  lmoptp_stream_name_step(work->team->stream, work->entry->name);
  status = is_recorded(work) ? replay(work) : put(work->team->stream, work, work->error);
  return status ? status : lmoptp_work_fetch_results(work);
}

// The stream is empty afterwards, whatever became of the step.
static lmopt_status_t finish(const lmoptp_work_t *work, lmopt_status_t status) {
  lmopt_status_t over = lmoptp_stream_synchronize(work->team->stream, status ? NULL : work->error);
  return status ? status : over;
}

// Who listens is told of steps that went well.
static lmopt_status_t tell_marks(const lmoptp_work_t *work, lmopt_status_t status) {
  work->team->marks.count = status ? 0 : work->team->marks.count;
  return status ? status : lmoptp_marks_tell(&work->team->marks, work->error);
}

static lmopt_status_t run_step(lmoptp_work_t *work) {
  lmopt_status_t status = finish(work, put_all(work));
  if (!status)
    lmoptp_work_take_results(work);
  return tell_marks(work, status);
}

/*===--- Steps on end ---===*/

// `segment` is that of the step under way.
static lmopt_status_t put_steps(lmoptp_work_t *work, lmopt_segment_t *segment, int64_t steps) {
  lmopt_status_t status = LMOPT_OK;
  for (int64_t i = 0; i < steps && !status; ++i, ++segment->position) {
    work->device.positions = lmoptp_work_positions(work);
    status = is_recorded(work) ? replay(work) : run_entry(work);
  }
  return status;
}

static lmopt_status_t put_around(lmoptp_work_t *work, lmopt_segment_t *segment, int64_t steps) {
  lmopt_status_t status = put_input(work);
  if (!status)
    status = put_steps(work, segment, steps);
  if (!status)
    status = lmoptp_stream_copy_out(work->team->stream, work->team->landing, work->device.chosen, LMOPTP_CHOSEN_BYTES,
                                    work->error);
  return status ? status : mark(work, LMOPT_PROFILE_END);
}

static lmopt_status_t run_steps(lmoptp_work_t *work, lmopt_segment_t *segment, int64_t steps, int32_t *chosen) {
  lmopt_status_t status = lmoptp_work_place_results(work);
  if (status)
    return status;
  lmoptp_work_stage_input(work);
  void *list;
  work->device.chosen = lmoptp_work_stage(work, LMOPTP_CHOSEN_BYTES, &list);
  memset(list, 0, LMOPTP_CHOSEN_BYTES);
  lmoptp_stream_name_step(work->team->stream, work->entry->name);
  status = finish(work, put_around(work, segment, steps));
  if (!status)
    memcpy(chosen, (const int32_t *)work->team->landing + 1, (size_t)steps * sizeof *chosen);
  return tell_marks(work, status);
}

/*===--- The whole ---===*/

static void tell(const lmoptp_device_team_t *team, int64_t what) {
  if (team->profile)
    team->profile(team->profile_user, 0, what);
}

static lmopt_status_t begin(lmoptp_work_t *work) {
  pthread_mutex_lock(&work->team->lock);
  tell(work->team, LMOPT_PROFILE_BEGIN);
  return lmoptp_device_team_grow(work->team, work->model, work->error); // another model may have come first
}

static lmopt_status_t end(lmoptp_work_t *work, lmopt_status_t status) {
  tell(work->team, LMOPT_PROFILE_END);
  pthread_mutex_unlock(&work->team->lock);
  return status;
}

static lmopt_status_t run(lmoptp_work_t *work) {
  lmopt_status_t status = begin(work);
  return end(work, status ? status : run_step(work));
}

static lmoptp_work_t work_of(lmoptp_device_team_t *team, lmopt_model_t *model, const lmopt_entry_t *entry,
                             const lmopt_step_t *step, lmopt_error_t *error) {
  return (lmoptp_work_t){.team = team,
                         .model = model,
                         .placed = lmoptp_device_model_find(model, team->device), // by the session, when it was made
                         .entry = entry,
                         .given = step,
                         .step = *step,
                         .error = error};
}

lmopt_status_t lmoptp_device_team_step(lmoptp_device_team_t *team, lmopt_model_t *model, const lmopt_entry_t *entry,
                                       const lmopt_step_t *step, lmopt_error_t *error) {
  if (entry == model->top && lmoptp_greatest_bytes(step->output_count, step->top) > LMOPTP_LANDING_BYTES)
    entry = model->few;
  lmoptp_work_t work = work_of(team, model, entry, step, error);
  return run(&work);
}

// One token of one sequence. Its parts live as long as those that it is made of.
static lmopt_step_t single_step(const lmopt_segment_t *segment, const int32_t *token, int64_t top) {
  static const int32_t first_row = 0;
  static float *const nowhere = NULL;
  return (lmopt_step_t){.tokens = token,
                        .rows = 1,
                        .segments = segment,
                        .segment_count = 1,
                        .results = &nowhere,
                        .output_rows = &first_row,
                        .output_count = 1,
                        .top = top};
}

lmopt_status_t lmoptp_device_team_greatest(lmoptp_device_team_t *team, lmopt_model_t *model,
                                           const lmopt_segment_t *segment, int32_t token, int32_t top,
                                           lmopt_device_top_t *greatest, lmopt_error_t *error) {
  lmopt_step_t step = single_step(segment, &token, top);
  lmoptp_work_t work = work_of(team, model, model->top, &step, error);
  work.greatest = greatest;
  return run(&work);
}

lmopt_status_t lmoptp_device_team_greedy(lmoptp_device_team_t *team, lmopt_model_t *model,
                                         const lmopt_segment_t *segment, int32_t token, int64_t steps, int32_t *chosen,
                                         lmopt_error_t *error) {
  lmopt_segment_t own = *segment;
  lmopt_step_t step = single_step(&own, &token, 1);
  lmoptp_work_t work = work_of(team, model, model->top, &step, error);
  lmopt_status_t status = begin(&work);
  return end(&work, status ? status : run_steps(&work, &own, steps, chosen));
}
