/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One GPU for those who compute on it: memory, kernels, streams. A team of a GPU is a stream and an arena of this; the
 * weights are one block that all teams of the GPU share; a session keeps its cache in pages. All memory is asked for
 * when these are made; a step only launches and copies, except that pages are mapped as tokens arrive and
 * recordings are made.
 *
 * Every call that fails says which GPU and driver, what was asked for and what is needed, and has one of the statuses
 *   USAGE     the name of a device is none
 *   CPU       no driver, no such GPU, or one that is too old or taken by another process
 *   ABI       the driver is too old, or no image of the module is for this GPU
 *   RESOURCE  out of memory, of the GPU or of the host
 *   INTERNAL  a kernel failed, a barrier was waited for too long, or a call was wrong
 * After a fault of a kernel the GPU's context is lost: the device is dead, and every later call of anybody who shares
 * it says so and since when. Only giving back still works.
 *
 * Threads: a stream, and what is recorded on it, belongs to one thread at a time; everything else may be called by any.
 * No call leaves a context current that was not so before: the host may use CUDA itself.
 * Source: ptx.md 5.2, 5.3. Tested by test/unit/runtime/Device*Test.cpp over the driver of test/ptx/fake.
 */
#ifndef LMOPT_SRC_DEVICE_DEVICE_H
#define LMOPT_SRC_DEVICE_DEVICE_H

#include "lmopt/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lmoptp_device lmoptp_device_t;
typedef struct lmoptp_pages lmoptp_pages_t;
typedef struct lmoptp_module lmoptp_module_t;
typedef struct lmoptp_stream lmoptp_stream_t;
typedef struct lmoptp_graph lmoptp_graph_t;
typedef struct lmoptp_event lmoptp_event_t;

/* Where something lies in the GPU's memory; 0 is nowhere. */
typedef uint64_t lmoptp_address_t;

/*===--- The GPU (device.c) ---===*/

enum { LMOPTP_LOWEST_CAPABILITY = 80 }; /* compute capability 8.0: mma.sync on bf16 and s8, cp.async */

typedef struct {
  char name[96];          /* "NVIDIA H200" */
  int32_t ordinal;        /* N of "cuda:N" */
  int32_t driver_version; /* 12040: it serves CUDA up to 12.4 */
  int32_t capability;     /* 90 is 9.0 */
  int32_t multiprocessors;
  int32_t threads_per_multiprocessor; /* that may be resident */
  int32_t shared_bytes_per_block;     /* that a block may ask for */
  int32_t shared_bytes_per_multiprocessor;
  int32_t l2_bytes;
  int32_t memory_clock_khz; /* 0: not told */
  int32_t memory_bus_bits;
  uint64_t memory_bytes;
} lmoptp_device_info_t;

/* Whether it is a name at all; no driver is asked. */
lmopt_status_t lmoptp_device_check_name(const char *name, lmopt_error_t *error);
/* `name`: "cuda" is "cuda:0", "cuda:N" is number N of those that the driver shows. */
lmopt_status_t lmoptp_device_open(const char *name, lmoptp_device_t **out, lmopt_error_t *error);
/* One more holder. Pages, modules, streams, graphs and events hold it, too; memory does not. */
void lmoptp_device_retain(lmoptp_device_t *device);
void lmoptp_device_release(lmoptp_device_t *device);
const lmoptp_device_info_t *lmoptp_device_info(const lmoptp_device_t *device);
/* Whether it is still alive: OK, or the message of its end. */
lmopt_status_t lmoptp_device_check(lmoptp_device_t *device, lmopt_error_t *error);

/*===--- Memory (memory.c) ---===*/

/* What somebody is about to ask for, by what it is for: the message tells all three. */
typedef struct {
  uint64_t weights, arena, cache;
} lmoptp_memory_need_t;
lmopt_status_t lmoptp_device_free_bytes(lmoptp_device_t *device, uint64_t *free_bytes, lmopt_error_t *error);
/* RESOURCE when not all of it is free now, before any of it is asked for. */
lmopt_status_t lmoptp_device_check_memory(lmoptp_device_t *device, const lmoptp_memory_need_t *need,
                                          lmopt_error_t *error);

