/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Teams of a GPU: making them, and the memory of their steps, which is asked for when a session is made. In: the name
 * of a device, models. Out: a team whose steps only launch and copy. A step of a prompt has hundreds of rows, but
 * logits of no more than a decode pass has (lmoptp_device_most_outputs): of all of them they would take 100 MB for a
 * vocabulary of 50000, which hardly any session wants; who does gets them step by step. Memory that moves ends all that
 * was recorded with it. Relies on device_model.c. Source: ptx.md 5.2. Tested by
 * test/unit/runtime/DeviceSessionTest.cpp and DeviceModelTest.cpp.
 */
#include "runtime/src/session/device_team.h"

#include <stdlib.h>
#include <string.h>

/*===--- Making and unmaking ---===*/

static lmopt_status_t make_parts(lmoptp_device_team_t *team, const char *name, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_device_open(name, &team->device, error);
  if (!status)
    status = lmoptp_stream_create(team->device, &team->stream, error);
  if (!status)
    status =
        lmoptp_device_allocate_host(team->device, LMOPTP_LANDING_BYTES, "the results of a step", &team->landing, error);
  return status;
}

// Single launches cost more than recorded ones, but the message of a fault names the kernel.
static bool wants_recordings(void) {
  const char *word = secure_getenv("LMOPT_CUDA_GRAPHS");
  return !word || strcmp(word, "0") != 0;
}

// One launch a step instead of a recorded one for each kernel: asked for until both have been measured.
static bool wants_walks(void) {
  const char *word = secure_getenv("LMOPT_CUDA_PERSISTENT");
  return word && *word && strcmp(word, "0") != 0;
}

lmopt_status_t lmoptp_device_team_create(const char *name, lmoptp_device_team_t **out, lmopt_error_t *error) {
  lmoptp_device_team_t *team = calloc(1, sizeof *team);
  if (!team)
    return lmoptp_fail_memory(error, sizeof *team, "a team");
  pthread_mutex_init(&team->lock, NULL);
  team->records = wants_recordings();
  team->walks = wants_walks();
  lmopt_status_t status = make_parts(team, name, error);
  if (status)
    lmoptp_device_team_destroy(team);
  else
    *out = team;
  return status;
}

void lmoptp_device_team_destroy(lmoptp_device_team_t *team) {
  if (!team)
    return;
  lmoptp_stream_destroy(team->stream); // waits
  lmoptp_recordings_leave(team->recordings, LMOPTP_OF_TEAM);
  lmoptp_marks_clear(&team->marks);
  if (team->device) {
    lmoptp_device_free(team->device, team->arena.address);
    lmoptp_device_free(team->device, team->results.address);
    lmoptp_device_free(team->device, team->staging.address);
    lmoptp_device_free_host(team->device, team->staged);
    lmoptp_device_free_host(team->device, team->landing);
  }
  lmoptp_device_release(team->device);
  pthread_mutex_destroy(&team->lock);
  free(team);
}

lmoptp_device_t *lmoptp_device_team_device(const lmoptp_device_team_t *team) { return team->device; }

void lmoptp_device_team_set_profile(lmoptp_device_team_t *team, lmopt_profile_fn profile, void *user) {
  pthread_mutex_lock(&team->lock);
  team->profile = profile;
  team->profile_user = user;
  pthread_mutex_unlock(&team->lock);
}

void lmoptp_device_team_set_launch_profile(lmoptp_device_team_t *team, lmopt_launch_profile_fn told, void *user) {
  pthread_mutex_lock(&team->lock);
  if (!told)
    lmoptp_marks_clear(&team->marks);
  team->marks.told = told;
  team->marks.user = user;
  pthread_mutex_unlock(&team->lock);
}

/*===--- What a model needs ---===*/

static uint64_t padded(uint64_t bytes) { return lmoptp_round_up(bytes, LMOPTP_DEVICE_ALIGNMENT); }

// One thread calls the entries. UINT64_MAX: more than there is.
static uint64_t arena_bytes(const lmopt_code_table_t *table) {
  uint64_t bytes;
  return __builtin_add_overflow(table->arena_bytes, table->arena_bytes_per_thread, &bytes) ? UINT64_MAX : bytes;
}

// All that a step of this entry may bring, each with its padding: a segment has a row at least, every row may be
// wanted, and a walker counts. Of 31-bit numbers: no overflow.
static uint64_t staging_bytes(const lmopt_entry_t *entry) {
  uint64_t rows = entry->max_rows;
  return padded(rows * sizeof(int32_t)) * (2 + entry->input_count) + padded(rows * sizeof(lmopt_device_row_t)) +
         padded(rows * sizeof(lmopt_device_segment_t)) + padded(sizeof(uint32_t)) +
         (entry->top ? padded(LMOPTP_CHOSEN_BYTES) : 0);
}

