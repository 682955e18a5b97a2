/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Brings a model to a GPU: chooses and loads its image, finds the kernels, uploads the weights. In: a model whose note
 * says CUDA. Out: addresses and kernels, made once for a model and a GPU, by the first session there, and held by the
 * model until it goes. Teams open the GPU each for themselves, but all of them are in its primary context, in which
 * addresses and kernels are the same. Relies on artifact/kernels.c and device/. Cost: the driver's loading (translating
 * PTX: seconds) and the upload (memory.c). Source: ptx.md 5.2. Tested by test/unit/runtime/DeviceSessionTest.cpp and
 * DeviceModelTest.cpp.
 */
#include "runtime/src/session/device_model.h"

#include <stdlib.h>

/*===--- Code ---===*/

static lmopt_status_t find_kernel(const lmoptp_device_model_t *placed, uint32_t number, lmoptp_kernel_t *out,
                                  lmopt_error_t *error) {
  lmopt_kernel_t kernel = lmoptp_kernel_at(&placed->table, number);
  return lmoptp_kernel_find(placed->module, lmoptp_kernel_name(&placed->table, number), kernel.threads,
                            kernel.shared_bytes, out, error);
}

static lmopt_status_t find_kernels(lmoptp_device_model_t *placed, const lmoptp_kernels_t *table, lmopt_error_t *error) {
  placed->kernels = calloc(table->count, sizeof *placed->kernels);
  placed->argument_bytes = calloc(table->count, sizeof *placed->argument_bytes);
  if (!placed->kernels || !placed->argument_bytes)
    return lmoptp_fail_memory(error, table->count * (sizeof *placed->kernels + sizeof *placed->argument_bytes),
                              "the kernels of a model");
  placed->count = table->count;
  placed->table = *table;
  lmopt_status_t status = LMOPT_OK;
  for (uint32_t i = 0; i < table->count && !status; ++i) {
    placed->argument_bytes[i] = lmoptp_kernel_at(table, i).argument_bytes;
    if (i + 1 != table->walker) // a model serves without it
      status = find_kernel(placed, i, &placed->kernels[i], error);
  }
  return status;
}

// Images of spellings that this runtime does not know are left out: the driver is not offered what may not run.
static lmopt_status_t load_code(lmoptp_device_model_t *placed, const lmopt_artifact_t *artifact, lmopt_error_t *error) {
  lmoptp_gpu_code_t codes[LMOPTP_MOST_ARCHITECTURES];
  uint32_t count, known = 0;
  lmopt_status_t status = lmoptp_artifact_gpu_code(artifact, codes, &count, error);
  if (status)
    return status;
  lmoptp_image_t images[LMOPTP_MOST_ARCHITECTURES];
  for (uint32_t i = 0; i < count; ++i) {
    if (!codes[i].capability)
      continue;
    images[known] = (lmoptp_image_t){.capability = codes[i].capability,
                                     .is_exact = codes[i].is_exact,
                                     .ptx = codes[i].ptx,
                                     .ptx_bytes = codes[i].ptx_bytes,
                                     .cubin = codes[i].cubin,
                                     .cubin_bytes = codes[i].cubin_bytes};
    codes[known++] = codes[i];
  }
  status = lmoptp_module_load(placed->device, images, known, &placed->module, error);
  return status ? status : find_kernels(placed, &codes[lmoptp_module_image(placed->module)].kernels, error);
}

/*===--- The whole ---===*/

static lmopt_status_t load_weights(lmoptp_device_model_t *placed, const lmopt_model_t *model, lmopt_error_t *error) {
  uint64_t bytes = model->artifact->layout.note.weight_bytes;
  lmopt_status_t status = lmoptp_device_allocate(placed->device, bytes, "the weights", &placed->weights, error);
  return status
             ? status
             : lmoptp_device_upload(placed->device, placed->weights, model->weights, bytes, LMOPTP_UPLOAD_PIECE, error);
}