/* Memory of the GPU, 256-byte aligned, with any contents. 0 bytes give 0. `what`: "the weights", for the message. */
lmopt_status_t lmoptp_device_allocate(lmoptp_device_t *device, uint64_t bytes, const char *what, lmoptp_address_t *out,
                                      lmopt_error_t *error);
void lmoptp_device_free(lmoptp_device_t *device, lmoptp_address_t address);
/* Pinned memory of the host: copies to and from it run beside kernels, which reach it by the same address. */
lmopt_status_t lmoptp_device_allocate_host(lmoptp_device_t *device, uint64_t bytes, const char *what, void **out,
                                           lmopt_error_t *error);
void lmoptp_device_free_host(lmoptp_device_t *device, void *memory);

/* Copies a large block of any host memory (a mapped file) to the GPU and returns when it is there. `piece_bytes` at a
 * time go through pinned memory, of which it takes and gives back two pieces; LMOPTP_UPLOAD_PIECE is a good number. 0:
 * all at once. */
enum { LMOPTP_UPLOAD_PIECE = 64 << 20 };
lmopt_status_t lmoptp_device_upload(lmoptp_device_t *device, lmoptp_address_t into, const void *from, uint64_t bytes,
                                    uint64_t piece_bytes, lmopt_error_t *error);

/*===--- Addresses that get memory as they are needed (pages.c) ---===*/

/* Reserves addresses for `bytes`; no memory yet. `what`, for messages, is BORROWED. */
lmopt_status_t lmoptp_pages_create(lmoptp_device_t *device, uint64_t bytes, const char *what, lmoptp_pages_t **out,
                                   lmopt_error_t *error);
void lmoptp_pages_destroy(lmoptp_pages_t *pages);
lmoptp_address_t lmoptp_pages_address(const lmoptp_pages_t *pages);
/* How many bytes have memory. */
uint64_t lmoptp_pages_mapped(const lmoptp_pages_t *pages);
/* Makes sure that [offset, offset + bytes) has memory: all of it, or nothing is changed. */
lmopt_status_t lmoptp_pages_map(lmoptp_pages_t *pages, uint64_t offset, uint64_t bytes, lmopt_error_t *error);
/* Gives back the pages that lie wholly in [offset, offset + bytes), once everything on the device has run. */
lmopt_status_t lmoptp_pages_unmap(lmoptp_pages_t *pages, uint64_t offset, uint64_t bytes, lmopt_error_t *error);

/*===--- Modules and kernels (module.c) ---===*/

/* Code for one architecture: PTX, and what ptxas made of it where that was at hand. */
typedef struct {
  int32_t capability; /* 80: sm_80 */
  bool is_exact;      /* sm_90a: runs on that capability alone, else on later ones, too */
  const char *ptx;    /* not zero-terminated; NULL: there is none */
  size_t ptx_bytes;
  const void *cubin; /* NULL: there is none */
  size_t cubin_bytes;
} lmoptp_image_t;

/* Loads the image for the greatest capability that runs here: its cubin, or its PTX where there is none or the driver
 * says that it has no use for it. */
lmopt_status_t lmoptp_module_load(lmoptp_device_t *device, const lmoptp_image_t *images, size_t count,
                                  lmoptp_module_t **out, lmopt_error_t *error);
void lmoptp_module_unload(lmoptp_module_t *module);
/* Which of the images it is, and whether the driver had to translate its PTX. */
size_t lmoptp_module_image(const lmoptp_module_t *module);
bool lmoptp_module_is_translated(const lmoptp_module_t *module);

/* A kernel as it is launched. It lives in its module. */
typedef struct {
  const char *name; /* BORROWED from who asked for it */
  void *function;
  uint32_t threads;      /* of a block */
  uint32_t shared_bytes; /* dynamic shared memory of a block */
  int32_t registers;     /* of a thread; 0: not told */
  int32_t blocks_per_multiprocessor;
  int32_t resident_blocks; /* on the whole GPU: the greatest cooperative grid */
} lmoptp_kernel_t;
lmopt_status_t lmoptp_kernel_find(lmoptp_module_t *module, const char *name, uint32_t threads, uint32_t shared_bytes,
                                  lmoptp_kernel_t *kernel, lmopt_error_t *error);