int64_t lmoptp_device_most_outputs(const lmopt_model_t *model, const lmopt_entry_t *entry) {
  bool is_bounded = model->few && model->few->max_rows < entry->max_rows;
  return is_bounded ? model->few->max_rows : entry->max_rows;
}

// Of a step that finds the greatest logits alone.
static uint64_t most_greatest_bytes(const lmopt_entry_t *entry) {
  uint64_t bytes = lmoptp_greatest_bytes(entry->max_rows, entry->top);
  return bytes < LMOPTP_LANDING_BYTES ? padded(bytes) : LMOPTP_LANDING_BYTES;
}

// The results of a step of this entry: of encoders a row for each sequence or token of a full pack.
static uint64_t result_bytes(const lmopt_model_t *model, const lmopt_entry_t *entry) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < entry->result_count; ++i) {
    bool is_output = entry->results[i].domain == LMOPT_DOMAIN_OUTPUTS;
    uint64_t rows = is_output ? (uint64_t)lmoptp_device_most_outputs(model, entry) : entry->max_rows;
    bytes += padded(rows * entry->results[i].width * sizeof(float));
  }
  return entry == model->top ? bytes + most_greatest_bytes(entry) : bytes;
}

typedef struct {
  uint64_t staging, results;
} step_bytes_t;

// Enough for a step of any entry.
static step_bytes_t step_bytes(const lmopt_model_t *model) {
  const lmopt_entry_t *entries[] = {model->many, model->few, model->top, model->score};
  step_bytes_t most = {0};
  for (size_t i = 0; i < sizeof entries / sizeof *entries; ++i) {
    if (!entries[i])
      continue;
    uint64_t staging = staging_bytes(entries[i]), results = result_bytes(model, entries[i]);
    most.staging = staging > most.staging ? staging : most.staging;
    most.results = results > most.results ? results : most.results;
  }
  return most;
}

// What is missing of it. Rooms are given back before larger ones are taken.
static uint64_t missing_bytes(const lmoptp_device_team_t *team, const lmopt_model_t *model) {
  const step_bytes_t most = step_bytes(model);
  const struct {
    uint64_t held, wanted;
  } rooms[] = {{team->arena.bytes, arena_bytes(model->table)},
               {team->staging.bytes, most.staging},
               {team->results.bytes, most.results}};
  uint64_t missing = 0;
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; ++i)
    if (rooms[i].wanted > rooms[i].held && __builtin_add_overflow(missing, rooms[i].wanted - rooms[i].held, &missing))
      return UINT64_MAX;
  return missing;
}

/*===--- Room ---===*/

static lmopt_status_t grow_room(lmoptp_device_team_t *team, lmoptp_device_room_t *room, uint64_t bytes,
                                const char *what, lmopt_error_t *error) {
  if (room->bytes >= bytes)
    return LMOPT_OK;
  lmoptp_recordings_clear(team->recordings); // they know where it lay
  lmoptp_device_free(team->device, room->address);
  *room = (lmoptp_device_room_t){0};
  lmopt_status_t status = lmoptp_device_allocate(team->device, bytes, what, &room->address, error);
  if (!status)
    room->bytes = bytes;
  return status;
}

// Both sides of what a step brings.
static lmopt_status_t grow_staging(lmoptp_device_team_t *team, uint64_t bytes, lmopt_error_t *error) {
  if (team->staging.bytes >= bytes)
    return LMOPT_OK;
  lmoptp_device_free_host(team->device, team->staged);
  team->staged = NULL;
  lmopt_status_t status = grow_room(team, &team->staging, bytes, "the input of a step", error);
  if (!status)
    status = lmoptp_device_allocate_host(team->device, bytes, "the input of a step", &team->staged, error);
  if (status) { // neither without the other
    lmoptp_device_free(team->device, team->staging.address);
    team->staging = (lmoptp_device_room_t){0};
  }
  return status;
}

lmopt_status_t lmoptp_device_team_grow(lmoptp_device_team_t *team, const lmopt_model_t *model, lmopt_error_t *error) {
  const step_bytes_t most = step_bytes(model);
  lmopt_status_t status = grow_room(team, &team->arena, arena_bytes(model->table), "the arena", error);
  if (!status)
    status = grow_staging(team, most.staging, error);
  return status ? status : grow_room(team, &team->results, most.results, "the results of a step", error);
}

lmopt_status_t lmoptp_device_team_fit(lmoptp_device_team_t *team, lmopt_model_t *model, uint64_t cache_bytes,
                                      lmopt_error_t *error) {
  pthread_mutex_lock(&team->lock);
  lmopt_status_t status =
      lmoptp_device_model_place(model, team->device, missing_bytes(team, model), cache_bytes, error);
  if (!status && team->walks && model->few)
    status = lmoptp_device_model_find_walker(model, team->device, error);
  if (!status)
    status = lmoptp_device_team_grow(team, model, error);
  pthread_mutex_unlock(&team->lock);
  return status;
}
