/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Points on a stream: to wait for, and to measure the time between two of them as the GPU sees it (half a microsecond
 * exact). In, out: device.h. Tested by test/unit/runtime/DeviceStreamTest.cpp.
 */
#include "runtime/src/device/internal.h"
#include "runtime/src/device/stream.h"

#include <stdlib.h>

struct lmoptp_event {
  lmoptp_device_t *device;
  CUevent event;
};

lmopt_status_t lmoptp_event_create(lmoptp_device_t *device, lmoptp_event_t **out, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  lmoptp_event_t *event = calloc(1, sizeof *event);
  if (!event) {
    lmoptp_pop(device);
    return lmoptp_fail_memory(error, sizeof *event, "an event");
  }
  event->device = device;
  status = lmoptp_leave(device, device->driver.cuEventCreate(&event->event, 0), "making an event", error);
  if (status) {
    free(event);
    return status;
  }
  lmoptp_device_retain(device);
  *out = event;
  return LMOPT_OK;
}

void lmoptp_event_destroy(lmoptp_event_t *event) {
  if (!event)
    return;
  lmoptp_device_t *device = event->device;
  bool is_current = lmoptp_enter_cleanup(device);
  device->driver.cuEventDestroy(event->event);
  lmoptp_leave_cleanup(device, is_current);
  free(event);
  lmoptp_device_release(device);
}

lmopt_status_t lmoptp_event_record(lmoptp_event_t *event, lmoptp_stream_t *stream, lmopt_error_t *error) {
  lmoptp_device_t *device = event->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  return lmoptp_leave(device, device->driver.cuEventRecord(event->event, stream->stream), "recording an event", error);
}

lmopt_status_t lmoptp_event_synchronize(lmoptp_event_t *event, lmopt_error_t *error) {
  lmoptp_device_t *device = event->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  return lmoptp_leave(device, device->driver.cuEventSynchronize(event->event), "waiting for an event", error);
}

lmopt_status_t lmoptp_stream_wait_event(lmoptp_stream_t *stream, lmoptp_event_t *event, lmopt_error_t *error) {
  lmoptp_device_t *device = stream->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = device->driver.cuStreamWaitEvent(stream->stream, event->event, 0);
  return lmoptp_leave(device, code, "letting a stream wait for an event", error);
}

lmopt_status_t lmoptp_event_elapsed(lmoptp_event_t *start, lmoptp_event_t *end, float *milliseconds,
                                    lmopt_error_t *error) {
  lmoptp_device_t *device = start->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = device->driver.cuEventElapsedTime(milliseconds, start->event, end->event);
  return lmoptp_leave(device, code, "asking for the time between two events", error);
}
