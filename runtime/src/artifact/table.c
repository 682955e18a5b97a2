/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The code's word about itself: what the runtime computes with must hold before it does. In: the table that
 * lmopt_model_query gave. Out: a message, or the entries that this runtime calls, found by name. Relies on abi.h.
 * Tested by test/unit/runtime/TableTest.cpp.
 */
#include "runtime/src/artifact/model.h"

#include <string.h>

// More than this is no table of ours.
enum { MOST_ENTRIES = 64 };

static bool is_count(uint32_t value) { return value > 0 && value <= INT32_MAX; }

static const char *inputs_fault(const lmopt_entry_t *entry) {
  if (entry->input_count > LMOPT_MAX_LISTED || (entry->input_count && !entry->inputs))
    return "inputs";
  for (uint32_t i = 0; i < entry->input_count; ++i)
    if (!entry->inputs[i].name || !is_count(entry->inputs[i].limit))
      return "inputs";
  return NULL;
}

static const char *results_fault(const lmopt_entry_t *entry) {
  if (entry->result_count == 0 || entry->result_count > LMOPT_MAX_LISTED || !entry->results)
    return "results";
  for (uint32_t i = 0; i < entry->result_count; ++i) {
    const lmopt_result_t *result = &entry->results[i];
    if (!result->name || result->domain > LMOPT_DOMAIN_SEQUENCES || !is_count(result->width))
      return "results";
  }
  return NULL;
}

static const char *entry_fault(const lmopt_entry_t *entry, uint32_t kind) {
  if (!entry->run)
    return "run";
  if (entry->kind != kind)
    return "kind";
  if (!is_count(entry->max_rows))
    return "max_rows";
  const char *fault = inputs_fault(entry);
  return fault ? fault : results_fault(entry);
}

// A decoder gives logits of the rows that are asked for, and takes tokens alone: no session could feed it more.
static const char *decoder_fault(const lmopt_code_table_t *table, const lmopt_entry_t *entry) {
  const char *fault = entry_fault(entry, LMOPT_KIND_DECODER);
  if (fault)
    return fault;
  if (entry->input_count)
    return "inputs";
  const lmopt_result_t *logits = &entry->results[0];
  bool sound = entry->result_count == 1 && logits->domain == LMOPT_DOMAIN_OUTPUTS && logits->width == table->vocabulary;
  return sound ? NULL : "results";
}

// A whole sequence is one segment of one step: nobody names rows of it.
static const char *encoder_fault(const lmopt_entry_t *entry) {
  const char *fault = entry_fault(entry, LMOPT_KIND_ENCODER);
  for (uint32_t i = 0; !fault && i < entry->result_count; ++i)
    if (entry->results[i].domain == LMOPT_DOMAIN_OUTPUTS)
      fault = "results";
  return fault;
}

static const char *table_fault(const lmopt_code_table_t *table) {
  if (!is_count(table->vocabulary))
    return "vocabulary";
  if (!is_count(table->max_positions))
    return "max_positions";
  if (table->rope_switch > table->max_positions)
    return "rope_switch";
  if (table->kind != LMOPT_KIND_ENCODER && table->kind != LMOPT_KIND_DECODER)
    return "kind";
  if (table->entry_count > MOST_ENTRIES || (table->entry_count && !table->entries))
    return "entries";
  for (uint32_t i = 0; i < table->entry_count; ++i)
    if (!lmopt_entry_at(table, i)->name)
      return "entries";
  return NULL;
}

static lmopt_status_t check_sizes(const lmopt_code_table_t *table, const char *path, lmopt_error_t *error) {
  if (table->struct_size < LMOPT_CODE_TABLE_SIZE_MIN || table->entry_size < LMOPT_ENTRY_SIZE_MIN ||
      table->abi_version < LMOPT_ABI_MIN || table->abi_version > LMOPT_ABI_VERSION)
    return lmoptp_fail(error, LMOPT_ERROR_ABI,
                       "%s: its code table has ABI %u and %u bytes (entries %u), expected ABI %u to %u and at least "
                       "%zu bytes (entries %zu)",
                       path, table->abi_version, table->struct_size, table->entry_size, LMOPT_ABI_MIN,
                       LMOPT_ABI_VERSION, (size_t)LMOPT_CODE_TABLE_SIZE_MIN, (size_t)LMOPT_ENTRY_SIZE_MIN);
  if (table->step_size > sizeof(lmopt_step_t) || table->segment_size > sizeof(lmopt_segment_t))
    return lmoptp_fail(error, LMOPT_ERROR_ABI,
                       "%s: its code reads %u bytes of a step and %u of a segment, this runtime (%s) gives %zu and "
                       "%zu; it needs a newer runtime",
                       path, table->step_size, table->segment_size, lmopt_version(), sizeof(lmopt_step_t),
                       sizeof(lmopt_segment_t));
  return LMOPT_OK;
}

