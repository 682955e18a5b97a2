/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What the rows of a model's first result mean: its task, the names of its classes, and how logits become scores.
 * In: the blob "head" (abi.h), checked here, once. Out: names in place, scores. Tested by
 * test/unit/runtime/HeadTest.cpp.
 */
#include "runtime/src/artifact/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)LMOPT_TASK_QUESTION_ANSWERING == (int)LMOPT_HEAD_QUESTION_ANSWERING &&
                   (int)LMOPT_TASK_SEQUENCE_CLASSIFICATION == (int)LMOPT_HEAD_SEQUENCE_CLASSIFICATION &&
                   (int)LMOPT_TASK_TOKEN_CLASSIFICATION == (int)LMOPT_HEAD_TOKEN_CLASSIFICATION &&
                   (int)LMOPT_TASK_MASKED_LM == (int)LMOPT_HEAD_MASKED_LM &&
                   (int)LMOPT_SCORES_SIGMOID == (int)LMOPT_HEAD_SIGMOID &&
                   (int)LMOPT_SCORES_SOFTMAX == (int)LMOPT_HEAD_SOFTMAX,
               "the public names are those of the ABI");

static lmopt_status_t read_labels(lmopt_model_t *model, const char *names, size_t size, lmopt_error_t *error) {
  uint32_t count = model->head.label_count;
  if (count > size) // every name takes a byte at least
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: metadata \"head\": %u labels in %zu bytes",
                       model->artifact->path, count, size);
  model->labels = calloc(count ? count : 1, sizeof *model->labels);
  if (!model->labels)
    return lmoptp_fail_memory(error, count * sizeof *model->labels, "the labels of a model");
  const char *end = names + size;
  for (uint32_t i = 0; i < count; ++i) {
    const char *stop = memchr(names, 0, (size_t)(end - names));
    if (!stop)
      return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: metadata \"head\": label %u has no end",
                         model->artifact->path, i);
    model->labels[i] = names;
    names = stop + 1;
  }
  if (names == end)
    return LMOPT_OK;
  return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: metadata \"head\": %zu bytes behind the last label",
                     model->artifact->path, (size_t)(end - names));
}

// What the first result must be for this task: rows for what, and how many numbers in each.
static bool fits_result(const lmopt_model_t *model) {
  const lmopt_result_t *result = &model->many->results[0];
  const lmopt_head_t *head = &model->head;
  bool sequences = head->task == LMOPT_HEAD_SEQUENCE_CLASSIFICATION;
  if (model->table->kind != LMOPT_KIND_ENCODER ||
      result->domain != (sequences ? LMOPT_DOMAIN_SEQUENCES : LMOPT_DOMAIN_TOKENS))
    return false;
  if (head->task == LMOPT_HEAD_MASKED_LM)
    return result->width == model->table->vocabulary && head->label_count == 0;
  if (head->task == LMOPT_HEAD_QUESTION_ANSWERING)
    return result->width == 2 && head->label_count == 0;
  return result->width == head->label_count;
}

lmopt_status_t lmoptp_read_head(lmopt_model_t *model, lmopt_error_t *error) {
  size_t size;
  const char *blob = lmopt_artifact_meta(model->artifact, "head", &size);
  if (!blob)
    return LMOPT_OK;
  lmopt_head_t *head = &model->head;
  if (size < sizeof *head)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: metadata \"head\": %zu bytes, expected %zu at least",
                       model->artifact->path, size, sizeof *head);
  memcpy(head, blob, sizeof *head);
  if (head->task == LMOPT_HEAD_NONE || head->task > LMOPT_HEAD_QUESTION_ANSWERING || head->scores > LMOPT_HEAD_SIGMOID)
    return lmoptp_fail(error, LMOPT_ERROR_MALFORMED, "%s: metadata \"head\": task %u with scores %u is none we know",
                       model->artifact->path, head->task, head->scores);
  lmopt_status_t status = read_labels(model, blob + sizeof *head, size - sizeof *head, error);
  if (status || fits_result(model))
    return status;
  return lmoptp_fail(error, LMOPT_ERROR_MALFORMED,
                     "%s: metadata \"head\": task %u with %u labels does not fit the result \"%s\" of width %u",
                     model->artifact->path, head->task, head->label_count, model->many->results[0].name,
                     model->many->results[0].width);
}

/*===--- The public functions ---===*/

lmopt_status_t lmopt_model_get_head(const lmopt_model_t *model, lmopt_head_info_t *info, lmopt_error_t *error) {
  lmopt_head_info_t own = {
      .task = model->head.task, .scores = model->head.scores, .label_count = model->head.label_count};
  return lmoptp_write_info(info, &own, sizeof own, "lmopt_head_info_t", error);
}

const char *lmopt_model_label(const lmopt_model_t *model, uint32_t index) {
  return index < model->head.label_count ? model->labels[index] : NULL;
}

// exp(x - most) / sum of them: no number is too large for exp.
static void softmax(const float *logits, int64_t width, float *scores) {
  float most = logits[0];
  for (int64_t i = 1; i < width; ++i)
    most = logits[i] > most ? logits[i] : most;
  double sum = 0;
  for (int64_t i = 0; i < width; ++i)
    sum += exp((double)logits[i] - (double)most);
  for (int64_t i = 0; i < width; ++i)
    scores[i] = (float)(exp((double)logits[i] - (double)most) / sum);
}

void lmopt_model_scores(const lmopt_model_t *model, const float *logits, float *scores) {
  int64_t width = model->many->results[0].width;
  if (model->head.scores == LMOPT_HEAD_SOFTMAX) {
    softmax(logits, width, scores);
    return;
  }
  for (int64_t i = 0; i < width; ++i)
    scores[i] = model->head.scores == LMOPT_HEAD_SIGMOID ? (float)(1 / (1 + exp(-(double)logits[i]))) : logits[i];
}
