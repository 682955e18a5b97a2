/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Teams: who computes the steps of sessions, either threads of the host or one GPU. In: options. Out: a team that many
 * sessions may hold; each of its calls goes to one of the two kinds. Which kind a model needs is written in its note,
 * and is compared here: a model never computes anywhere but where the caller said. Relies on platform/threads.c and
 * device_team.c. Tested by test/unit/runtime/SessionTest.cpp and DeviceSessionTest.cpp.
 */
#include "runtime/src/session/team.h"

#include "runtime/src/session/device_team.h"

#include <stdlib.h>
#include <string.h>

struct lmopt_team {
  atomic_int references;
  lmoptp_threads_t *threads; // or
  lmoptp_device_team_t *device;
};

static bool is_cpu(const char *device) { return !device || strcmp(device, "cpu") == 0; }

/*===--- Making and unmaking ---===*/

static lmopt_status_t make_device_team(const lmopt_team_options_t *options, lmoptp_device_team_t **out,
                                       lmopt_error_t *error) {
  if (options->threads < 0 || options->threads > 1 || options->cpus || options->spin_us)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                       "team: threads, cpus and spin_us are of teams of threads; leave them out with device '%.40s'",
                       options->device);
  return lmoptp_device_team_create(options->device, out, error);
}

lmopt_status_t lmopt_team_create(const lmopt_team_options_t *options, lmopt_team_t **out, lmopt_error_t *error) {
  lmopt_team_options_t own;
  lmopt_status_t status = lmoptp_read_options(&own, sizeof own, options, "lmopt_team_options_t", error);
  if (status)
    return status;
  lmopt_team_t *team = calloc(1, sizeof *team);
  if (!team)
    return lmoptp_fail_memory(error, sizeof *team, "a team");
  atomic_init(&team->references, 1);
  if (is_cpu(own.device))
    status = lmoptp_threads_create(&own, &team->threads, error);
  else
    status = make_device_team(&own, &team->device, error);
  if (status)
    lmopt_team_destroy(team);
  else
    *out = team;
  return status;
}

void lmoptp_team_retain(lmopt_team_t *team) { atomic_fetch_add_explicit(&team->references, 1, memory_order_relaxed); }

void lmopt_team_destroy(lmopt_team_t *team) {
  if (!team || atomic_fetch_sub_explicit(&team->references, 1, memory_order_acq_rel) != 1)
    return;
  lmoptp_threads_destroy(team->threads);
  lmoptp_device_team_destroy(team->device);
  free(team);
}

int32_t lmopt_team_threads(const lmopt_team_t *team) { return team->threads ? lmoptp_threads_count(team->threads) : 1; }

void lmopt_team_set_profile(lmopt_team_t *team, lmopt_profile_fn profile, void *user) {
  if (team->threads)
    lmoptp_threads_set_profile(team->threads, profile, user);
  else
    lmoptp_device_team_set_profile(team->device, profile, user);
}

lmopt_status_t lmopt_team_set_launch_profile(lmopt_team_t *team, lmopt_launch_profile_fn told, void *user,
                                             lmopt_error_t *error) {
  if (team->threads)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                       "a team of threads launches nothing; lmopt_team_set_profile is for it");
  lmoptp_device_team_set_launch_profile(team->device, told, user);
  return LMOPT_OK;
}

lmoptp_device_t *lmoptp_team_device(const lmopt_team_t *team) {
  return team->device ? lmoptp_device_team_device(team->device) : NULL;
}

/*===--- Steps ---===*/

int64_t lmoptp_team_most_outputs(const lmopt_team_t *team, const lmopt_model_t *model, const lmopt_entry_t *entry) {
  return team->device ? lmoptp_device_most_outputs(model, entry) : entry->max_rows;
}

lmopt_status_t lmoptp_team_check(const lmopt_model_t *model, const lmopt_team_t *team, const char *device,
                                 lmopt_error_t *error) {
  bool for_gpu = lmoptp_model_is_for_gpu(model), on_gpu = team ? team->device != NULL : !is_cpu(device);
  const char *path = model->artifact->path;
  lmopt_status_t status = on_gpu && !team ? lmoptp_device_check_name(device, error) : LMOPT_OK;
  if (status)
    return status;
  if (for_gpu && !on_gpu)
    return lmoptp_fail(
        error, LMOPT_ERROR_USAGE,
        "%s was compiled for GPUs: this artifact needs --device cuda; for a CPU, compile the model with --target "
        "cpu",
        path);
  if (!for_gpu && on_gpu)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                       "%s was compiled for CPUs: this artifact needs --device cpu; for a GPU, compile the model with "
                       "--target nvptx",
                       path);
  if (for_gpu && model->table->state_bytes_per_sequence)
    return lmoptp_fail(error, LMOPT_ERROR_UNSUPPORTED,
                       "%s keeps a state of %llu bytes for each sequence; sessions on GPUs have none yet: compile it "
                       "for CPUs",
                       path, (unsigned long long)model->table->state_bytes_per_sequence);
  return LMOPT_OK;
}

lmopt_status_t lmoptp_team_fit(lmopt_team_t *team, lmopt_model_t *model, uint64_t cache_bytes, lmopt_error_t *error) {
  return team->threads ? lmoptp_threads_fit(team->threads, model->table, error)
                       : lmoptp_device_team_fit(team->device, model, cache_bytes, error);
}

lmopt_status_t lmoptp_team_step(lmopt_team_t *team, lmopt_model_t *model, const lmopt_entry_t *entry,
                                lmopt_step_t *step, uint64_t scratch_bytes, lmoptp_prepare_fn prepare, void *user,
                                lmopt_error_t *error) {
  if (team->device)
    return lmoptp_device_team_step(team->device, model, entry, step, error);
  step->weights = model->weights;
  return lmoptp_threads_step(team->threads, model->table, entry, step, scratch_bytes, prepare, user, error);
}

/*===--- Greatest logits on a GPU ---===*/

bool lmoptp_team_finds_greatest(const lmopt_team_t *team, const lmopt_model_t *model, int32_t top) {
  return team->device && model->top && top <= (int64_t)model->top->top &&
         lmoptp_greatest_bytes(1, top) <= LMOPTP_LANDING_BYTES;
}

lmopt_status_t lmoptp_team_greatest(lmopt_team_t *team, lmopt_model_t *model, const lmopt_segment_t *segment,
                                    int32_t token, int32_t top, lmopt_device_top_t *greatest, lmopt_error_t *error) {
  return lmoptp_device_team_greatest(team->device, model, segment, token, top, greatest, error);
}

lmopt_status_t lmoptp_team_greedy(lmopt_team_t *team, lmopt_model_t *model, const lmopt_segment_t *segment,
                                  int32_t token, int64_t steps, int32_t *chosen, lmopt_error_t *error) {
  return lmoptp_device_team_greedy(team->device, model, segment, token, steps, chosen, error);
}
