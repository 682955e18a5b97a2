/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Opens a model: artifact -> checks -> code table and mapped weights.
 * The order is the point: layout, checksums, ABI range and CPU features come from the mapped file, before the dynamic
 * loader sees it, so that a damaged, foreign or too new artifact ends in a message and not in a signal. Relies on
 * artifact.c and abi.h. Cost: the loader's work on the code, and reading code and metadata once; the weights are only
 * mapped. Tested by test/unit/runtime.
 */
#include "runtime/src/artifact/model.h"

#include <dlfcn.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

_Static_assert((int)LMOPT_MODEL_DECODER == (int)LMOPT_KIND_DECODER, "the public names are those of the ABI");
_Static_assert((int)LMOPT_MODEL_ENCODER == (int)LMOPT_KIND_ENCODER, "the public names are those of the ABI");
_Static_assert((int)LMOPT_DEVICE_CPU == (int)LMOPT_COMPUTES_ON_CPU &&
                   (int)LMOPT_DEVICE_CUDA == (int)LMOPT_COMPUTES_ON_CUDA,
               "the public names are those of the ABI");
_Static_assert((int)LMOPT_ROWS_TOKENS == (int)LMOPT_DOMAIN_TOKENS &&
                   (int)LMOPT_ROWS_OUTPUTS == (int)LMOPT_DOMAIN_OUTPUTS &&
                   (int)LMOPT_ROWS_SEQUENCES == (int)LMOPT_DOMAIN_SEQUENCES,
               "the public names are those of the ABI");

static lmopt_status_t check_cpu(const lmopt_artifact_t *artifact, lmopt_error_t *error) {
  const lmopt_note_t *note = &artifact->layout.note;
  const char *path = artifact->path;
  if (artifact->layout.machine != EM_X86_64)
    return lmoptp_fail(error, LMOPT_ERROR_CPU, "%s is for another kind of CPU (ELF machine %u; this is x86-64, %u)",
                       path, artifact->layout.machine, EM_X86_64);
  uint64_t missing = note->isa & ~lmopt_cpu_isa();
  if (missing) {
    char needed_names[160], missing_names[160];
    lmopt_isa_names(note->isa, needed_names, sizeof needed_names);
    lmopt_isa_names(missing, missing_names, sizeof missing_names);
    return lmoptp_fail(error, LMOPT_ERROR_CPU,
                       "this CPU lacks %s; %s needs %s%s. Compile the model for this machine (--target-cpu)",
                       missing_names, path, needed_names,
                       artifact->layout.versions > 1 ? " for the least demanding version of its code" : "");
  }
  return LMOPT_OK;
}

// dlopen takes a name without a slash as one to search in the system's directories.
static void *open_library(const char *path) {
  if (strchr(path, '/'))
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
  char *dotted = malloc(strlen(path) + 3);
  if (!dotted)
    return NULL;
  strcpy(dotted, "./");
  strcat(dotted, path);
  void *library = dlopen(dotted, RTLD_NOW | RTLD_LOCAL);
  free(dotted);
  return library;
}

static lmopt_status_t load_code(lmopt_model_t *model, lmopt_error_t *error) {
  const char *path = model->artifact->path;
  model->library = open_library(path);
  if (!model->library) {
    const char *reason = dlerror();
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: the dynamic loader refuses it: %s", path,
                       reason ? reason : "out of memory");
  }
  void *symbol = dlsym(model->library, LMOPT_MODEL_QUERY_SYMBOL);
  if (!symbol)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: it does not export %s", path, LMOPT_MODEL_QUERY_SYMBOL);
  lmopt_model_query_fn query;
  memcpy((void *)&query, (const void *)&symbol, sizeof query); // ISO C has no cast from object to function pointers
  model->table = query(LMOPT_ABI_VERSION | model->artifact->layout.version << LMOPT_QUERY_VERSION_SHIFT);
  if (!model->table)
    return lmoptp_fail(error, LMOPT_ERROR_ABI,
                       "%s: its code does not serve ABI %u of this runtime, although its note says so", path,
                       LMOPT_ABI_VERSION);
  return LMOPT_OK;
}

