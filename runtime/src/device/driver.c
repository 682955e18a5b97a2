/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Opens the CUDA driver library and finds its functions: all of them or none. The version is asked before anything
 * else, because what an old driver lacks is best said by its version. In, out: driver.h. Cost: cuInit, some 0.1 s on
 * a machine with GPUs. Tested by test/unit/runtime/DeviceDriverTest.cpp.
 */
#include "runtime/src/device/driver.h"

#include "runtime/src/platform/support.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(CUlaunchAttribute) == 72 && sizeof(CUlaunchConfig) == 56 && sizeof(CUmemAllocationProp) == 32 &&
                   sizeof(CUmemAccessDesc) == 12,
               "sizes of the ABI");

static const char DEFAULT_LIBRARY[] = "libcuda.so.1";

typedef void (*function_t)(void);
typedef CUresult (*get_proc_address_t)(const char *, void **, int, uint64_t, int *);

static function_t symbol(void *library, const char *name) {
  void *found = dlsym(library, name);
  function_t function;
  memcpy((void *)&function, (const void *)&found,
         sizeof function); // ISO C has no cast from object to function pointers
  return function;
}

// The version that is asked for decides on the parameters a function has: always those that driver.h declares. Drivers
// before CUDA 12 have no such function with these parameters; their symbols serve as well.
static function_t find(void *library, get_proc_address_t get_proc_address, const char *name, const char *suffix) {
  if (!get_proc_address) {
    char exported[64];
    snprintf(exported, sizeof exported, "%s%s", name, suffix);
    return symbol(library, exported);
  }
  void *found = NULL;
  function_t function = NULL;
  if (get_proc_address(name, &found, LMOPTP_LOWEST_DRIVER, 0, NULL) == LMOPTP_CUDA_SUCCESS)
    memcpy((void *)&function, (const void *)&found, sizeof function);
  return function;
}

// Writes the names of what is missing, as many as there is room for; returns how many are missing.
static int find_all(lmoptp_driver_t *driver, char *missing, size_t capacity) {
  get_proc_address_t get_proc_address = (get_proc_address_t)symbol(driver->library, "cuGetProcAddress_v2");
  int count = 0;
  size_t length = 0;
  missing[0] = 0;
  // NOLINTBEGIN(bugprone-macro-parentheses): a list of parameters is no expression
#define FIND(name, suffix, parameters)                                                                                 \
  driver->name = (CUresult(*) parameters)find(driver->library, get_proc_address, #name, suffix);                       \
  if (!driver->name) {                                                                                                 \
    ++count;                                                                                                           \
    if (length < capacity)                                                                                             \
      length += (size_t)snprintf(missing + length, capacity - length, "%s" #name, length ? ", " : "");                 \
  }
  LMOPTP_DRIVER_FUNCTIONS(FIND)
#undef FIND
  // NOLINTEND(bugprone-macro-parentheses)
  return count;
}

static const char *library_name(void) {
  const char *name = secure_getenv("LMOPT_LIBCUDA");
  return name && *name ? name : DEFAULT_LIBRARY;
}

static lmopt_status_t open_library(lmoptp_driver_t *driver, const char *device, lmopt_error_t *error) {
  // NODELETE: the driver has threads of its own that may outlive our use of it.
  driver->library = dlopen(library_name(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (driver->library)
    return LMOPT_OK;
  const char *reason = dlerror();
  return lmoptp_fail(
      error, LMOPT_ERROR_CPU,
      "device %s: no CUDA driver (%s) found: %s. Install NVIDIA's driver, or take a model that was compiled for CPUs",
      device, DEFAULT_LIBRARY, reason ? reason : "out of memory");
}

static lmopt_status_t check_version(lmoptp_driver_t *driver, const char *device, lmopt_error_t *error) {
  CUresult (*get_version)(int *) = (CUresult (*)(int *))symbol(driver->library, "cuDriverGetVersion");
  if (!get_version || get_version(&driver->version))
    return lmoptp_fail(error, LMOPT_ERROR_CPU, "device %s: %s is no CUDA driver: it does not tell its version", device,
                       library_name());
  if (driver->version >= LMOPTP_LOWEST_DRIVER)
    return LMOPT_OK;
  return lmoptp_fail(error, LMOPT_ERROR_ABI,
                     "device %s: the driver is too old: it serves CUDA %d.%d; %d.%d or newer is needed", device,
                     driver->version / 1000, driver->version % 1000 / 10, LMOPTP_LOWEST_DRIVER / 1000,
                     LMOPTP_LOWEST_DRIVER % 1000 / 10);
}

static lmopt_status_t find_functions(lmoptp_driver_t *driver, const char *device, lmopt_error_t *error) {
  char missing[320];
  int count = find_all(driver, missing, sizeof missing);
  if (count == 0)
    return LMOPT_OK;
  return lmoptp_fail(error, LMOPT_ERROR_ABI, "device %s: the driver (CUDA %d.%d) lacks %d functions: %s", device,
                     driver->version / 1000, driver->version % 1000 / 10, count, missing);
}

static lmopt_status_t initialize(const lmoptp_driver_t *driver, const char *device, lmopt_error_t *error) {
  CUresult code = driver->cuInit(0);
  if (code == LMOPTP_CUDA_SUCCESS)
    return LMOPT_OK;
  int major = driver->version / 1000, minor = driver->version % 1000 / 10;
  if (code == LMOPTP_CUDA_NO_DEVICE)
    return lmoptp_fail(error, LMOPT_ERROR_CPU,
                       "device %s: no NVIDIA GPU is visible to the driver (CUDA %d.%d); see CUDA_VISIBLE_DEVICES",
                       device, major, minor);
  if (code == LMOPTP_CUDA_STUB_LIBRARY)
    return lmoptp_fail(error, LMOPT_ERROR_CPU,
                       "device %s: no CUDA driver found: %s is the stub of the CUDA toolkit, for linking only", device,
                       library_name());
  char name[32];
  return lmoptp_fail(error, LMOPT_ERROR_CPU, "device %s: the driver (CUDA %d.%d) cannot be used: %s %s", device, major,
                     minor, lmoptp_driver_error_name(driver, code, name), lmoptp_driver_error_text(driver, code));
}

lmopt_status_t lmoptp_driver_open(lmoptp_driver_t *driver, const char *device, lmopt_error_t *error) {
  memset(driver, 0, sizeof *driver);
  lmopt_status_t status = open_library(driver, device, error);
  if (!status)
    status = check_version(driver, device, error);
  if (!status)
    status = find_functions(driver, device, error);
  if (!status)
    status = initialize(driver, device, error);
  if (status)
    lmoptp_driver_close(driver);
  return status;
}

void lmoptp_driver_close(lmoptp_driver_t *driver) {
  if (driver->library)
    dlclose(driver->library);
  driver->library = NULL;
}

const char *lmoptp_driver_error_name(const lmoptp_driver_t *driver, CUresult code, char *text) {
  const char *name = NULL;
  if (driver->cuGetErrorName(code, &name) == LMOPTP_CUDA_SUCCESS && name)
    return name;
  snprintf(text, 32, "error %d", code);
  return text;
}

const char *lmoptp_driver_error_text(const lmoptp_driver_t *driver, CUresult code) {
  const char *text = NULL;
  return driver->cuGetErrorString(code, &text) == LMOPTP_CUDA_SUCCESS && text ? text : "";
}
