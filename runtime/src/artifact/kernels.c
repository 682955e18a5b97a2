/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Reads the code for GPUs that an artifact carries: which architectures there are, their images, and the tables that
 * say how each kernel is launched (abi.h, lmopt_kernels_t). In: metadata blobs of any contents. Out: views into them
 * whose every number has been compared with its limit, or MALFORMED with the field by name. What the images hold is
 * code, which nobody checks here: it is trusted as .text is. Relies on artifact.c. Tested by
 * test/unit/runtime/KernelTableTest.cpp, fuzzed by fuzz-artifact.
 */
#include "runtime/src/artifact/kernels.h"

#include <stdio.h>
#include <string.h>

// Limits of CUDA for a block and for parameters, and a bound beyond all shared memory that a block can have (227 KB on
// GPUs of 2026: what a GPU really has is asked when a kernel is found).
enum { MOST_THREADS = 1024, MOST_SHARED = 1 << 20, MOST_ARGUMENTS = 32764, MOST_KERNELS = 1 << 16 };

static const char table_prefix[] = "kernels.";

lmopt_kernel_t lmoptp_kernel_at(const lmoptp_kernels_t *kernels, uint32_t index) {
  lmopt_kernel_t kernel;
  memcpy(&kernel, kernels->blob + sizeof(lmopt_kernels_t) + (size_t)index * sizeof kernel, sizeof kernel);
  return kernel;
}

const char *lmoptp_kernel_name(const lmoptp_kernels_t *kernels, uint32_t index) {
  return (const char *)kernels->blob + lmoptp_kernel_at(kernels, index).name;
}

uint32_t lmoptp_kernels_record_bytes(const lmoptp_kernels_t *kernels) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < kernels->count; ++i) {
    lmopt_kernel_t kernel = lmoptp_kernel_at(kernels, i);
    if (kernel.walked && kernel.argument_bytes > most)
      most = kernel.argument_bytes;
  }
  uint32_t bytes = (uint32_t)sizeof(lmopt_walk_record_t) + most;
  return (bytes + LMOPT_WALK_RECORD_ALIGNMENT - 1) / LMOPT_WALK_RECORD_ALIGNMENT * LMOPT_WALK_RECORD_ALIGNMENT;
}

/*===--- One table ---===*/

// What is wrong with a kernel as part of a walk, or NULL.
static const char *walk_fault(const lmoptp_kernels_t *kernels, lmopt_kernel_t kernel, uint32_t index) {
  bool is_walker = index + 1 == kernels->walker;
  if (is_walker && kernel.argument_bytes != LMOPT_WALK_ARGUMENT_BYTES)
    return "argument_bytes";
  if (kernel.walked > 1 || (kernel.walked && (is_walker || !kernels->walker)))
    return "walked";
  if (!kernel.walked)
    return NULL;
  lmopt_kernel_t walker = lmoptp_kernel_at(kernels, kernels->walker - 1);
  return kernel.threads > walker.threads || kernel.shared_bytes > walker.shared_bytes ? "walked" : NULL;
}

// What is wrong with a kernel, or NULL. Names stand behind the table, so none of them can be part of a number.
static const char *kernel_fault(const lmoptp_kernels_t *kernels, size_t size, uint32_t index) {
  lmopt_kernel_t kernel = lmoptp_kernel_at(kernels, index);
  size_t names = sizeof(lmopt_kernels_t) + kernels->count * sizeof kernel;
  if (kernel.name < names || kernel.name >= size || kernels->blob[kernel.name] == 0 ||
      !memchr(kernels->blob + kernel.name, 0, size - kernel.name))
    return "name";
  if (kernel.threads < 1 || kernel.threads > MOST_THREADS)
    return "threads";
  if (kernel.shared_bytes > MOST_SHARED)
    return "shared_bytes";
  return kernel.argument_bytes > MOST_ARGUMENTS ? "argument_bytes" : walk_fault(kernels, kernel, index);
}