// Kernels rely on whole blocks. A ring that is longer than the sequences of the model would be none.
static const char *ring_fault(const lmopt_code_table_t *table) {
  if (table->struct_size < sizeof *table || !table->ring_positions)
    return NULL;
  if (table->ring_positions % LMOPT_DEVICE_CACHE_BLOCK || table->ring_positions >= table->max_positions)
    return "ring_positions";
  return table->ring_back < table->ring_positions ? NULL : "ring_back";
}

static void read_rings(lmopt_model_t *model) {
  const lmopt_code_table_t *table = model->table;
  if (table->struct_size < sizeof *table || table->kind != LMOPT_KIND_DECODER)
    return;
  model->ring_positions = table->ring_positions;
  model->ring_back = table->ring_back;
  model->ring_bytes_per_position = table->ring_bytes_per_position;
}

// *out: the entry of that name, which must be there.
static lmopt_status_t find_entry(const lmopt_model_t *model, const char *name, const lmopt_entry_t **out,
                                 lmopt_error_t *error) {
  const lmopt_code_table_t *table = model->table;
  const char *path = model->artifact->path;
  const lmopt_entry_t *entry = lmopt_entry_find(table, name);
  if (!entry)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: code table: entry \"%s\" is missing", path, name);
  const char *fault = table->kind == LMOPT_KIND_DECODER ? decoder_fault(table, entry) : encoder_fault(entry);
  if (fault)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: code table: entry \"%s\": field %s makes no sense", path,
                       name, fault);
  *out = entry;
  return LMOPT_OK;
}

// An entry that gives the greatest logits only may be there.
static lmopt_status_t find_top(lmopt_model_t *model, lmopt_error_t *error) {
  const lmopt_code_table_t *table = model->table;
  if (table->entry_size < sizeof(lmopt_entry_t) || !lmopt_entry_find(table, LMOPT_ENTRY_DECODE_TOP))
    return LMOPT_OK;
  lmopt_status_t status = find_entry(model, LMOPT_ENTRY_DECODE_TOP, &model->top, error);
  if (!status && (model->top->top < 1 || model->top->top > table->vocabulary))
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: code table: entry \"%s\": field top makes no sense",
                       model->artifact->path, LMOPT_ENTRY_DECODE_TOP);
  return status;
}

static const char *score_fault(const lmopt_code_table_t *table, const lmopt_entry_t *entry) {
  const char *fault = entry_fault(entry, LMOPT_KIND_DECODER);
  if (fault)
    return fault;
  if (entry->input_count != 1 || entry->inputs[0].limit < table->vocabulary)
    return "inputs";
  const lmopt_result_t *scores = &entry->results[0];
  bool sound = entry->result_count == 1 && scores->domain == LMOPT_DOMAIN_OUTPUTS && scores->width == 1;
  return sound ? NULL : "results";
}

// An entry that gives scores of tokens that are known may be there.
static lmopt_status_t find_score(lmopt_model_t *model, lmopt_error_t *error) {
  const lmopt_entry_t *entry = lmopt_entry_find(model->table, LMOPT_ENTRY_SCORE);
  const char *fault = entry ? score_fault(model->table, entry) : NULL;
  if (fault)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: code table: entry \"%s\": field %s makes no sense",
                       model->artifact->path, LMOPT_ENTRY_SCORE, fault);
  model->score = entry;
  return LMOPT_OK;
}

lmopt_status_t lmoptp_read_table(lmopt_model_t *model, lmopt_error_t *error) {
  const lmopt_code_table_t *table = model->table;
  const char *path = model->artifact->path;
  lmopt_status_t status = check_sizes(table, path, error);
  if (status)
    return status;
  const char *fault = table_fault(table);
  if (!fault)
    fault = ring_fault(table);
  // Kernels of an encoder keep what they need in the arena.
  if (!fault && lmoptp_model_is_for_gpu(model) && table->kind == LMOPT_KIND_ENCODER && table->cache_bytes_per_position)
    fault = "cache_bytes_per_position";
  if (fault)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: code table: field %s makes no sense", path, fault);
  read_rings(model);
  if (table->kind == LMOPT_KIND_ENCODER)
    return find_entry(model, LMOPT_ENTRY_ENCODE, &model->many, error);
  status = find_entry(model, LMOPT_ENTRY_PREFILL, &model->many, error);
  if (!status)
    status = find_entry(model, LMOPT_ENTRY_DECODE, &model->few, error);
  if (!status)
    status = find_top(model, error);
  return status ? status : find_score(model, error);
}
