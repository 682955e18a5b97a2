/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A step of a GPU under way: what it brings there and what comes back. See device_work.c; device_step.c launches it.
 */
#ifndef LMOPT_SRC_SESSION_DEVICE_WORK_H
#define LMOPT_SRC_SESSION_DEVICE_WORK_H

#include "runtime/src/session/device_team.h"

/* A step under way. */
typedef struct {
  lmoptp_device_team_t *team;
  lmopt_model_t *model;
  lmoptp_device_model_t *placed;
  const lmopt_entry_t *entry;
  const lmopt_step_t *given;
  lmopt_step_t step; // as the code is told it
  uint64_t landing;  // results that come back with the launches, a bit each; 0: they come after them, in pieces
  uint64_t staged;   // bytes, so far
  lmopt_device_top_t *greatest; // where pairs are wanted as they are, or NULL
  lmoptp_address_t counter;     // of a walk: zero
  lmoptp_walk_list_t *list;     // launches are written down here; NULL: they are launched
  bool is_walkable;             // all that were written down are kernels that the walker does
  lmopt_device_t device;
  const int32_t *inputs[LMOPT_MAX_LISTED]; // addresses of the GPU
  float *results[LMOPT_MAX_LISTED];
  lmopt_status_t launched; // the first failure of a launch
  lmopt_error_t *error;
} lmoptp_work_t;

/* Code takes addresses of the GPU where threads have pointers. */
static inline void *lmoptp_pointer_to(lmoptp_address_t address) { return (void *)(uintptr_t)address; }
static inline lmoptp_address_t lmoptp_address_of(const void *pointer) { return (lmoptp_address_t)(uintptr_t)pointer; }

static inline bool lmoptp_work_has_few_rows(const lmoptp_work_t *work) {
  return work->entry == work->model->few || work->entry == work->model->top;
}
static inline bool lmoptp_work_has_greatest(const lmoptp_work_t *work) { return work->entry == work->model->top; }

/* The next part of what the step brings: *host is where to write it, the result is where the GPU will find it. */
lmoptp_address_t lmoptp_work_stage(lmoptp_work_t *work, uint64_t bytes, void **host);
/* All that every step brings, and the fields of the step that say where. */
void lmoptp_work_stage_input(lmoptp_work_t *work);
/* The longest sequence, as lmopt_device_t has it. */
int64_t lmoptp_work_positions(const lmoptp_work_t *work);

/* Where all results lie, also those that nobody wants: the code writes all of them. The greatest logits behind them. */
lmopt_status_t lmoptp_work_place_results(lmoptp_work_t *work);
/* Copies to the host, on the stream, of results that come back at once; and of the others, which waits for each piece.
 */
lmopt_status_t lmoptp_work_land_results(const lmoptp_work_t *work);
lmopt_status_t lmoptp_work_fetch_results(const lmoptp_work_t *work);
/* Gives the caller what has come back at once. */
void lmoptp_work_take_results(const lmoptp_work_t *work);

#endif
