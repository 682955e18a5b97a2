/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * How long each part of a step takes on a GPU. In: a mark between what is put on a stream. Out: seconds from mark to
 * mark, told when all has run. Marks are events, made as a step needs more of them and kept; nothing is done while
 * nobody listens. Cost: an event takes the GPU about a microsecond, which is told as part of what lies before it.
 * Source: ptx.md 5.4. Tested by test/unit/runtime/DeviceSessionTest.cpp.
 */
#include "runtime/src/session/device_marks.h"

#include "runtime/src/platform/support.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

static lmopt_status_t grow(lmoptp_device_marks_t *marks, lmopt_error_t *error) {
  size_t capacity = marks->capacity ? 2 * marks->capacity : FIRST_CAPACITY;
  lmoptp_event_t **events = realloc(marks->events, capacity * sizeof *events);
  if (events)
    marks->events = events;
  int64_t *whats = realloc(marks->whats, capacity * sizeof *whats);
  if (whats)
    marks->whats = whats;
  if (!events || !whats)
    return lmoptp_fail_memory(error, capacity * (sizeof *events + sizeof *whats), "the marks of a step");
  for (size_t i = marks->capacity; i < capacity; ++i)
    events[i] = NULL;
  marks->capacity = capacity;
  return LMOPT_OK;
}

lmopt_status_t lmoptp_marks_add(lmoptp_device_marks_t *marks, lmoptp_stream_t *stream, int64_t what,
                                lmopt_error_t *error) {
  if (!marks->told)
    return LMOPT_OK;
  lmopt_status_t status = marks->count == marks->capacity ? grow(marks, error) : LMOPT_OK;
  if (!status && !marks->events[marks->count])
    status = lmoptp_event_create(lmoptp_stream_device(stream), &marks->events[marks->count], error);
  if (!status)
    status = lmoptp_event_record(marks->events[marks->count], stream, error);
  if (!status)
    marks->whats[marks->count++] = what;
  return status;
}

lmopt_status_t lmoptp_marks_tell(lmoptp_device_marks_t *marks, lmopt_error_t *error) {
  size_t count = marks->count;
  marks->count = 0;
  for (size_t i = 1; i < count; ++i) {
    float milliseconds;
    lmopt_status_t status = lmoptp_event_elapsed(marks->events[i - 1], marks->events[i], &milliseconds, error);
    if (status)
      return status;
    marks->told(marks->user, marks->whats[i], milliseconds * 1e-3);
  }
  return LMOPT_OK;
}

void lmoptp_marks_clear(lmoptp_device_marks_t *marks) {
  for (size_t i = 0; i < marks->capacity; ++i)
    lmoptp_event_destroy(marks->events[i]);
  free(marks->events);
  free(marks->whats);
  *marks = (lmoptp_device_marks_t){0};
}