static lmopt_status_t read_table(const lmopt_artifact_t *artifact, const char *name, const uint8_t *blob, size_t size,
                                 lmoptp_kernels_t *out, lmopt_error_t *error) {
  lmopt_kernels_t header;
  if (size < sizeof header)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: metadata \"%s\": %zu bytes, its header alone has %zu",
                       artifact->path, name, size, sizeof header);
  memcpy(&header, blob, sizeof header);
  if (header.magic != LMOPT_KERNELS_MAGIC)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: metadata \"%s\": magic is 0x%llx, expected 0x%llx",
                       artifact->path, name, (unsigned long long)header.magic, (unsigned long long)LMOPT_KERNELS_MAGIC);
  if (header.count < 1 || header.count > MOST_KERNELS || header.count > (size - sizeof header) / sizeof(lmopt_kernel_t))
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: metadata \"%s\": %u kernels in %zu bytes; expected 1 to %d",
                       artifact->path, name, header.count, size, MOST_KERNELS);
  if (header.walker > header.count)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: metadata \"%s\": the walker is kernel %u of %u",
                       artifact->path, name, header.walker - 1, header.count);
  *out = (lmoptp_kernels_t){blob, header.count, header.walker};
  for (uint32_t i = 0; i < header.count; ++i) {
    const char *fault = kernel_fault(out, size, i);
    if (fault)
      return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: metadata \"%s\": kernel %u: field %s makes no sense",
                         artifact->path, name, i, fault);
  }
  return LMOPT_OK;
}

// No table: count is 0.
static lmopt_status_t find_table(const lmopt_artifact_t *artifact, const char *architecture, lmoptp_kernels_t *out,
                                 lmopt_error_t *error) {
  char name[2 * LMOPT_META_NAME_SIZE];
  snprintf(name, sizeof name, "%s%.32s", table_prefix, architecture);
  size_t size;
  const uint8_t *blob = lmopt_artifact_meta(artifact, name, &size);
  *out = (lmoptp_kernels_t){0};
  return blob ? read_table(artifact, name, blob, size, out, error) : LMOPT_OK;
}

/*===--- All architectures ---===*/

// "sm_90a": 90 and exact. Others ("sm_100f") stay unknown: which GPUs run them is not ours to guess.
static void read_architecture(lmoptp_gpu_code_t *code) {
  const char *text = code->architecture;
  size_t digits = strncmp(text, "sm_", 3) == 0 ? strspn(text + 3, "0123456789") : 0;
  const char *rest = text + 3 + digits;
  if (digits < 2 || digits > 3 || (rest[0] && strcmp(rest, "a") != 0))
    return;
  for (size_t i = 0; i < digits; ++i)
    code->capability = 10 * code->capability + (text[3 + i] - '0');
  code->is_exact = rest[0] != 0;
}

static const void *find_image(const lmopt_artifact_t *artifact, const char *kind, const char *architecture,
                              size_t *size) {
  char name[2 * LMOPT_META_NAME_SIZE];
  snprintf(name, sizeof name, "%s.%.32s", kind, architecture);
  return lmopt_artifact_meta(artifact, name, size);
}

static lmopt_status_t read_code(const lmopt_artifact_t *artifact, const char *architecture, lmoptp_gpu_code_t *code,
                                lmopt_error_t *error) {
  *code = (lmoptp_gpu_code_t){.architecture = architecture};
  read_architecture(code);
  code->ptx = find_image(artifact, "ptx", architecture, &code->ptx_bytes);
  code->cubin = find_image(artifact, "cubin", architecture, &code->cubin_bytes);
  if (!code->ptx && !code->cubin)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED,
                       "%s: metadata: \"%s%s\" has neither \"ptx.%s\" nor \"cubin.%s\" beside it", artifact->path,
                       table_prefix, architecture, architecture, architecture);
  return find_table(artifact, architecture, &code->kernels, error);
}

