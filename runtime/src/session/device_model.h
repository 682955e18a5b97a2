/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A model as it lies on one GPU: its code and its weights, shared by all teams of that GPU. See device_model.c.
 */
#ifndef LMOPT_SRC_SESSION_DEVICE_MODEL_H
#define LMOPT_SRC_SESSION_DEVICE_MODEL_H

#include "runtime/src/artifact/kernels.h"
#include "runtime/src/artifact/model.h"
#include "runtime/src/device/device.h"
#include "runtime/src/session/device_recordings.h"

typedef struct {
  lmoptp_attachment_t attachment; // of the model, whose end is its end
  lmoptp_device_t *device;
  lmoptp_module_t *module;
  lmoptp_address_t weights;
  uint32_t count;
  lmoptp_kernel_t *kernels;        // [count]
  uint32_t *argument_bytes;        // [count]
  lmoptp_kernels_t table;          // which says more of them
  lmoptp_kernel_t walker;          // without a name until a team wants it
  lmoptp_recordings_t *recordings; // of all teams that decode with it; the model is locked by who adds some
} lmoptp_device_model_t;

/* The model on this GPU, or NULL when nobody has brought it there. */
lmoptp_device_model_t *lmoptp_device_model_find(const lmopt_model_t *model, const lmoptp_device_t *device);
/* The recordings of a team that has `of_team`; made unless they are there. */
lmopt_status_t lmoptp_device_model_recordings(lmopt_model_t *model, lmoptp_device_model_t *placed,
                                              lmoptp_recordings_t **of_team, lmoptp_recordings_t **out,
                                              lmopt_error_t *error);
/* Finds the walker, for a team that wants its steps walked. USAGE: the model has none. */
lmopt_status_t lmoptp_device_model_find_walker(lmopt_model_t *model, const lmoptp_device_t *device,
                                               lmopt_error_t *error);
/* Brings it there unless it is. `arena` and `cache`: what is asked for next, so that a GPU which cannot hold all says
 * so before anything is done. */
lmopt_status_t lmoptp_device_model_place(lmopt_model_t *model, lmoptp_device_t *device, uint64_t arena, uint64_t cache,
                                         lmopt_error_t *error);

#endif
