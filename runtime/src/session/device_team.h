/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A team that is a GPU: a stream and the memory of its steps. Who works on it: device_team.c (making, memory) and
 * device_step.c (one step, with device_recordings.c). Only team.c calls it.
 */
#ifndef LMOPT_SRC_SESSION_DEVICE_TEAM_H
#define LMOPT_SRC_SESSION_DEVICE_TEAM_H

#include "runtime/src/session/device_marks.h"
#include "runtime/src/session/device_model.h"
#include "runtime/src/session/step.h"

/* Memory of the GPU that keeps nothing between steps. */
typedef struct {
  lmoptp_address_t address;
  uint64_t bytes;
} lmoptp_device_room_t;

typedef struct {
  lmoptp_device_t *device;
  lmoptp_stream_t *stream;
  pthread_mutex_t lock; // held during a step
  lmoptp_device_room_t arena, results;
  lmoptp_device_room_t staging;    // what a step brings: tokens, inputs, output rows, tables
  void *staged;                    // the same, pinned: [staging.bytes]
  void *landing;                   // results on their way to the caller, pinned: [LMOPTP_LANDING_BYTES]
  bool records;                    // steps of few rows
  bool walks;                      // them, where the model's walker can
  lmoptp_recordings_t *recordings; // of all models that it decoded with
  lmopt_profile_fn profile;        // told when a step begins and ends, or NULL
  void *profile_user;
  lmoptp_device_marks_t marks; // of what a step puts on the stream
} lmoptp_device_team_t;

/* What lies beside something else begins at a multiple of this: that of all loads a GPU has. */
enum { LMOPTP_DEVICE_ALIGNMENT = 256 };
/* Tokens of steps on end: how many there are, then these. */
enum { LMOPTP_CHOSEN_BYTES = (1 + LMOPTP_MOST_ON_END) * 4 };
/* Logits of 20 sequences of a vocabulary of 50000. More go in as many pieces. */
enum { LMOPTP_LANDING_BYTES = 4 << 20 };
/* The greatest logits of so many rows, which land at once or are not found alone. UINT64_MAX: more than there is. */
static inline uint64_t lmoptp_greatest_bytes(int64_t rows, int64_t top) {
  uint64_t pairs = (uint64_t)rows * (uint64_t)top; // of 31-bit numbers
  return pairs > LMOPTP_LANDING_BYTES / sizeof(lmopt_device_top_t) ? UINT64_MAX : pairs * sizeof(lmopt_device_top_t);
}

lmopt_status_t lmoptp_device_team_create(const char *name, lmoptp_device_team_t **out, lmopt_error_t *error);
void lmoptp_device_team_destroy(lmoptp_device_team_t *team);
lmoptp_device_t *lmoptp_device_team_device(const lmoptp_device_team_t *team);
void lmoptp_device_team_set_profile(lmoptp_device_team_t *team, lmopt_profile_fn profile, void *user);
void lmoptp_device_team_set_launch_profile(lmoptp_device_team_t *team, lmopt_launch_profile_fn told, void *user);
/* Most rows whose results (LMOPT_DOMAIN_OUTPUTS) a step of this entry may want: there is room for so many. */
int64_t lmoptp_device_most_outputs(const lmopt_model_t *model, const lmopt_entry_t *entry);
/* As lmoptp_team_fit and lmoptp_team_step. */
lmopt_status_t lmoptp_device_team_fit(lmoptp_device_team_t *team, lmopt_model_t *model, uint64_t cache_bytes,
                                      lmopt_error_t *error);
lmopt_status_t lmoptp_device_team_step(lmoptp_device_team_t *team, lmopt_model_t *model, const lmopt_entry_t *entry,
                                       const lmopt_step_t *step, lmopt_error_t *error);
/* As lmoptp_team_greatest and lmoptp_team_greedy. */
lmopt_status_t lmoptp_device_team_greatest(lmoptp_device_team_t *team, lmopt_model_t *model,
                                           const lmopt_segment_t *segment, int32_t token, int32_t top,
                                           lmopt_device_top_t *greatest, lmopt_error_t *error);
lmopt_status_t lmoptp_device_team_greedy(lmoptp_device_team_t *team, lmopt_model_t *model,
                                         const lmopt_segment_t *segment, int32_t token, int64_t steps, int32_t *chosen,
                                         lmopt_error_t *error);

/*===--- For device_step.c; the team is locked ---===*/

/* Room for steps of this model. */
lmopt_status_t lmoptp_device_team_grow(lmoptp_device_team_t *team, const lmopt_model_t *model, lmopt_error_t *error);

#endif
