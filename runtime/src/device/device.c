/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Opens one GPU: name -> driver, primary context and what the card is like. Whether it is new enough is decided here,
 * before anything is loaded. The primary context is shared with everything else in the process that uses this GPU.
 * Relies on driver.c. Cost: that of creating the context, some 0.1 to 0.3 s. Tested by
 * test/unit/runtime/DeviceOpenTest.cpp.
 */
#include "runtime/src/device/internal.h"

#include <stdlib.h>
#include <string.h>

static lmopt_status_t read_name(const char *name, int32_t *ordinal, lmopt_error_t *error) {
  *ordinal = 0;
  if (strcmp(name, "cuda") == 0)
    return LMOPT_OK;
  size_t length = strncmp(name, "cuda:", 5) == 0 ? strspn(name + 5, "0123456789") : 0;
  if (length == 0 || length > 4 || name[5 + length])
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "there is no device '%.40s'; expected cpu, cuda or cuda:N", name);
  *ordinal = (int32_t)strtol(name + 5, NULL, 10);
  return LMOPT_OK;
}

lmopt_status_t lmoptp_device_check_name(const char *name, lmopt_error_t *error) {
  int32_t ordinal;
  return read_name(name, &ordinal, error);
}

// What every failure before the context stands has in common.
static lmopt_status_t fail_open(const lmoptp_device_t *device, CUresult code, const char *what, lmopt_error_t *error) {
  char number[32];
  return lmoptp_fail(error, LMOPT_ERROR_CPU, "cuda:%d (CUDA %d.%d): %s: %s: %s", device->info.ordinal,
                     device->driver.version / 1000, device->driver.version % 1000 / 10, what,
                     lmoptp_driver_error_name(&device->driver, code, number),
                     lmoptp_driver_error_text(&device->driver, code));
}

static lmopt_status_t find_device(lmoptp_device_t *device, lmopt_error_t *error) {
  const lmoptp_driver_t *driver = &device->driver;
  int count = 0;
  CUresult code = driver->cuDeviceGetCount(&count);
  if (!code && device->info.ordinal >= count)
    return lmoptp_fail(error, LMOPT_ERROR_CPU, "no NVIDIA GPU cuda:%d: the driver (CUDA %d.%d) shows %d",
                       device->info.ordinal, driver->version / 1000, driver->version % 1000 / 10, count);
  if (!code)
    code = driver->cuDeviceGet(&device->device, device->info.ordinal);
  if (!code)
    code = driver->cuDeviceGetName(device->info.name, sizeof device->info.name, device->device);
  size_t bytes = 0;
  if (!code)
    code = driver->cuDeviceTotalMem(&bytes, device->device);
  device->info.memory_bytes = bytes;
  return code ? fail_open(device, code, "the GPU does not answer", error) : LMOPT_OK;
}

// What cooperative launches and virtual memory need is known of every card that is new enough; what hides them is a
// virtual GPU or a compatibility layer.
typedef struct {
  int32_t major, minor, cooperative, virtual_memory;
} features_t;

static lmopt_status_t read_attributes(lmoptp_device_t *device, features_t *features, lmopt_error_t *error) {
  lmoptp_device_info_t *info = &device->info;
  const struct {
    int which;
    int32_t *into;
    bool is_needed; // else 0 where the driver does not tell
  } attributes[] = {{LMOPTP_DEVICE_CAPABILITY_MAJOR, &features->major, true},
                    {LMOPTP_DEVICE_CAPABILITY_MINOR, &features->minor, true},
                    {LMOPTP_DEVICE_COOPERATIVE_LAUNCH, &features->cooperative, true},
                    {LMOPTP_DEVICE_VIRTUAL_MEMORY, &features->virtual_memory, true},
                    {LMOPTP_DEVICE_MULTIPROCESSORS, &info->multiprocessors, true},
                    {LMOPTP_DEVICE_THREADS_PER_MULTIPROCESSOR, &info->threads_per_multiprocessor, true},
                    {LMOPTP_DEVICE_SHARED_PER_BLOCK_OPTIN, &info->shared_bytes_per_block, true},
                    {LMOPTP_DEVICE_SHARED_PER_MULTIPROCESSOR, &info->shared_bytes_per_multiprocessor, true},
                    {LMOPTP_DEVICE_L2_BYTES, &info->l2_bytes, false},
                    {LMOPTP_DEVICE_MEMORY_CLOCK_KHZ, &info->memory_clock_khz, false},
                    {LMOPTP_DEVICE_MEMORY_BUS_BITS, &info->memory_bus_bits, false}};
  for (size_t i = 0; i < sizeof attributes / sizeof *attributes; ++i) {
    CUresult code = device->driver.cuDeviceGetAttribute(attributes[i].into, attributes[i].which, device->device);
    if (code && attributes[i].is_needed)
      return fail_open(device, code, "the GPU does not tell what it can", error);
    if (code)
      *attributes[i].into = 0;
  }
  info->capability = 10 * features->major + features->minor;
  return LMOPT_OK;
}