/*===--- Streams (stream.c) ---===*/

/* What is put on a stream runs in order, later; what it says of failure is found by who waits. */
lmopt_status_t lmoptp_stream_create(lmoptp_device_t *device, lmoptp_stream_t **out, lmopt_error_t *error);
/* Waits for what is on it. */
void lmoptp_stream_destroy(lmoptp_stream_t *stream);
lmoptp_device_t *lmoptp_stream_device(const lmoptp_stream_t *stream);
lmopt_status_t lmoptp_stream_synchronize(lmoptp_stream_t *stream, lmopt_error_t *error);

/* Copies; host memory must be pinned and must stay until they have run. */
lmopt_status_t lmoptp_stream_copy_in(lmoptp_stream_t *stream, lmoptp_address_t into, const void *from, uint64_t bytes,
                                     lmopt_error_t *error);
lmopt_status_t lmoptp_stream_copy_out(lmoptp_stream_t *stream, void *into, lmoptp_address_t from, uint64_t bytes,
                                      lmopt_error_t *error);
lmopt_status_t lmoptp_stream_copy(lmoptp_stream_t *stream, lmoptp_address_t into, lmoptp_address_t from, uint64_t bytes,
                                  lmopt_error_t *error);
lmopt_status_t lmoptp_stream_fill(lmoptp_stream_t *stream, lmoptp_address_t into, uint8_t value, uint64_t bytes,
                                  lmopt_error_t *error);

/* What launches from now on belong to ("layers.3.attn.q"), for the message when one of them fails. It is copied. */
void lmoptp_stream_name_step(lmoptp_stream_t *stream, const char *step);

enum { LMOPTP_LAUNCH_COOPERATIVE = 1 }; /* all blocks are resident at once: a grid barrier is allowed */
/* `arguments`: the kernel's parameters as they lie in parameter space; they are copied. */
lmopt_status_t lmoptp_stream_launch(lmoptp_stream_t *stream, const lmoptp_kernel_t *kernel, const uint32_t grid[3],
                                    uint32_t flags, const void *arguments, size_t bytes, lmopt_error_t *error);

/* Runs `record`, which puts work on the stream, asks for no memory and waits for nothing, and keeps what it put there
 * instead of running it. Arguments are those of now; a step that changes from time to time reads what changes from
 * memory. */
typedef lmopt_status_t (*lmoptp_record_fn)(lmoptp_stream_t *stream, void *user, lmopt_error_t *error);
lmopt_status_t lmoptp_stream_record(lmoptp_stream_t *stream, const char *name, lmoptp_record_fn record, void *user,
                                    lmoptp_graph_t **out, lmopt_error_t *error);
lmopt_status_t lmoptp_stream_launch_graph(lmoptp_stream_t *stream, const lmoptp_graph_t *graph, lmopt_error_t *error);
void lmoptp_graph_destroy(lmoptp_graph_t *graph);

/*===--- Events: points on a stream (event.c) ---===*/

lmopt_status_t lmoptp_event_create(lmoptp_device_t *device, lmoptp_event_t **out, lmopt_error_t *error);
void lmoptp_event_destroy(lmoptp_event_t *event);
lmopt_status_t lmoptp_event_record(lmoptp_event_t *event, lmoptp_stream_t *stream, lmopt_error_t *error);
/* The host waits for it; what comes on `stream` waits for it. */
lmopt_status_t lmoptp_event_synchronize(lmoptp_event_t *event, lmopt_error_t *error);
lmopt_status_t lmoptp_stream_wait_event(lmoptp_stream_t *stream, lmoptp_event_t *event, lmopt_error_t *error);
/* Time of the GPU between two of them, both over. */
lmopt_status_t lmoptp_event_elapsed(lmoptp_event_t *start, lmoptp_event_t *end, float *milliseconds,
                                    lmopt_error_t *error);

#ifdef __cplusplus
}
#endif
#endif