/*===--- Weights ---===*/

static void unmap_weights(lmopt_model_t *model) {
  if (model->weight_mapping.data)
    munmap(model->weight_mapping.data, model->weight_mapping.size);
}

static lmopt_status_t copy_weights(lmopt_model_t *model, lmopt_error_t *error) {
  enum { HUGE = 2 << 20 };
  uint64_t bytes = model->artifact->layout.note.weight_bytes;
  if (bytes > UINT64_MAX - 2 * HUGE)
    return lmoptp_fail_memory(error, bytes, "a copy of the weights");
  uint64_t size = lmoptp_round_up(bytes, HUGE) + HUGE;
  uint8_t *memory = lmoptp_reserve(size);
  if (!memory)
    return lmoptp_fail_memory(error, size, "a copy of the weights");
  uint8_t *aligned = memory + (-(uintptr_t)memory & (HUGE - 1));
  madvise(aligned, size - HUGE, MADV_HUGEPAGE); // a wish: small pages give the same results
  memcpy(aligned, model->weights, bytes);
  unmap_weights(model);
  model->weight_mapping = (lmoptp_mapping_t){memory, size};
  model->weights = aligned;
  return LMOPT_OK;
}

static void populate_weights(const lmopt_model_t *model) {
  // Also a wish: kernels before 5.14 do not know it, and pages then come when they are read.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
  uint64_t bytes = model->artifact->layout.note.weight_bytes;
  if (bytes)
    madvise((void *)model->weights, bytes, MADV_POPULATE_READ);
}

static lmopt_status_t load_weights(lmopt_model_t *model, const lmopt_model_options_t *options, lmopt_error_t *error) {
  lmopt_status_t status = lmoptp_artifact_weights(model->artifact, &model->weights, &model->weight_mapping, error);
  if (!status && options->verify)
    status = lmoptp_artifact_check_weights(model->artifact, model->weights, error);
  if (status)
    return status;
  if (options->load == LMOPT_LOAD_COPY)
    return copy_weights(model, error);
  if (options->load == LMOPT_LOAD_POPULATE)
    populate_weights(model);
  return LMOPT_OK;
}

/*===--- The public functions ---===*/

static lmopt_status_t load_tokenizer(lmopt_model_t *model, lmopt_error_t *error) {
  size_t size;
  if (!lmopt_artifact_meta(model->artifact, "tokenizer", &size))
    return LMOPT_OK;
  return lmopt_artifact_tokenizer(model->artifact, &model->tokenizer, error);
}

static lmopt_status_t load_parts(lmopt_model_t *model, const char *path, const lmopt_model_options_t *options,
                                 lmopt_error_t *error) {
  lmopt_status_t status = lmopt_artifact_open(path, &model->artifact, error);
  if (!status)
    status = lmoptp_artifact_check_abi(model->artifact, error);
  if (!status)
    status = check_cpu(model->artifact, error);
  if (!status)
    status = lmoptp_artifact_check_device(model->artifact, error);
  if (!status)
    status = load_weights(model, options, error);
  if (!status)
    status = load_code(model, error);
  // The loader opened the file by its name, a second time: code and weights must come from the same compilation.
  if (!status)
    status = lmoptp_artifact_unchanged(model->artifact, error);
  if (!status)
    status = lmoptp_read_table(model, error);
  if (!status)
    status = lmoptp_read_head(model, error);
  if (!status)
    status = load_tokenizer(model, error);
  return status;
}

lmopt_status_t lmopt_model_open(const char *path, const lmopt_model_options_t *options, lmopt_model_t **out,
                                lmopt_error_t *error) {
  lmopt_model_options_t own;
  lmopt_status_t status = lmoptp_read_options(&own, sizeof own, options, "lmopt_model_options_t", error);
  if (status)
    return status;
  if (own.load > LMOPT_LOAD_COPY)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "lmopt_model_options_t: load is %u, expected one of LMOPT_LOAD_*",
                       own.load);
  lmopt_model_t *model = calloc(1, sizeof *model);
  if (!model)
    return lmoptp_fail_memory(error, sizeof *model, "a model");
  atomic_init(&model->references, 1);
  pthread_mutex_init(&model->lock, NULL);
  status = load_parts(model, path, &own, error);
  if (status)
    lmopt_model_destroy(model);
  else
    *out = model;
  return status;
}

