/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The inside of a team, for those who give it steps: threads of the host (platform/threads.h), or one GPU
 * (device_team.h). See team.c.
 */
#ifndef LMOPT_SRC_SESSION_TEAM_H
#define LMOPT_SRC_SESSION_TEAM_H

#include "runtime/src/artifact/model.h"
#include "runtime/src/device/device.h"
#include "runtime/src/platform/threads.h"

void lmoptp_team_retain(lmopt_team_t *team);
/* The GPU that it computes on; NULL: it is threads. */
lmoptp_device_t *lmoptp_team_device(const lmopt_team_t *team);
/* Most rows whose results a step of this entry of a decoder may want; it may have more rows. */
int64_t lmoptp_team_most_outputs(const lmopt_team_t *team, const lmopt_model_t *model, const lmopt_entry_t *entry);
/* Whether teams of this kind compute with the model: never another device in silence. `device` as
 * lmopt_team_options_t.device; `team` may be NULL. */
lmopt_status_t lmoptp_team_check(const lmopt_model_t *model, const lmopt_team_t *team, const char *device,
                                 lmopt_error_t *error);
/* Makes sure that later steps of this model need no memory, but for results that are many. A GPU then holds the
 * weights. `cache_bytes`: what the caller is about to ask for on top. */
lmopt_status_t lmoptp_team_fit(lmopt_team_t *team, lmopt_model_t *model, uint64_t cache_bytes, lmopt_error_t *error);
/* Runs the entry. The step says tokens, segments, inputs, results and output rows in memory of the host (caches are
 * where the team computes); the rest is filled in. Threads grow `scratch_bytes` of memory for encoder segments first,
 * and prepare() places pointers to it into the step; a GPU needs neither, and leaves out results that are NULL. */
lmopt_status_t lmoptp_team_step(lmopt_team_t *team, lmopt_model_t *model, const lmopt_entry_t *entry,
                                lmopt_step_t *step, uint64_t scratch_bytes, lmoptp_prepare_fn prepare, void *user,
                                lmopt_error_t *error);

/* Whether it is a GPU on which the model finds so many of the greatest logits; threads compute rows of all of them. */
bool lmoptp_team_finds_greatest(const lmopt_team_t *team, const lmopt_model_t *model, int32_t top);
/* Such a team: one token of one sequence, and the `top` greatest logits after it; or `steps` tokens on end (step.h). */
lmopt_status_t lmoptp_team_greatest(lmopt_team_t *team, lmopt_model_t *model, const lmopt_segment_t *segment,
                                    int32_t token, int32_t top, lmopt_device_top_t *greatest, lmopt_error_t *error);
lmopt_status_t lmoptp_team_greedy(lmopt_team_t *team, lmopt_model_t *model, const lmopt_segment_t *segment,
                                  int32_t token, int64_t steps, int32_t *chosen, lmopt_error_t *error);

#endif
