/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Code on a GPU: images of an artifact -> a loaded module -> kernels that are ready to be launched. The image for the
 * greatest capability that runs here is taken: its cubin, which needs no translation, and where the driver has no use
 * for that, its PTX. Limits of kernels are checked when they are found, so that launching has nothing left to refuse.
 * In, out: device.h. Cost of PTX: the driver's translator, seconds for a large module, kept in its cache
 * (in a folder of the user's own) for the next process. Source: ptx.md 0, 5.3. Tested by
 * test/unit/runtime/DeviceModuleTest.cpp.
 */
#include "runtime/src/device/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_BYTES = 2048 };

struct lmoptp_module {
  lmoptp_device_t *device;
  CUmodule module;
  size_t image;
  bool is_translated;
};

/*===--- Which image ---===*/

static bool runs_here(const lmoptp_image_t *image, int32_t capability) {
  return image->is_exact ? image->capability == capability : image->capability <= capability;
}

// Of two for the same capability, the one that runs on nothing else knows more of the card.
static bool is_better(const lmoptp_image_t *image, const lmoptp_image_t *than) {
  return image->capability != than->capability ? image->capability > than->capability
                                               : image->is_exact && !than->is_exact;
}

static lmopt_status_t fail_no_image(const lmoptp_device_t *device, const lmoptp_image_t *images, size_t count,
                                    lmopt_error_t *error) {
  char names[160] = "none";
  size_t length = 0;
  for (size_t i = 0; i < count && length < sizeof names; ++i)
    length += (size_t)snprintf(names + length, sizeof names - length, "%ssm_%d%s", i ? ", " : "", images[i].capability,
                               images[i].is_exact ? "a" : "");
  return lmoptp_fail_device(device, error, LMOPT_ERROR_ABI,
                            "no code for this GPU: it has compute capability %d.%d; there is code for: %s",
                            device->info.capability / 10, device->info.capability % 10, names);
}

static lmopt_status_t choose_image(const lmoptp_device_t *device, const lmoptp_image_t *images, size_t count,
                                   size_t *chosen, lmopt_error_t *error) {
  const lmoptp_image_t *best = NULL;
  for (size_t i = 0; i < count; ++i)
    if (runs_here(&images[i], device->info.capability) && (!best || is_better(&images[i], best)))
      best = &images[i];
  if (!best)
    return fail_no_image(device, images, count, error);
  *chosen = (size_t)(best - images);
  return LMOPT_OK;
}

/*===--- Loading ---===*/

// PTX x.y and the first CUDA whose drivers take it. Source: PTX ISA, "Release Notes".
static const struct {
  uint16_t ptx, cuda;
} releases[] = {{70, 1100}, {71, 1101}, {72, 1102}, {73, 1103}, {74, 1104}, {75, 1105}, {76, 1106},
                {77, 1107}, {78, 1108}, {80, 1200}, {81, 1201}, {82, 1202}, {83, 1203}, {84, 1204},
                {85, 1205}, {86, 1207}, {87, 1208}, {88, 1209}, {90, 1300}};

// The version in the text's directive ".version 8.0": 80; 0 where there is none.
static int version_of(const char *text) {
  const char *directive = strstr(text, ".version");
  if (!directive)
    return 0;
  char *end;
  long major = strtol(directive + strlen(".version"), &end, 10);
  long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
  return (int)(10 * major + minor);
}

static lmopt_status_t fail_too_old(const lmoptp_device_t *device, const char *text, lmopt_error_t *error) {
  int ptx = version_of(text);
  for (size_t i = 0; i < sizeof releases / sizeof *releases; ++i)
    if (releases[i].ptx == ptx)
      return lmoptp_fail_device(device, error, LMOPT_ERROR_ABI,
                                "the driver is too old for PTX %d.%d: it serves CUDA %d.%d; %d.%d or newer is needed",
                                ptx / 10, ptx % 10, device->info.driver_version / 1000,
                                device->info.driver_version % 1000 / 10, releases[i].cuda / 100,
                                releases[i].cuda % 100);
  return lmoptp_fail_device(device, error, LMOPT_ERROR_ABI,
                            "the driver is too old for PTX %d.%d: it serves CUDA %d.%d; a newer one is needed",
                            ptx / 10, ptx % 10, device->info.driver_version / 1000,
                            device->info.driver_version % 1000 / 10);
}

// The translator's log on one line.
static void flatten(char *log) {
  for (char *c = log; *c; ++c)
    if (*c == '\n' || *c == '\r' || *c == '\t')
      *c = ' ';
}

// Whether the driver refuses the module for what it is, not for want of memory or because the device is dead.
static bool is_refusal(CUresult code) {
  return code == LMOPTP_CUDA_INVALID_IMAGE || code == LMOPTP_CUDA_NO_BINARY_FOR_GPU ||
         code == LMOPTP_CUDA_INVALID_PTX || code == LMOPTP_CUDA_JIT_COMPILER_NOT_FOUND ||
         code == LMOPTP_CUDA_UNSUPPORTED_PTX_VERSION || code == LMOPTP_CUDA_JIT_COMPILATION_DISABLED;
}

// What a refusal means. The context is current no more.
static lmopt_status_t fail_text(lmoptp_device_t *device, CUresult code, const char *text, char *log,
                                lmopt_error_t *error) {
  flatten(log);
  switch (code) {
  case LMOPTP_CUDA_UNSUPPORTED_PTX_VERSION:
    return fail_too_old(device, text, error);
  case LMOPTP_CUDA_NO_BINARY_FOR_GPU:
    return lmoptp_fail_device(device, error, LMOPT_ERROR_ABI,
                              "the driver finds no image for this GPU (compute capability %d.%d) in the module: %s",
                              device->info.capability / 10, device->info.capability % 10, log);
  case LMOPTP_CUDA_JIT_COMPILER_NOT_FOUND:
  case LMOPTP_CUDA_JIT_COMPILATION_DISABLED:
    return lmoptp_fail_device(device, error, LMOPT_ERROR_ABI,
                              "the driver cannot translate PTX here (libnvidia-ptxjitcompiler is missing, or "
                              "CUDA_DISABLE_PTX_JIT is set), and there is no cubin for compute capability %d.%d",
                              device->info.capability / 10, device->info.capability % 10);
  default:
    return lmoptp_fail_device(device, error, LMOPT_ERROR_INTERNAL, "the driver does not take the PTX: %s", log);
  }
}

// The driver has no use for this cubin, but there is nothing wrong: another card's, or of a newer toolkit.
static bool is_foreign_cubin(CUresult code) {
  return code == LMOPTP_CUDA_NO_BINARY_FOR_GPU || code == LMOPTP_CUDA_INVALID_IMAGE ||
         code == LMOPTP_CUDA_UNSUPPORTED_PTX_VERSION;
}

// Sets module->module, or leaves it NULL where the text must serve.
static lmopt_status_t load_cubin(lmoptp_module_t *module, const lmoptp_image_t *image, lmopt_error_t *error) {
  lmoptp_device_t *device = module->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  CUresult code = device->driver.cuModuleLoadDataEx(&module->module, image->cubin, 0, NULL, NULL);
  if (code)
    module->module = NULL;
  if (image->ptx && is_foreign_cubin(code))
    code = LMOPTP_CUDA_SUCCESS;
  if (!is_foreign_cubin(code))
    return lmoptp_leave_memory(device, code, image->cubin_bytes, "loading a cubin", error);
  lmoptp_pop(device);
  return lmoptp_fail_device(device, error, LMOPT_ERROR_ABI,
                            "the driver has no use for the cubin for sm_%d%s, and there is no PTX beside it",
                            image->capability, image->is_exact ? "a" : "");
}

static lmopt_status_t load_zero_terminated(lmoptp_module_t *module, const char *text, size_t bytes,
                                           lmopt_error_t *error) {
  lmoptp_device_t *device = module->device;
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  char log[LOG_BYTES] = "";
  int options[] = {LMOPTP_JIT_ERROR_LOG, LMOPTP_JIT_ERROR_LOG_BYTES};
  void *values[] = {log, (void *)(uintptr_t)(sizeof log - 1)}; // a number in place of a pointer: the API's way
  CUresult code = device->driver.cuModuleLoadDataEx(&module->module, text, 2, options, values);
  if (code)
    module->module = NULL;
  if (!is_refusal(code))
    return lmoptp_leave_memory(device, code, bytes, "loading a module", error);
  lmoptp_pop(device);
  return fail_text(device, code, text, log, error);
}

static lmopt_status_t load_text(lmoptp_module_t *module, const lmoptp_image_t *image, lmopt_error_t *error) {
  char *text = malloc(image->ptx_bytes + 1);
  if (!text)
    return lmoptp_fail_memory(error, image->ptx_bytes + 1, "a copy of the PTX");
  memcpy(text, image->ptx, image->ptx_bytes);
  text[image->ptx_bytes] = 0;
  lmopt_status_t status = load_zero_terminated(module, text, image->ptx_bytes, error);
  free(text);
  module->is_translated = true;
  return status;
}

static lmopt_status_t load_image(lmoptp_module_t *module, const lmoptp_image_t *images, size_t count,
                                 lmopt_error_t *error) {
  lmopt_status_t status = choose_image(module->device, images, count, &module->image, error);
  const lmoptp_image_t *image = &images[module->image];
  if (!status && image->cubin)
    status = load_cubin(module, image, error);
  if (!status && !module->module)
    status = load_text(module, image, error);
  return status;
}

lmopt_status_t lmoptp_module_load(lmoptp_device_t *device, const lmoptp_image_t *images, size_t count,
                                  lmoptp_module_t **out, lmopt_error_t *error) {
  lmoptp_module_t *module = calloc(1, sizeof *module);
  if (!module)
    return lmoptp_fail_memory(error, sizeof *module, "a module");
  module->device = device;
  lmoptp_device_retain(device);
  lmopt_status_t status = load_image(module, images, count, error);
  if (status)
    lmoptp_module_unload(module);
  else
    *out = module;
  return status;
}

void lmoptp_module_unload(lmoptp_module_t *module) {
  if (!module)
    return;
  lmoptp_device_t *device = module->device;
  if (module->module) {
    bool is_current = lmoptp_enter_cleanup(device);
    device->driver.cuModuleUnload(module->module);
    lmoptp_leave_cleanup(device, is_current);
  }
  free(module);
  lmoptp_device_release(device);
}

size_t lmoptp_module_image(const lmoptp_module_t *module) { return module->image; }
bool lmoptp_module_is_translated(const lmoptp_module_t *module) { return module->is_translated; }

/*===--- Kernels ---===*/

// Registers are for people to read; the fake driver, which has none, does not tell them.
static CUresult ask_kernel(const lmoptp_module_t *module, lmoptp_kernel_t *kernel, int *most_threads,
                           int *static_shared) {
  const lmoptp_driver_t *driver = &module->device->driver;
  CUfunction function = NULL;
  CUresult code = driver->cuModuleGetFunction(&function, module->module, kernel->name);
  if (!code)
    code = driver->cuFuncGetAttribute(most_threads, LMOPTP_FUNCTION_MOST_THREADS, function);
  if (!code)
    code = driver->cuFuncGetAttribute(static_shared, LMOPTP_FUNCTION_SHARED_BYTES, function);
  if (!code && driver->cuFuncGetAttribute(&kernel->registers, LMOPTP_FUNCTION_REGISTERS, function))
    kernel->registers = 0;
  kernel->function = function;
  return code;
}

static lmopt_status_t check_kernel(const lmoptp_module_t *module, const lmoptp_kernel_t *kernel, int most_threads,
                                   int static_shared, lmopt_error_t *error) {
  lmoptp_device_t *device = module->device;
  if (kernel->threads == 0 || kernel->threads > (uint32_t)most_threads)
    return lmoptp_fail_device(device, error, LMOPT_ERROR_INTERNAL, "kernel '%s': blocks of %u threads; it runs 1 to %d",
                              kernel->name, kernel->threads, most_threads);
  uint64_t shared = (uint64_t)kernel->shared_bytes + (uint32_t)static_shared;
  if (shared > (uint64_t)device->info.shared_bytes_per_block)
    return lmoptp_fail_device(device, error, LMOPT_ERROR_ABI,
                              "kernel '%s' needs %llu bytes of shared memory in a block; the GPU has %d", kernel->name,
                              (unsigned long long)shared, device->info.shared_bytes_per_block);
  return LMOPT_OK;
}

// The context is current. The limit of shared memory belongs to the function, which others may have found, too: it only
// grows.
static CUresult fit_kernel(const lmoptp_module_t *module, lmoptp_kernel_t *kernel) {
  const lmoptp_driver_t *driver = &module->device->driver;
  int limit = 0;
  CUresult code = driver->cuFuncGetAttribute(&limit, LMOPTP_FUNCTION_MOST_DYNAMIC_SHARED, kernel->function);
  if (!code && kernel->shared_bytes > (uint32_t)limit)
    code = driver->cuFuncSetAttribute(kernel->function, LMOPTP_FUNCTION_MOST_DYNAMIC_SHARED, (int)kernel->shared_bytes);
  if (!code)
    code = driver->cuOccupancyMaxActiveBlocksPerMultiprocessor(&kernel->blocks_per_multiprocessor, kernel->function,
                                                               (int)kernel->threads, kernel->shared_bytes);
  kernel->resident_blocks = kernel->blocks_per_multiprocessor * module->device->info.multiprocessors;
  return code;
}

lmopt_status_t lmoptp_kernel_find(lmoptp_module_t *module, const char *name, uint32_t threads, uint32_t shared_bytes,
                                  lmoptp_kernel_t *kernel, lmopt_error_t *error) {
  lmoptp_device_t *device = module->device;
  int most_threads = 0, static_shared = 0;
  *kernel = (lmoptp_kernel_t){.name = name, .threads = threads, .shared_bytes = shared_bytes};
  lmopt_status_t status = lmoptp_enter(device, error);
  if (status)
    return status;
  char what[160];
  snprintf(what, sizeof what, "finding kernel '%.100s'", name);
  status = lmoptp_leave(device, ask_kernel(module, kernel, &most_threads, &static_shared), what, error);
  if (!status)
    status = check_kernel(module, kernel, most_threads, static_shared, error);
  if (!status)
    status = lmoptp_enter(device, error);
  if (status)
    return status;
  snprintf(what, sizeof what, "fitting kernel '%.100s'", name);
  return lmoptp_leave(device, fit_kernel(module, kernel), what, error);
}
