/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The inside of a device, for the files of this folder, and how each of their calls begins and ends:
 *   status = lmoptp_enter(device, error);                // alive? then its context is current
 *   if (!status) status = lmoptp_leave(device, device->driver.cu...(...), "copying to it", error);
 */
#ifndef LMOPT_SRC_DEVICE_INTERNAL_H
#define LMOPT_SRC_DEVICE_INTERNAL_H

#include "runtime/src/device/device.h"
#include "runtime/src/device/driver.h"
#include "runtime/src/platform/support.h"

#include <pthread.h>

enum { LMOPTP_NAME_BYTES = 96 };

struct lmoptp_device {
  atomic_int references;
  lmoptp_driver_t driver;
  lmoptp_device_info_t info;
  CUdevice device;
  CUcontext context;
  atomic_bool is_dead;
  pthread_mutex_t capture_lock;      // held while a stream captures, and while all streams are waited for
  pthread_mutex_t lock;              // of what follows
  char last_step[LMOPTP_NAME_BYTES]; // that was launched, and its kernel or graph; "" before the first
  char last_kernel[LMOPTP_NAME_BYTES];
  char epitaph[LMOPT_ERROR_MESSAGE_SIZE]; // why it is dead
};

/* Makes the context current, or says that the device is dead. */
lmopt_status_t lmoptp_enter(lmoptp_device_t *device, lmopt_error_t *error);
/* What the answer of a driver function means; remembers the death of the device. `what`: "copying to it". */
lmopt_status_t lmoptp_check(lmoptp_device_t *device, CUresult code, const char *what, lmopt_error_t *error);
/* The opposite of entering, and what became of the call in between. */
lmopt_status_t lmoptp_leave(lmoptp_device_t *device, CUresult code, const char *what, lmopt_error_t *error);
/* The same for a call that asked for memory. */
lmopt_status_t lmoptp_leave_memory(lmoptp_device_t *device, CUresult code, uint64_t bytes, const char *what,
                                   lmopt_error_t *error);
/* Ends a call whose failure the caller tells himself. */
void lmoptp_pop(lmoptp_device_t *device);
/* For calls that give back, which nothing can stop: also on a dead device. The first says whether the context is
 * current, and the second is told. */
bool lmoptp_enter_cleanup(lmoptp_device_t *device);
void lmoptp_leave_cleanup(lmoptp_device_t *device, bool is_current);

/* Waits for all streams. The driver refuses that, and spoils the recording, while any of them captures. */
CUresult lmoptp_wait_for_all(lmoptp_device_t *device);

/* Fails with "cuda:0 (NAME, CUDA 12.4): ...". */
lmopt_status_t lmoptp_fail_device(const lmoptp_device_t *device, lmopt_error_t *error, lmopt_status_t status,
                                  const char *format, ...) __attribute__((format(printf, 4, 5)));
void lmoptp_note_launch(lmoptp_device_t *device, const char *step, const char *kernel);

#endif
