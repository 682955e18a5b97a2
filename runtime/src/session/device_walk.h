/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Steps that the walker of a model does in one launch. See device_walk.c.
 */
#ifndef LMOPT_SRC_SESSION_DEVICE_WALK_H
#define LMOPT_SRC_SESSION_DEVICE_WALK_H

#include "runtime/src/device/device.h"

/* What a step would launch, as it is written down. Starts with record_bytes alone; `records` is freed by its owner. */
typedef struct {
  uint32_t record_bytes; // from one to the next
  uint32_t count, capacity;
  char *records; // [capacity][record_bytes], of which `count` are written
} lmoptp_walk_list_t;

/* `bytes` of arguments fit in a record. */
lmopt_status_t lmoptp_walk_add(lmoptp_walk_list_t *list, uint32_t kernel, const uint32_t grid[3], const void *arguments,
                               uint32_t bytes, lmopt_error_t *error);

/* A list in memory of the GPU. */
typedef struct lmoptp_walk lmoptp_walk_t;
lmopt_status_t lmoptp_walk_create(lmoptp_device_t *device, const lmoptp_walk_list_t *list, lmoptp_walk_t **out,
                                  lmopt_error_t *error);
/* Nothing of it may be running. */
void lmoptp_walk_destroy(lmoptp_walk_t *walk);
/* `counter`: of four bytes that are zero when the launch begins, and nobody else's until it ends. */
lmopt_status_t lmoptp_walk_launch(const lmoptp_walk_t *walk, lmoptp_stream_t *stream, const lmoptp_kernel_t *walker,
                                  lmoptp_address_t counter, lmopt_error_t *error);

#endif