static void destroy(lmoptp_attachment_t *attachment) {
  lmoptp_device_model_t *placed = (lmoptp_device_model_t *)attachment;
  lmoptp_recordings_leave(placed->recordings, LMOPTP_OF_MODEL);
  lmoptp_device_free(placed->device, placed->weights);
  lmoptp_module_unload(placed->module);
  lmoptp_device_release(placed->device);
  free(placed->kernels);
  free(placed->argument_bytes);
  free(placed);
}

// The model is locked.
static lmopt_status_t make(lmopt_model_t *model, lmoptp_device_t *device, lmopt_error_t *error) {
  lmoptp_device_model_t *placed = calloc(1, sizeof *placed);
  if (!placed)
    return lmoptp_fail_memory(error, sizeof *placed, "a model on a GPU");
  placed->attachment = (lmoptp_attachment_t){model->attachments, destroy};
  placed->device = device;
  lmoptp_device_retain(device);
  lmopt_status_t status = load_code(placed, model->artifact, error);
  if (!status)
    status = load_weights(placed, model, error);
  if (status)
    destroy(&placed->attachment);
  else
    model->attachments = &placed->attachment;
  return status;
}

// All attachments are of this file; none goes before the model.
lmoptp_device_model_t *lmoptp_device_model_find(const lmopt_model_t *model, const lmoptp_device_t *device) {
  int32_t ordinal = lmoptp_device_info(device)->ordinal;
  for (lmoptp_attachment_t *at = model->attachments; at; at = at->next) {
    lmoptp_device_model_t *placed = (lmoptp_device_model_t *)at;
    if (lmoptp_device_info(placed->device)->ordinal == ordinal)
      return placed;
  }
  return NULL;
}

lmopt_status_t lmoptp_device_model_place(lmopt_model_t *model, lmoptp_device_t *device, uint64_t arena, uint64_t cache,
                                         lmopt_error_t *error) {
  pthread_mutex_lock(&model->lock);
  bool is_there = lmoptp_device_model_find(model, device) != NULL;
  lmoptp_memory_need_t need = {is_there ? 0 : model->artifact->layout.note.weight_bytes, arena, cache};
  lmopt_status_t status = lmoptp_device_check_memory(device, &need, error);
  if (!status && !is_there)
    status = make(model, device, error);
  pthread_mutex_unlock(&model->lock);
  return status;
}

/*===--- The walker ---===*/

static const char asked_for[] = "LMOPT_CUDA_PERSISTENT asks for decode steps in one launch";

// The model is locked.
static lmopt_status_t find_walker(const lmopt_model_t *model, lmoptp_device_model_t *placed, lmopt_error_t *error) {
  if (!placed->table.walker)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "%s: it has no persistent kernel; %s", model->artifact->path,
                       asked_for);
  lmoptp_kernel_t found;
  lmopt_status_t status = find_kernel(placed, placed->table.walker - 1, &found, error);
  if (status)
    return status;
  if (found.resident_blocks < 1)
    return lmoptp_fail(error, LMOPT_ERROR_ABI, "%s: no block of kernel '%s' fits on a multiprocessor; %s",
                       model->artifact->path, found.name, asked_for);
  placed->walker = found;
  return LMOPT_OK;
}

lmopt_status_t lmoptp_device_model_find_walker(lmopt_model_t *model, const lmoptp_device_t *device,
                                               lmopt_error_t *error) {
  pthread_mutex_lock(&model->lock);
  lmoptp_device_model_t *placed = lmoptp_device_model_find(model, device);
  lmopt_status_t status = placed->walker.name ? LMOPT_OK : find_walker(model, placed, error);
  pthread_mutex_unlock(&model->lock);
  return status;
}

/*===--- Recordings ---===*/

lmopt_status_t lmoptp_device_model_recordings(lmopt_model_t *model, lmoptp_device_model_t *placed,
                                              lmoptp_recordings_t **of_team, lmoptp_recordings_t **out,
                                              lmopt_error_t *error) {
  *out = lmoptp_recordings_find(*of_team, placed);
  if (*out)
    return LMOPT_OK;
  pthread_mutex_lock(&model->lock);
  lmopt_status_t status = lmoptp_recordings_create(of_team, &placed->recordings, placed, out, error);
  pthread_mutex_unlock(&model->lock);
  return status;
}
