/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What the answer of a driver function means: status, message, and whether the device outlives it. In: a code and what
 * was being done. Out: an error that names GPU, driver and need (ptx.md 5.3). A fault of a kernel is told by whatever
 * call comes after it, so the message says which step was launched last. Tested by
 * test/unit/runtime/DeviceErrorTest.cpp.
 */
#include "runtime/src/device/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

lmopt_status_t lmoptp_fail_device(const lmoptp_device_t *device, lmopt_error_t *error, lmopt_status_t status,
                                  const char *format, ...) {
  char text[LMOPT_ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  const lmoptp_device_info_t *info = &device->info;
  return lmoptp_fail(error, status, "cuda:%d (%s, CUDA %d.%d): %s", info->ordinal, info->name,
                     info->driver_version / 1000, info->driver_version % 1000 / 10, text);
}

void lmoptp_note_launch(lmoptp_device_t *device, const char *step, const char *kernel) {
  pthread_mutex_lock(&device->lock);
  snprintf(device->last_step, sizeof device->last_step, "%s", step);
  snprintf(device->last_kernel, sizeof device->last_kernel, "%s", kernel);
  pthread_mutex_unlock(&device->lock);
}

// After these the driver refuses everything in this context.
static bool is_fatal(CUresult code) {
  switch (code) {
  case LMOPTP_CUDA_ECC_UNCORRECTABLE:
  case LMOPTP_CUDA_ILLEGAL_ADDRESS:
  case LMOPTP_CUDA_LAUNCH_TIMEOUT:
  case LMOPTP_CUDA_CONTEXT_IS_DESTROYED:
  case LMOPTP_CUDA_ASSERT:
    return true;
  default: // hardware stack, illegal instruction (also trap), misaligned, address space, program counter, failure
    return code >= LMOPTP_CUDA_HARDWARE_STACK_ERROR && code <= LMOPTP_CUDA_LAUNCH_FAILED;
  }
}

static lmopt_status_t fail_dead(lmoptp_device_t *device, lmopt_error_t *error) {
  pthread_mutex_lock(&device->lock);
  lmopt_status_t status =
      lmoptp_fail_device(device, error, LMOPT_ERROR_INTERNAL, "the device is dead: %s", device->epitaph);
  pthread_mutex_unlock(&device->lock);
  return status;
}

// A barrier that gives up traps, which the driver tells as an illegal instruction or a failure.
static const char *cause_of(CUresult code) {
  switch (code) {
  case LMOPTP_CUDA_ECC_UNCORRECTABLE:
    return "its memory is damaged";
  case LMOPTP_CUDA_CONTEXT_IS_DESTROYED:
    return "somebody has destroyed its context";
  case LMOPTP_CUDA_LAUNCH_TIMEOUT:
  case LMOPTP_CUDA_ILLEGAL_INSTRUCTION:
  case LMOPTP_CUDA_LAUNCH_FAILED:
    return "a kernel failed, or a barrier was waited for too long";
  default:
    return "a kernel failed";
  }
}

// The lock is held.
static void write_epitaph(lmoptp_device_t *device, CUresult code) {
  char number[32], last[2 * LMOPTP_NAME_BYTES + 48] = "nothing was launched before";
  if (device->last_kernel[0])
    snprintf(last, sizeof last, "launched last: step '%s', kernel '%s'", device->last_step, device->last_kernel);
  snprintf(device->epitaph, sizeof device->epitaph, "%s (%s: %s); %s", cause_of(code),
           lmoptp_driver_error_name(&device->driver, code, number), lmoptp_driver_error_text(&device->driver, code),
           last);
}

// The first one to see it writes the epitaph, which later calls repeat.
static lmopt_status_t bury(lmoptp_device_t *device, CUresult code, lmopt_error_t *error) {
  pthread_mutex_lock(&device->lock);
  if (!atomic_load(&device->is_dead))
    write_epitaph(device, code);
  atomic_store(&device->is_dead, true);
  pthread_mutex_unlock(&device->lock);
  return fail_dead(device, error);
}

lmopt_status_t lmoptp_check(lmoptp_device_t *device, CUresult code, const char *what, lmopt_error_t *error) {
  if (code == LMOPTP_CUDA_SUCCESS)
    return LMOPT_OK;
  if (is_fatal(code))
    return bury(device, code, error);
  char number[32];
  bool is_resource = code == LMOPTP_CUDA_OUT_OF_MEMORY || code == LMOPTP_CUDA_LAUNCH_OUT_OF_RESOURCES;
  return lmoptp_fail_device(device, error, is_resource ? LMOPT_ERROR_RESOURCE : LMOPT_ERROR_INTERNAL,
                            "%s failed: %s: %s", what, lmoptp_driver_error_name(&device->driver, code, number),
                            lmoptp_driver_error_text(&device->driver, code));
}

lmopt_status_t lmoptp_enter(lmoptp_device_t *device, lmopt_error_t *error) {
  if (atomic_load(&device->is_dead))
    return fail_dead(device, error);
  return lmoptp_check(device, device->driver.cuCtxPushCurrent(device->context), "taking its context", error);
}

void lmoptp_pop(lmoptp_device_t *device) {
  CUcontext popped;
  device->driver.cuCtxPopCurrent(&popped);
}

lmopt_status_t lmoptp_leave(lmoptp_device_t *device, CUresult code, const char *what, lmopt_error_t *error) {
  lmoptp_pop(device);
  return lmoptp_check(device, code, what, error);
}

lmopt_status_t lmoptp_leave_memory(lmoptp_device_t *device, CUresult code, uint64_t bytes, const char *what,
                                   lmopt_error_t *error) {
  if (code != LMOPTP_CUDA_OUT_OF_MEMORY)
    return lmoptp_leave(device, code, what, error);
  size_t free_bytes = 0, total = 0;
  CUresult asked = device->driver.cuMemGetInfo(&free_bytes, &total);
  lmoptp_pop(device);
  if (asked)
    return lmoptp_fail_device(device, error, LMOPT_ERROR_RESOURCE, "out of memory: %s needs %llu bytes", what,
                              (unsigned long long)bytes);
  return lmoptp_fail_device(device, error, LMOPT_ERROR_RESOURCE,
                            "out of device memory: %s needs %llu bytes; %llu of %llu are free", what,
                            (unsigned long long)bytes, (unsigned long long)free_bytes, (unsigned long long)total);
}

bool lmoptp_enter_cleanup(lmoptp_device_t *device) {
  return device->driver.cuCtxPushCurrent(device->context) == LMOPTP_CUDA_SUCCESS;
}

// What was not pushed must not be popped: it would be the host's.
void lmoptp_leave_cleanup(lmoptp_device_t *device, bool is_current) {
  if (is_current)
    lmoptp_pop(device);
}

lmopt_status_t lmoptp_device_check(lmoptp_device_t *device, lmopt_error_t *error) {
  return atomic_load(&device->is_dead) ? fail_dead(device, error) : LMOPT_OK;
}
