/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Work that runs in order on a GPU: copies, launches, and recordings of them (CUDA graphs) that are replayed by one
 * call. In, out: device.h. Cost: a few microseconds for a launch, whatever it launches; nothing here allocates memory
 * of the GPU but a recording, once. Tested by test/unit/runtime/DeviceStreamTest.cpp.
 */
#include "runtime/src/device/stream.h"
#include "runtime/src/device/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lmoptp_graph {
  lmoptp_device_t *device;
  CUgraphExec executable;
  char name[LMOPTP_NAME_BYTES];
};

lmopt_status_t lmoptp_stream_create(lmoptp_device_t *device, lmoptp_stream_t **out, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  lmoptp_stream_t *stream = calloc(1, sizeof *stream);
  if (!stream) {
    lmoptp_pop(device);
    return lmoptp_fail_memory(error, sizeof *stream, "a stream");
  }
  stream->device = device;
  CUresult code = device->driver.cuStreamCreate(&stream->stream, LMOPTP_STREAM_NON_BLOCKING);
  status = lmoptp_leave(device, code, "making a stream", error);
  if (status) {
    free(stream);
    return status;
  }
  lmoptp_device_retain(device);
  *out = stream;
  return LMOPT_OK;
}

void lmoptp_stream_destroy(lmoptp_stream_t *stream) {
  if (!stream)
    return;
  lmoptp_device_t *device = stream->device;
  bool is_current = lmoptp_enter_cleanup(device);
  device->driver.cuStreamSynchronize(stream->stream);
  device->driver.cuStreamDestroy(stream->stream);
  lmoptp_leave_cleanup(device, is_current);
  free(stream);
  lmoptp_device_release(device);
}

lmoptp_device_t *lmoptp_stream_device(const lmoptp_stream_t *stream) { return stream->device; }

lmopt_status_t lmoptp_stream_synchronize(lmoptp_stream_t *stream, lmopt_error_t *error) {
  lmoptp_device_t *device = stream->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  return lmoptp_leave(device, device->driver.cuStreamSynchronize(stream->stream), "waiting for a stream", error);
}

/*===--- Copies ---===*/

lmopt_status_t lmoptp_stream_copy_in(lmoptp_stream_t *stream, lmoptp_address_t into, const void *from, uint64_t bytes,
                                     lmopt_error_t *error) {
  lmoptp_device_t *device = stream->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = device->driver.cuMemcpyHtoDAsync(into, from, bytes, stream->stream);
  return lmoptp_leave(device, code, "copying to the GPU", error);
}

lmopt_status_t lmoptp_stream_copy_out(lmoptp_stream_t *stream, void *into, lmoptp_address_t from, uint64_t bytes,
                                      lmopt_error_t *error) {
  lmoptp_device_t *device = stream->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = device->driver.cuMemcpyDtoHAsync(into, from, bytes, stream->stream);
  return lmoptp_leave(device, code, "copying from the GPU", error);
}

lmopt_status_t lmoptp_stream_copy(lmoptp_stream_t *stream, lmoptp_address_t into, lmoptp_address_t from, uint64_t bytes,
                                  lmopt_error_t *error) {
  lmoptp_device_t *device = stream->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = device->driver.cuMemcpyDtoDAsync(into, from, bytes, stream->stream);
  return lmoptp_leave(device, code, "copying on the GPU", error);
}

lmopt_status_t lmoptp_stream_fill(lmoptp_stream_t *stream, lmoptp_address_t into, uint8_t value, uint64_t bytes,
                                  lmopt_error_t *error) {
  lmoptp_device_t *device = stream->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = device->driver.cuMemsetD8Async(into, value, bytes, stream->stream);
  return lmoptp_leave(device, code, "filling memory of the GPU", error);
}

/*===--- Launches ---===*/

void lmoptp_stream_name_step(lmoptp_stream_t *stream, const char *step) {
  snprintf(stream->step, sizeof stream->step, "%s", step);
}

// A cooperative grid that is not resident at once would wait at its first barrier for ever.
static lmopt_status_t check_grid(const lmoptp_stream_t *stream, const lmoptp_kernel_t *kernel, const uint32_t grid[3],
                                 uint32_t flags, lmopt_error_t *error) {
  uint64_t blocks = (uint64_t)grid[0] * grid[1] * grid[2];
  if (!(flags & LMOPTP_LAUNCH_COOPERATIVE) || blocks <= (uint64_t)kernel->resident_blocks)
    return LMOPT_OK;
  return lmoptp_fail_device(stream->device, error, LMOPT_ERROR_INTERNAL,
                            "kernel '%s': a cooperative grid of %llu blocks; %d are resident at once", kernel->name,
                            (unsigned long long)blocks, kernel->resident_blocks);
}

static CUresult launch(const lmoptp_stream_t *stream, const lmoptp_kernel_t *kernel, const uint32_t grid[3],
                       uint32_t flags, const void *arguments, size_t bytes) {
  CUlaunchAttribute cooperative = {.id = LMOPTP_LAUNCH_ATTRIBUTE_COOPERATIVE, .value.cooperative = 1};
  CUlaunchConfig config = {.gridDimX = grid[0],
                           .gridDimY = grid[1],
                           .gridDimZ = grid[2],
                           .blockDimX = kernel->threads,
                           .blockDimY = 1,
                           .blockDimZ = 1,
                           .sharedMemBytes = kernel->shared_bytes,
                           .hStream = stream->stream,
                           .attrs = &cooperative,
                           .numAttrs = flags & LMOPTP_LAUNCH_COOPERATIVE ? 1 : 0};
  void *extra[] = {LMOPTP_LAUNCH_BUFFER, (void *)arguments, LMOPTP_LAUNCH_BUFFER_SIZE, &bytes, NULL};
  return stream->device->driver.cuLaunchKernelEx(&config, kernel->function, NULL, extra);
}

