/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Decode steps as one cooperative launch (lmopt_walk_t). In: what the entry of a model has launched, call by call. Out:
 * records in memory of the GPU, brought there once, and the launch of the kernel that goes through them, on as many
 * blocks as are resident at once. Cost: memory for a record a kernel (some 100 bytes), and an upload, once for each
 * recording. Source: ptx.md 5.2. Tested by test/unit/runtime/DeviceWalkTest.cpp.
 */
#include "runtime/src/session/device_walk.h"

#include "runtime/src/platform/support.h"

#include "lmopt/abi.h"

#include <stdlib.h>
#include <string.h>

struct lmoptp_walk {
  lmoptp_device_t *device;
  lmoptp_address_t records;
  uint32_t count;
};

/*===--- Writing down ---===*/

static lmopt_status_t grow(lmoptp_walk_list_t *list, lmopt_error_t *error) {
  uint32_t capacity = list->capacity ? 2 * list->capacity : 64;
  char *records = realloc(list->records, (size_t)capacity * list->record_bytes);
  if (!records)
    return lmoptp_fail_memory(error, (size_t)capacity * list->record_bytes, "the launches of a step");
  list->records = records;
  list->capacity = capacity;
  return LMOPT_OK;
}

lmopt_status_t lmoptp_walk_add(lmoptp_walk_list_t *list, uint32_t kernel, const uint32_t grid[3], const void *arguments,
                               uint32_t bytes, lmopt_error_t *error) {
  if (list->count == list->capacity) {
    lmopt_status_t status = grow(list, error);
    if (status)
      return status;
  }
  lmopt_walk_record_t head = {.kernel = kernel, .grid = {grid[0], grid[1], grid[2]}};
  char *record = list->records + (size_t)list->count++ * list->record_bytes;
  memset(record, 0, list->record_bytes); // what is behind the arguments is copied, too
  memcpy(record, &head, sizeof head);
  memcpy(record + sizeof head, arguments, bytes);
  return LMOPT_OK;
}

/*===--- On the GPU ---===*/

lmopt_status_t lmoptp_walk_create(lmoptp_device_t *device, const lmoptp_walk_list_t *list, lmoptp_walk_t **out,
                                  lmopt_error_t *error) {
  lmoptp_walk_t *walk = calloc(1, sizeof *walk);
  if (!walk)
    return lmoptp_fail_memory(error, sizeof *walk, "a recording");
  uint64_t bytes = (uint64_t)list->count * list->record_bytes;
  walk->device = device;
  walk->count = list->count;
  lmoptp_device_retain(device);
  lmopt_status_t status = lmoptp_device_allocate(device, bytes, "a recording", &walk->records, error);
  if (!status)
    status = lmoptp_device_upload(device, walk->records, list->records, bytes, 0, error);
  if (status)
    lmoptp_walk_destroy(walk);
  else
    *out = walk;
  return status;
}

void lmoptp_walk_destroy(lmoptp_walk_t *walk) {
  if (!walk)
    return;
  lmoptp_device_free(walk->device, walk->records);
  lmoptp_device_release(walk->device);
  free(walk);
}

lmopt_status_t lmoptp_walk_launch(const lmoptp_walk_t *walk, lmoptp_stream_t *stream, const lmoptp_kernel_t *walker,
                                  lmoptp_address_t counter, lmopt_error_t *error) {
  lmopt_walk_t arguments = {.records = walk->records, .counter = counter, .count = walk->count};
  const uint32_t grid[3] = {(uint32_t)walker->resident_blocks, 1, 1};
  return lmoptp_stream_launch(stream, walker, grid, LMOPTP_LAUNCH_COOPERATIVE, &arguments, LMOPT_WALK_ARGUMENT_BYTES,
                              error);
}
