/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Recorded steps of one team and one model. See device_recordings.c.
 */
#ifndef LMOPT_SRC_SESSION_DEVICE_RECORDINGS_H
#define LMOPT_SRC_SESSION_DEVICE_RECORDINGS_H

#include "lmopt/abi.h"
#include "runtime/src/session/device_walk.h"

/* Beside addresses, what a step that is recorded depends on (lmopt_device_t). */
typedef struct {
  const lmopt_entry_t *entry;
  int64_t rows, outputs, segments, positions, top;
  uint64_t landing; // which results it brings to the host: a bit each
  int64_t is_link;  // 1: one of several on end, without the copies around them
} lmoptp_step_key_t;

/* Of each team and model; the one that was used least recently makes room. 32 lengths of one sequence are 8192
 * positions. */
enum { LMOPTP_MOST_RECORDINGS = 32 };

typedef struct lmoptp_recordings lmoptp_recordings_t;

/* The two that hold a set of recordings, each in a list of its own, under a lock of its own. */
enum { LMOPTP_OF_TEAM, LMOPTP_OF_MODEL, LMOPTP_HOLDERS };

/* Adds an empty set to both lists. `model` tells them apart in the list of the team. */
lmopt_status_t lmoptp_recordings_create(lmoptp_recordings_t **of_team, lmoptp_recordings_t **of_model,
                                        const void *model, lmoptp_recordings_t **out, lmopt_error_t *error);
/* The set of this model in the list of a team, or NULL. */
lmoptp_recordings_t *lmoptp_recordings_find(lmoptp_recordings_t *of_team, const void *model);
/* Forgets what is in all sets of the list: addresses have changed. Nothing of it may be running. */
void lmoptp_recordings_clear(lmoptp_recordings_t *of_team);
/* The holder goes, and with it what is in its sets. */
void lmoptp_recordings_leave(lmoptp_recordings_t *list, int holder);

/* A recorded step: one of the two, or, where there is none, neither. */
typedef struct {
  lmoptp_graph_t *graph;
  lmoptp_walk_t *walk;
} lmoptp_recorded_t;

/* What it finds stays until the set is cleared or another one is kept. */
lmoptp_recorded_t lmoptp_recording_find(lmoptp_recordings_t *recordings, const lmoptp_step_key_t *key);
/* Takes what was recorded. */
void lmoptp_recording_keep(lmoptp_recordings_t *recordings, const lmoptp_step_key_t *key, lmoptp_recorded_t recorded);

#endif
