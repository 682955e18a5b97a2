/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Memory of a GPU and pinned memory of the host, and the way of the weights from a mapped file to the GPU. The driver
 * copies pageable memory through buffers of its own, slowly and waiting for it; so a large block goes in pieces
 * through two pinned buffers: while one is on its way, the other is filled. In, out: device.h. Cost of an upload: the
 * slower of reading the source and PCIe (7 GB in about 0.3 s, assumed). Tested by
 * test/unit/runtime/DeviceMemoryTest.cpp.
 */
#include "runtime/src/device/internal.h"

#include <string.h>

lmopt_status_t lmoptp_device_free_bytes(lmoptp_device_t *device, uint64_t *free_bytes, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  size_t available = 0, total = 0;
  status = lmoptp_leave(device, device->driver.cuMemGetInfo(&available, &total), "asking for its free memory", error);
  *free_bytes = available;
  return status;
}

lmopt_status_t lmoptp_device_check_memory(lmoptp_device_t *device, const lmoptp_memory_need_t *need,
                                          lmopt_error_t *error) {
  uint64_t available, sum;
  lmopt_status_t status = lmoptp_device_free_bytes(device, &available, error);
  if (status)
    return status;
  bool overflows = __builtin_add_overflow(need->weights, need->arena, &sum);
  overflows |= __builtin_add_overflow(sum, need->cache, &sum);
  if (!overflows && sum <= available)
    return LMOPT_OK;
  return lmoptp_fail_device(device, error, LMOPT_ERROR_RESOURCE,
                            "out of device memory: the weights need %llu bytes, the arena %llu, the cache %llu; %llu "
                            "of %llu are free",
                            (unsigned long long)need->weights, (unsigned long long)need->arena,
                            (unsigned long long)need->cache, (unsigned long long)available,
                            (unsigned long long)device->info.memory_bytes);
}

lmopt_status_t lmoptp_device_allocate(lmoptp_device_t *device, uint64_t bytes, const char *what, lmoptp_address_t *out,
                                      lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUdeviceptr address = 0;
  CUresult code = bytes ? device->driver.cuMemAlloc(&address, bytes) : LMOPTP_CUDA_SUCCESS;
  status = lmoptp_leave_memory(device, code, bytes, what, error);
  if (!status)
    *out = address;
  return status;
}

void lmoptp_device_free(lmoptp_device_t *device, lmoptp_address_t address) {
  if (!address)
    return;
  bool is_current = lmoptp_enter_cleanup(device);
  device->driver.cuMemFree(address);
  lmoptp_leave_cleanup(device, is_current);
}

lmopt_status_t lmoptp_device_allocate_host(lmoptp_device_t *device, uint64_t bytes, const char *what, void **out,
                                           lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  void *memory = NULL;
  CUresult code = bytes ? device->driver.cuMemAllocHost(&memory, bytes) : LMOPTP_CUDA_SUCCESS;
  if (code == LMOPTP_CUDA_OUT_OF_MEMORY) { // of the host: what is free on the GPU is beside the point
    lmoptp_pop(device);
    return lmoptp_fail_device(device, error, LMOPT_ERROR_RESOURCE,
                              "out of pinned host memory: %s needs %llu bytes; see ulimit -l", what,
                              (unsigned long long)bytes);
  }
  status = lmoptp_leave(device, code, what, error);
  if (!status)
    *out = memory;
  return status;
}

void lmoptp_device_free_host(lmoptp_device_t *device, void *memory) {
  if (!memory)
    return;
  bool is_current = lmoptp_enter_cleanup(device);
  device->driver.cuMemFreeHost(memory);
  lmoptp_leave_cleanup(device, is_current);
}

/*===--- Upload ---===*/

enum { PIECES = 2 };

// A stream, and pinned pieces each with the event that its last copy is over.
typedef struct {
  lmoptp_device_t *device;
  lmoptp_stream_t *stream;
  void *pieces[PIECES];
  lmoptp_event_t *events[PIECES];
} upload_t;

static lmopt_status_t make_upload(upload_t *upload, uint64_t piece_bytes, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_stream_create(upload->device, &upload->stream, error);
  for (int i = 0; i < PIECES && !status; ++i) {
    status = lmoptp_event_create(upload->device, &upload->events[i], error);
    if (!status)
      status =
          lmoptp_device_allocate_host(upload->device, piece_bytes, "a piece of an upload", &upload->pieces[i], error);
  }
  return status;
}

static void drop_upload(upload_t *upload) {
  lmoptp_stream_destroy(upload->stream); // waits, so that the pieces are free
  for (int i = 0; i < PIECES; ++i) {
    lmoptp_event_destroy(upload->events[i]);
    lmoptp_device_free_host(upload->device, upload->pieces[i]);
  }
}

static lmopt_status_t send_piece(upload_t *upload, uint64_t number, lmoptp_address_t into, const void *from,
                                 uint64_t bytes, lmopt_error_t *error) {
  int i = (int)(number % PIECES);
  lmopt_status_t status = LMOPT_OK;
  if (number >= PIECES)
    status = lmoptp_event_synchronize(upload->events[i], error);
  if (status)
    return status;
  memcpy(upload->pieces[i], from, bytes);
  status = lmoptp_stream_copy_in(upload->stream, into, upload->pieces[i], bytes, error);
  return status ? status : lmoptp_event_record(upload->events[i], upload->stream, error);
}

lmopt_status_t lmoptp_device_upload(lmoptp_device_t *device, lmoptp_address_t into, const void *from, uint64_t bytes,
                                    uint64_t piece_bytes, lmopt_error_t *error) {
  if (bytes == 0)
    return LMOPT_OK;
  upload_t upload = {.device = device};
  uint64_t piece = piece_bytes && piece_bytes < bytes ? piece_bytes : bytes;
  lmopt_status_t status = make_upload(&upload, piece, error);
  for (uint64_t i = 0, at = 0; at < bytes && !status; ++i, at += piece) {
    uint64_t size = bytes - at < piece ? bytes - at : piece;
    status = send_piece(&upload, i, into + at, (const char *)from + at, size, error);
  }
  if (!status)
    status = lmoptp_stream_synchronize(upload.stream, error);
  drop_upload(&upload);
  return status;
}