static lmopt_status_t check_card(lmoptp_device_t *device, lmopt_error_t *error) {
  features_t features;
  lmopt_status_t status = read_attributes(device, &features, error);
  if (status)
    return status;
  if (device->info.capability < LMOPTP_LOWEST_CAPABILITY)
    return lmoptp_fail_device(device, error, LMOPT_ERROR_CPU,
                              "the GPU has compute capability %d.%d; %d.%d or higher is needed", features.major,
                              features.minor, LMOPTP_LOWEST_CAPABILITY / 10, LMOPTP_LOWEST_CAPABILITY % 10);
  if (!features.cooperative || !features.virtual_memory)
    return lmoptp_fail_device(device, error, LMOPT_ERROR_CPU, "the GPU offers no %s, which are needed",
                              features.cooperative ? "virtual addresses" : "cooperative launches");
  return LMOPT_OK;
}

static lmopt_status_t retain_context(lmoptp_device_t *device, lmopt_error_t *error) {
  CUresult code = device->driver.cuDevicePrimaryCtxRetain(&device->context, device->device);
  if (code == LMOPTP_CUDA_SUCCESS)
    return LMOPT_OK;
  device->context = NULL;
  if (code == LMOPTP_CUDA_DEVICE_UNAVAILABLE || code == LMOPTP_CUDA_INVALID_DEVICE)
    return fail_open(device, code, "another process has the GPU for itself (compute mode), or nobody may use it",
                     error);
  if (code == LMOPTP_CUDA_OUT_OF_MEMORY)
    return lmoptp_fail_device(device, error, LMOPT_ERROR_RESOURCE,
                              "out of device memory: there is no room for a context");
  return fail_open(device, code, "the GPU cannot be used", error);
}

static lmopt_status_t open_parts(lmoptp_device_t *device, const char *name, lmopt_error_t *error) {
  lmopt_status_t status = read_name(name, &device->info.ordinal, error);
  if (!status)
    status = lmoptp_driver_open(&device->driver, name, error);
  if (status)
    return status;
  device->info.driver_version = device->driver.version;
  status = find_device(device, error);
  if (status)
    return status;
  status = check_card(device, error);
  return status ? status : retain_context(device, error);
}

lmopt_status_t lmoptp_device_open(const char *name, lmoptp_device_t **out, lmopt_error_t *error) {
  lmoptp_device_t *device = calloc(1, sizeof *device);
  if (!device)
    return lmoptp_fail_memory(error, sizeof *device, "a device");
  atomic_init(&device->references, 1);
  pthread_mutex_init(&device->lock, NULL);
  pthread_mutex_init(&device->capture_lock, NULL);
  lmopt_status_t status = open_parts(device, name, error);
  if (status)
    lmoptp_device_release(device);
  else
    *out = device;
  return status;
}

void lmoptp_device_retain(lmoptp_device_t *device) {
  atomic_fetch_add_explicit(&device->references, 1, memory_order_relaxed);
}

void lmoptp_device_release(lmoptp_device_t *device) {
  if (!device || atomic_fetch_sub_explicit(&device->references, 1, memory_order_acq_rel) != 1)
    return;
  if (device->context)
    device->driver.cuDevicePrimaryCtxRelease(device->device);
  lmoptp_driver_close(&device->driver);
  pthread_mutex_destroy(&device->lock);
  pthread_mutex_destroy(&device->capture_lock);
  free(device);
}

const lmoptp_device_info_t *lmoptp_device_info(const lmoptp_device_t *device) { return &device->info; }
