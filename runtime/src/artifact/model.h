/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The inside of an opened model: an artifact, its code and where its weights lie. Sessions compute with it.
 */
#ifndef LMOPT_SRC_ARTIFACT_MODEL_H
#define LMOPT_SRC_ARTIFACT_MODEL_H

#include "runtime/src/artifact/artifact.h"

struct lmopt_model {
  atomic_int references;
  lmopt_artifact_t *artifact;
  void *library;
  const lmopt_code_table_t *table;
  const void *weights;
  lmoptp_mapping_t weight_mapping; /* of split-out or copied weights; empty when they are in the artifact's mapping */
  lmopt_tokenizer_t *tokenizer;
};
void lmoptp_model_retain(lmopt_model_t *model);

#endif
