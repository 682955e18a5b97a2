/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Points of a step on a stream, for who wants to know how long each part of it takes. See device_marks.c.
 */
#ifndef LMOPT_SRC_SESSION_DEVICE_MARKS_H
#define LMOPT_SRC_SESSION_DEVICE_MARKS_H

#include "lmopt/lmopt.h"
#include "runtime/src/device/device.h"

/* Zeros: nobody listens. */
typedef struct {
  lmopt_launch_profile_fn told; // or NULL
  void *user;
  lmoptp_event_t **events; // [capacity]; they stay for the next step
  int64_t *whats;          // [capacity] what lies before each
  size_t count, capacity;
} lmoptp_device_marks_t;

/* What was put on the stream since the last one is `what`. The first of a step is its beginning. */
lmopt_status_t lmoptp_marks_add(lmoptp_device_marks_t *marks, lmoptp_stream_t *stream, int64_t what,
                                lmopt_error_t *error);
/* Tells all, which are over, and begins anew. */
lmopt_status_t lmoptp_marks_tell(lmoptp_device_marks_t *marks, lmopt_error_t *error);
/* Gives back what it took. */
void lmoptp_marks_clear(lmoptp_device_marks_t *marks);

#endif
