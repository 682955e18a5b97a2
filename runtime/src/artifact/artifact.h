/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The inside of an artifact, for the files that read it: elf.c (where its parts lie), verify.c (checksums), artifact.c
 * (metadata, weights), kernels.c (code for GPUs) and model.c (its code).
 */
#ifndef LMOPT_SRC_ARTIFACT_ARTIFACT_H
#define LMOPT_SRC_ARTIFACT_ARTIFACT_H

#include "runtime/src/platform/support.h"

typedef struct {
  uint64_t offset, size;
} lmoptp_range_t;

/* Where the parts of an artifact lie in its file; every range has been checked. */
typedef struct {
  lmoptp_range_t weights, meta, checksums;
  lmopt_note_t notes[LMOPT_MAX_VERSIONS]; // one for each version of the code
  uint32_t versions, version;             // how many, and which one is meant: see lmoptp_choose_version
  lmopt_note_t note;                      // of that version
  bool has_weights, has_checksums;
  uint16_t machine;
} lmoptp_layout_t;

// The last version that a CPU with these features runs, or version 0.
void lmoptp_choose_version(lmoptp_layout_t *layout, uint64_t isa);
lmopt_status_t lmoptp_elf_layout(const uint8_t *data, uint64_t size, const char *path, lmoptp_layout_t *layout,
                                 lmopt_error_t *error);

struct lmopt_artifact {
  const uint8_t *data; /* the whole file */
  uint64_t size;
  bool mapped;            /* by us: unmap it */
  uint64_t device, inode; /* of the mapped file */
  lmoptp_layout_t layout;
  bool checked;              /* everything but the weights has been compared with its checksum */
  uint64_t weights_checksum; /* of split-out weights */
  uint64_t meta_count;
  char *path; /* for messages, and to find split-out weights */
  char weights_file[256];
};

/* Split-out weights, mapped with their trailer. `data` NULL: the weights are inside. */
typedef struct {
  void *data;
  uint64_t size;
} lmoptp_mapping_t;

/* Where the weights are, inside the artifact or in the file beside it, which is mapped. */
lmopt_status_t lmoptp_artifact_weights(const lmopt_artifact_t *artifact, const void **weights,
                                       lmoptp_mapping_t *mapping, lmopt_error_t *error);
/* Compares everything but the weights with its checksum. Artifacts of an ABI that we do not serve may have none of the
 * kind we know: they stay unchecked, for nothing but looking at. */
lmopt_status_t lmoptp_artifact_check(lmopt_artifact_t *artifact, lmopt_error_t *error);
/* The same for the weights: those inside, or the split-out ones at `weights`. */
lmopt_status_t lmoptp_artifact_check_weights(const lmopt_artifact_t *artifact, const void *weights,
                                             lmopt_error_t *error);
/* Whether this runtime serves the ABI of the artifact. */
lmopt_status_t lmoptp_artifact_check_abi(const lmopt_artifact_t *artifact, lmopt_error_t *error);
/* Whether this runtime knows the device that computes, and, if that is a GPU, whether there is sound code for one. */
lmopt_status_t lmoptp_artifact_check_device(const lmopt_artifact_t *artifact, lmopt_error_t *error);
/* Whether the artifact's path still leads to the file that was mapped. */
lmopt_status_t lmoptp_artifact_unchanged(const lmopt_artifact_t *artifact, lmopt_error_t *error);

#endif