// The host code counts on the same kernels whatever image is loaded.
static lmopt_status_t check_alike(const lmopt_artifact_t *artifact, const lmoptp_gpu_code_t *code,
                                  const lmoptp_gpu_code_t *first, lmopt_error_t *error) {
  bool alike = code->kernels.count == first->kernels.count;
  for (uint32_t i = 0; alike && i < first->kernels.count; ++i)
    alike = lmoptp_kernel_at(&code->kernels, i).argument_bytes == lmoptp_kernel_at(&first->kernels, i).argument_bytes;
  if (alike)
    return LMOPT_OK;
  return lmoptp_fail(error, LMOPT_ERROR_MALFORMED,
                     "%s: metadata: \"%s%s\" and \"%s%s\" differ in kernels or the bytes of their arguments",
                     artifact->path, table_prefix, first->architecture, table_prefix, code->architecture);
}

lmopt_status_t lmoptp_artifact_gpu_code(const lmopt_artifact_t *artifact,
                                        lmoptp_gpu_code_t codes[LMOPTP_MOST_ARCHITECTURES], uint32_t *count,
                                        lmopt_error_t *error) {
  *count = 0;
  for (uint32_t i = 0; i < artifact->meta_count; ++i) {
    const char *name = lmopt_artifact_meta_name(artifact, i);
    if (strncmp(name, table_prefix, sizeof table_prefix - 1) != 0)
      continue;
    if (*count == LMOPTP_MOST_ARCHITECTURES)
      return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: metadata: code for more than %d architectures of GPUs",
                         artifact->path, LMOPTP_MOST_ARCHITECTURES);
    lmoptp_gpu_code_t *code = &codes[*count];
    lmopt_status_t status = read_code(artifact, name + sizeof table_prefix - 1, code, error);
    if (!status)
      status = check_alike(artifact, code, &codes[0], error);
    if (status)
      return status;
    ++*count;
  }
  if (*count)
    return LMOPT_OK;
  return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: it is for GPUs, but metadata \"%sARCHITECTURE\" is missing",
                     artifact->path, table_prefix);
}

lmopt_status_t lmoptp_artifact_check_device(const lmopt_artifact_t *artifact, lmopt_error_t *error) {
  uint32_t device = artifact->layout.note.device, count;
  if (device == LMOPT_DEVICE_CPU)
    return LMOPT_OK;
  if (device != LMOPT_DEVICE_CUDA)
    return lmoptp_fail(error, LMOPT_ERROR_ABI,
                       "%s computes on a device of kind %u, and this runtime (%s) knows 0 (CPU) and 1 (CUDA); it needs "
                       "a newer runtime",
                       artifact->path, device, lmopt_version());
  lmoptp_gpu_code_t codes[LMOPTP_MOST_ARCHITECTURES];
  return lmoptp_artifact_gpu_code(artifact, codes, &count, error);
}

/*===--- The public functions ---===*/

lmopt_status_t lmopt_artifact_count_kernels(const lmopt_artifact_t *artifact, const char *architecture, uint32_t *count,
                                            lmopt_error_t *error) {
  lmoptp_kernels_t kernels;
  lmopt_status_t status = find_table(artifact, architecture, &kernels, error);
  if (!status)
    *count = kernels.count;
  return status;
}

lmopt_status_t lmopt_artifact_get_kernel(const lmopt_artifact_t *artifact, const char *architecture, uint32_t index,
                                         lmopt_kernel_info_t *info, lmopt_error_t *error) {
  lmoptp_kernels_t kernels;
  lmopt_status_t status = find_table(artifact, architecture, &kernels, error);
  if (status)
    return status;
  if (index >= kernels.count)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "lmopt_artifact_get_kernel: kernel %u, there are %u for %s", index,
                       kernels.count, architecture);
  lmopt_kernel_t kernel = lmoptp_kernel_at(&kernels, index);
  lmopt_kernel_info_t own = {.threads = kernel.threads,
                             .shared_bytes = kernel.shared_bytes,
                             .argument_bytes = kernel.argument_bytes,
                             .name = lmoptp_kernel_name(&kernels, index),
                             .role = index + 1 == kernels.walker ? LMOPT_KERNEL_WALKER
                                     : kernel.walked             ? LMOPT_KERNEL_WALKED
                                                                 : LMOPT_KERNEL_LAUNCHED};
  return lmoptp_write_info(info, &own, sizeof own, "lmopt_kernel_info_t", error);
}
