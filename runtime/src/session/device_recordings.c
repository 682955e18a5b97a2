/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Which recorded steps there are, and for how long. In: what the launches of a step depend on. Out: the recording of
 * such a step, or none. A recording has addresses of a team and of a model in it, so that a set of them ends with
 * whichever goes first, and neither knows when the other does: both hold the set; who goes empties it, the last one
 * frees it. Sets that are held by one alone are of no use to it and leave its list when the next one comes.
 * Locks: a list is its holder's; what is in a set is under the set's lock. While a step runs, both live, so what it
 * found is not taken from it. Cost: a look at 32 keys at most. Tested by test/unit/runtime/DeviceRecordingTest.cpp.
 */
#include "runtime/src/session/device_recordings.h"

#include "runtime/src/platform/support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  lmoptp_step_key_t key;
  lmoptp_recorded_t recorded; // neither: the place is free
  uint64_t used;              // when, counted in uses
} recording_t;

struct lmoptp_recordings {
  lmoptp_recordings_t *next[LMOPTP_HOLDERS]; // in the list of each holder
  const void *model;
  pthread_mutex_t lock; // of what follows
  int holders;
  uint64_t uses;
  recording_t recordings[LMOPTP_MOST_RECORDINGS];
};

_Static_assert(sizeof(lmoptp_step_key_t) == 8 * sizeof(int64_t), "keys are compared as bytes: nothing between fields");

/*===--- One set ---===*/

static void destroy(const lmoptp_recorded_t *recorded) {
  lmoptp_graph_destroy(recorded->graph);
  lmoptp_walk_destroy(recorded->walk);
}

// Holds the lock.
static void drop_all(lmoptp_recordings_t *recordings) {
  for (int i = 0; i < LMOPTP_MOST_RECORDINGS; ++i) {
    destroy(&recordings->recordings[i].recorded);
    recordings->recordings[i] = (recording_t){0};
  }
}

static void clear(lmoptp_recordings_t *recordings) {
  pthread_mutex_lock(&recordings->lock);
  drop_all(recordings);
  pthread_mutex_unlock(&recordings->lock);
}

// One holder less.
static void leave(lmoptp_recordings_t *recordings) {
  pthread_mutex_lock(&recordings->lock);
  drop_all(recordings);
  bool is_last = --recordings->holders == 0;
  pthread_mutex_unlock(&recordings->lock);
  if (!is_last)
    return;
  pthread_mutex_destroy(&recordings->lock);
  free(recordings);
}

static bool is_abandoned(lmoptp_recordings_t *recordings) {
  pthread_mutex_lock(&recordings->lock);
  bool is_alone = recordings->holders < LMOPTP_HOLDERS;
  pthread_mutex_unlock(&recordings->lock);
  return is_alone;
}

lmoptp_recorded_t lmoptp_recording_find(lmoptp_recordings_t *recordings, const lmoptp_step_key_t *key) {
  lmoptp_recorded_t found = {0};
  pthread_mutex_lock(&recordings->lock);
  for (int i = 0; i < LMOPTP_MOST_RECORDINGS; ++i) {
    recording_t *at = &recordings->recordings[i];
    if (memcmp(&at->key, key, sizeof *key) != 0) // of a free place: no entry
      continue;
    at->used = ++recordings->uses;
    found = at->recorded;
    break;
  }
  pthread_mutex_unlock(&recordings->lock);
  return found;
}

// Free places were never used.
static recording_t *least_recent(lmoptp_recordings_t *recordings) {
  recording_t *least = &recordings->recordings[0];
  for (int i = 1; i < LMOPTP_MOST_RECORDINGS; ++i)
    if (recordings->recordings[i].used < least->used)
      least = &recordings->recordings[i];
  return least;
}

void lmoptp_recording_keep(lmoptp_recordings_t *recordings, const lmoptp_step_key_t *key, lmoptp_recorded_t recorded) {
  pthread_mutex_lock(&recordings->lock);
  recording_t *at = least_recent(recordings);
  destroy(&at->recorded);
  *at = (recording_t){*key, recorded, ++recordings->uses};
  pthread_mutex_unlock(&recordings->lock);
}

/*===--- Lists of sets ---===*/

static void leave_abandoned(lmoptp_recordings_t **list, int holder) {
  while (*list) {
    lmoptp_recordings_t *at = *list;
    if (is_abandoned(at)) {
      *list = at->next[holder];
      leave(at);
    } else {
      list = &at->next[holder];
    }
  }
}

static void add(lmoptp_recordings_t **list, lmoptp_recordings_t *recordings, int holder) {
  leave_abandoned(list, holder);
  recordings->next[holder] = *list;
  *list = recordings;
}

lmopt_status_t lmoptp_recordings_create(lmoptp_recordings_t **of_team, lmoptp_recordings_t **of_model,
                                        const void *model, lmoptp_recordings_t **out, lmopt_error_t *error) {
  lmoptp_recordings_t *recordings = calloc(1, sizeof *recordings);
  if (!recordings)
    return lmoptp_fail_memory(error, sizeof *recordings, "the recordings of steps");
  pthread_mutex_init(&recordings->lock, NULL);
  recordings->model = model;
  recordings->holders = LMOPTP_HOLDERS;
  add(of_team, recordings, LMOPTP_OF_TEAM);
  add(of_model, recordings, LMOPTP_OF_MODEL);
  *out = recordings;
  return LMOPT_OK;
}

// A model that is no more may have lain where another one does now.
lmoptp_recordings_t *lmoptp_recordings_find(lmoptp_recordings_t *of_team, const void *model) {
  for (lmoptp_recordings_t *at = of_team; at; at = at->next[LMOPTP_OF_TEAM])
    if (at->model == model && !is_abandoned(at))
      return at;
  return NULL;
}

void lmoptp_recordings_clear(lmoptp_recordings_t *of_team) {
  for (lmoptp_recordings_t *at = of_team; at; at = at->next[LMOPTP_OF_TEAM])
    clear(at);
}

void lmoptp_recordings_leave(lmoptp_recordings_t *list, int holder) {
  while (list) {
    lmoptp_recordings_t *at = list;
    list = at->next[holder];
    leave(at);
  }
}
