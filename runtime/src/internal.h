/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What the files of the runtime share and nobody else sees: how to fail, how to read options, memory from the system,
 * and the insides of artifacts, teams and models. Private functions begin with lmoptp_ (those of chat/ with tpl_).
 */
#ifndef LMOPT_SRC_INTERNAL_H
#define LMOPT_SRC_INTERNAL_H

#include "lmopt/abi.h"
#include "lmopt/lmopt.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Fills in the error (if wanted) and returns its status: `return lmoptp_fail(error, LMOPT_ERROR_USAGE, "...", ...)`. */
lmopt_status_t lmoptp_fail(lmopt_error_t *error, lmopt_status_t status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
lmopt_status_t lmoptp_fail_memory(lmopt_error_t *error, uint64_t bytes, const char *what);

/* Copies a struct of options whose size the caller stated into our own, zero-filled one. A caller newer than we may use
 * fields we do not know: they must be zero. `options` NULL: all zero. */
lmopt_status_t lmoptp_read_options(void *own, uint32_t own_size, const void *options, const char *what,
                                   lmopt_error_t *error);
/* The other direction: copies min(own, theirs) bytes and keeps their struct_size. */
lmopt_status_t lmoptp_write_info(void *theirs, const void *own, uint32_t own_size, const char *what,
                                 lmopt_error_t *error);

/* Zeroed pages, page aligned, that cost nothing until touched. NULL: no memory. `size` may be 0. */
void *lmoptp_reserve(uint64_t size);
void lmoptp_unreserve(void *memory, uint64_t size);

/*===--- Artifact (artifact.c, elf.c, verify.c) ---===*/

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
/* Whether the artifact's path still leads to the file that was mapped. */
lmopt_status_t lmoptp_artifact_unchanged(const lmopt_artifact_t *artifact, lmopt_error_t *error);

/*===--- Team (team.c) ---===*/

/* Runs entry(step, thread, threads) on every thread of the team; the caller is thread 0. The arena for the step and
 * `scratch_bytes` of memory for encoder segments are grown first; prepare() may place pointers into the step once they
 * stand. */
typedef void (*lmoptp_prepare_fn)(lmopt_step_t *step, void *scratch, void *user);
lmopt_status_t lmoptp_team_step(lmopt_team_t *team, const lmopt_code_table_t *table, lmopt_entry_fn entry,
                                lmopt_step_t *step, uint64_t scratch_bytes, lmoptp_prepare_fn prepare, void *user,
                                lmopt_error_t *error);
/* Makes sure that later steps of this model need no memory. */
lmopt_status_t lmoptp_team_fit(lmopt_team_t *team, const lmopt_code_table_t *table, lmopt_error_t *error);
void lmoptp_team_retain(lmopt_team_t *team);

/*===--- Model (model.c) ---===*/

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

static inline uint64_t lmoptp_round_up(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

#endif