void lmoptp_model_retain(lmopt_model_t *model) {
  atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
}

// They may use the weights and the metadata, so they go first.
static void drop_attachments(lmopt_model_t *model) {
  for (lmoptp_attachment_t *first = model->attachments, *next; first; first = next) {
    next = first->next;
    first->destroy(first);
  }
}

void lmopt_model_destroy(lmopt_model_t *model) {
  if (!model || atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1)
    return;
  drop_attachments(model);
  pthread_mutex_destroy(&model->lock);
  lmopt_tokenizer_destroy(model->tokenizer);
  free(model->labels);
  if (model->library)
    dlclose(model->library);
  unmap_weights(model);
  lmopt_artifact_destroy(model->artifact);
  free(model);
}

lmopt_status_t lmopt_model_get_info(const lmopt_model_t *model, lmopt_model_info_t *info, lmopt_error_t *error) {
  const lmopt_code_table_t *table = model->table;
  bool encoder = table->kind == LMOPT_KIND_ENCODER;
  uint32_t longest = table->max_positions;
  if (encoder && model->many->max_rows < longest)
    longest = model->many->max_rows;
  lmopt_model_info_t own = {
      .kind = table->kind,
      .vocabulary = (int32_t)table->vocabulary,
      .output_width = (int32_t)model->many->results[0].width,
      .max_positions = (int32_t)longest,
      .max_step_rows = (int32_t)model->many->max_rows,
      .max_decode_rows = encoder ? 0 : (int32_t)model->few->max_rows,
      .abi_version = table->abi_version,
      .isa = model->artifact->layout.note.isa,
      .weight_bytes = model->artifact->layout.note.weight_bytes,
      .cache_bytes_per_position = table->cache_bytes_per_position,
      .build = table->build ? table->build : "",
      .state_bytes_per_sequence = table->state_bytes_per_sequence,
      .input_count = model->many->input_count,
      .result_count = model->many->result_count,
      .top_logits = model->top ? (int32_t)model->top->top : 0,
      .token_scores = model->score != NULL,
      .device = model->artifact->layout.note.device,
      .ring_positions = (int32_t)model->ring_positions,
      .ring_bytes_per_position = model->ring_bytes_per_position,
  };
  return lmoptp_write_info(info, &own, sizeof own, "lmopt_model_info_t", error);
}

lmopt_status_t lmopt_model_get_input(const lmopt_model_t *model, uint32_t index, lmopt_input_info_t *info,
                                     lmopt_error_t *error) {
  if (index >= model->many->input_count)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "lmopt_model_get_input: input %u, the model has %u", index,
                       model->many->input_count);
  const lmopt_input_t *input = &model->many->inputs[index];
  lmopt_input_info_t own = {.limit = (int32_t)input->limit, .name = input->name};
  return lmoptp_write_info(info, &own, sizeof own, "lmopt_input_info_t", error);
}

lmopt_status_t lmopt_model_get_result(const lmopt_model_t *model, uint32_t index, lmopt_result_info_t *info,
                                      lmopt_error_t *error) {
  if (index >= model->many->result_count)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "lmopt_model_get_result: result %u, the model has %u", index,
                       model->many->result_count);
  const lmopt_result_t *result = &model->many->results[index];
  lmopt_result_info_t own = {.rows = result->domain, .width = (int32_t)result->width, .name = result->name};
  return lmoptp_write_info(info, &own, sizeof own, "lmopt_result_info_t", error);
}

const void *lmopt_model_meta(const lmopt_model_t *model, const char *name, size_t *size) {
  return lmopt_artifact_meta(model->artifact, name, size);
}

const lmopt_tokenizer_t *lmopt_model_tokenizer(const lmopt_model_t *model) { return model->tokenizer; }