lmopt_status_t lmoptp_stream_launch(lmoptp_stream_t *stream, const lmoptp_kernel_t *kernel, const uint32_t grid[3],
                                    uint32_t flags, const void *arguments, size_t bytes, lmopt_error_t *error) {
  lmoptp_device_t *device = stream->device;
  lmopt_status_t status = check_grid(stream, kernel, grid, flags, error);
  if (!status)
    status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = launch(stream, kernel, grid, flags, arguments, bytes);
  if (code == LMOPTP_CUDA_SUCCESS) {
    if (!stream->is_recording) // else it runs when its recording is launched
      lmoptp_note_launch(device, stream->step, kernel->name);
    return lmoptp_leave(device, code, "", error);
  }
  char what[160];
  snprintf(what, sizeof what, "launching kernel '%.100s'", kernel->name);
  return lmoptp_leave(device, code, what, error);
}

/*===--- Recordings ---===*/

CUresult lmoptp_wait_for_all(lmoptp_device_t *device) {
  pthread_mutex_lock(&device->capture_lock);
  CUresult code = device->driver.cuCtxSynchronize();
  pthread_mutex_unlock(&device->capture_lock);
  return code;
}

// The recording must be ended whatever became of what was to be recorded: a stream that captures can do nothing else.
static lmopt_status_t end_capture(lmoptp_stream_t *stream, lmopt_status_t status, CUgraph *graph,
                                  lmopt_error_t *error) {
  lmoptp_device_t *device = stream->device;
  bool is_current = lmoptp_enter_cleanup(device);
  CUresult code = device->driver.cuStreamEndCapture(stream->stream, graph);
  if (code)
    *graph = NULL;
  lmoptp_leave_cleanup(device, is_current);
  return status ? status : lmoptp_check(device, code, "ending a recording", error);
}

static lmopt_status_t capture(lmoptp_stream_t *stream, lmoptp_record_fn record, void *user, CUgraph *graph,
                              lmopt_error_t *error) {
  lmoptp_device_t *device = stream->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = device->driver.cuStreamBeginCapture(stream->stream, LMOPTP_CAPTURE_THREAD_LOCAL);
  status = lmoptp_leave(device, code, "beginning a recording", error);
  if (status)
    return status;
  stream->is_recording = true;
  status = record(stream, user, error);
  stream->is_recording = false;
  return end_capture(stream, status, graph, error);
}

// Uploaded at once, so that the first launch asks for no memory either.
static lmopt_status_t instantiate(lmoptp_graph_t *graph, lmoptp_stream_t *stream, CUgraph recorded,
                                  lmopt_error_t *error) {
  lmoptp_device_t *device = graph->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = device->driver.cuGraphInstantiateWithFlags(&graph->executable, recorded, 0);
  if (code)
    graph->executable = NULL;
  else
    code = device->driver.cuGraphUpload(graph->executable, stream->stream);
  return lmoptp_leave(device, code, "making a recording ready", error);
}

static lmopt_status_t record_graph(lmoptp_graph_t *graph, lmoptp_stream_t *stream, lmoptp_record_fn record, void *user,
                                   lmopt_error_t *error) {
  CUgraph recorded = NULL;
  pthread_mutex_lock(&graph->device->capture_lock);
  lmopt_status_t status = capture(stream, record, user, &recorded, error);
  pthread_mutex_unlock(&graph->device->capture_lock);
  if (!status)
    status = instantiate(graph, stream, recorded, error);
  if (recorded) {
    bool is_current = lmoptp_enter_cleanup(graph->device);
    graph->device->driver.cuGraphDestroy(recorded);
    lmoptp_leave_cleanup(graph->device, is_current);
  }
  return status;
}

lmopt_status_t lmoptp_stream_record(lmoptp_stream_t *stream, const char *name, lmoptp_record_fn record, void *user,
                                    lmoptp_graph_t **out, lmopt_error_t *error) {
  lmoptp_graph_t *graph = calloc(1, sizeof *graph);
  if (!graph)
    return lmoptp_fail_memory(error, sizeof *graph, "a recording");
  graph->device = stream->device;
  lmoptp_device_retain(graph->device);
  snprintf(graph->name, sizeof graph->name, "%s", name);
  lmopt_status_t status = record_graph(graph, stream, record, user, error);
  if (status)
    lmoptp_graph_destroy(graph);
  else
    *out = graph;
  return status;
}

lmopt_status_t lmoptp_stream_launch_graph(lmoptp_stream_t *stream, const lmoptp_graph_t *graph, lmopt_error_t *error) {
  lmoptp_device_t *device = stream->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = device->driver.cuGraphLaunch(graph->executable, stream->stream);
  if (code == LMOPTP_CUDA_SUCCESS)
    lmoptp_note_launch(device, stream->step, graph->name);
  return lmoptp_leave(device, code, "launching a recording", error);
}

void lmoptp_graph_destroy(lmoptp_graph_t *graph) {
  if (!graph)
    return;
  lmoptp_device_t *device = graph->device;
  if (graph->executable) {
    bool is_current = lmoptp_enter_cleanup(device);
    device->driver.cuGraphExecDestroy(graph->executable);
    lmoptp_leave_cleanup(device, is_current);
  }
  free(graph);
  lmoptp_device_release(device);
}
