/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The inside of an opened model: an artifact, its code and where its weights lie. Sessions compute with it.
 */
#ifndef LMOPT_SRC_ARTIFACT_MODEL_H
#define LMOPT_SRC_ARTIFACT_MODEL_H

#include "runtime/src/artifact/artifact.h"

#include <pthread.h>

/* What sessions make for a model and share, and what goes with it: weights on a GPU. It is the first field of whatever
 * is made; `destroy` is given it. */
typedef struct lmoptp_attachment lmoptp_attachment_t;
struct lmoptp_attachment {
  lmoptp_attachment_t *next;
  void (*destroy)(lmoptp_attachment_t *attachment);
};

struct lmopt_model {
  atomic_int references;
  lmopt_artifact_t *artifact;
  void *library;
  const lmopt_code_table_t *table;
  const lmopt_entry_t *many;  // "prefill" of a decoder, "encode" of an encoder
  const lmopt_entry_t *few;   // "decode"; NULL for encoders
  const lmopt_entry_t *top;   // "decode_top"; NULL where there is none
  const lmopt_entry_t *score; // "score"; NULL where there is none
  /* Layers that keep the latest positions only, as the table has them; 0: there are none. */
  uint64_t ring_bytes_per_position;
  int64_t ring_positions, ring_back;
  const void *weights;
  lmoptp_mapping_t weight_mapping; /* of split-out or copied weights; empty when they are in the artifact's mapping */
  lmopt_tokenizer_t *tokenizer;
  lmopt_head_t head;    // task LMOPT_HEAD_NONE: there is none
  const char **labels;  // of the head; names live in the artifact
  pthread_mutex_t lock; // held by who adds an attachment
  _Atomic(lmoptp_attachment_t *) attachments;
};
static inline bool lmoptp_model_is_for_gpu(const lmopt_model_t *model) {
  return model->artifact->layout.note.device == LMOPT_DEVICE_CUDA;
}
void lmoptp_model_retain(lmopt_model_t *model);

/* Checks model->table and finds the entries in it (table.c). */
lmopt_status_t lmoptp_read_table(lmopt_model_t *model, lmopt_error_t *error);
/* Reads the blob "head", if there is one (head.c). */
lmopt_status_t lmoptp_read_head(lmopt_model_t *model, lmopt_error_t *error);

#endif
