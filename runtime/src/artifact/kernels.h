/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What an artifact for GPUs carries beside its host code: for each architecture an image and a table of the kernels in
 * it. See kernels.c.
 */
#ifndef LMOPT_SRC_ARTIFACT_KERNELS_H
#define LMOPT_SRC_ARTIFACT_KERNELS_H

#include "runtime/src/artifact/artifact.h"

/* A table that has been checked: every name ends inside its blob. It lies at any address. */
typedef struct {
  const uint8_t *blob;
  uint32_t count;
  uint32_t walker; // as lmopt_kernels_t
} lmoptp_kernels_t;
lmopt_kernel_t lmoptp_kernel_at(const lmoptp_kernels_t *kernels, uint32_t index);
/* Lives in the artifact. */
const char *lmoptp_kernel_name(const lmoptp_kernels_t *kernels, uint32_t index);

/* From one record of the walker to the next (lmopt_walk_record_t). */
uint32_t lmoptp_kernels_record_bytes(const lmoptp_kernels_t *kernels);

/* Code for one architecture; all pointers lead into the artifact. */
typedef struct {
  const char *architecture; // "sm_90a"
  int32_t capability;       // 90; 0: a spelling that this runtime does not know
  bool is_exact;            // "a": it runs on that capability alone
  const char *ptx;          // not zero-terminated; NULL: there is none
  size_t ptx_bytes;
  const void *cubin; // NULL: there is none
  size_t cubin_bytes;
  lmoptp_kernels_t kernels;
} lmoptp_gpu_code_t;

enum { LMOPTP_MOST_ARCHITECTURES = 16 };
/* All there is, checked: each architecture has a table and an image, and all tables have as many kernels with the same
 * parameters, because the host code is one. */
lmopt_status_t lmoptp_artifact_gpu_code(const lmopt_artifact_t *artifact,
                                        lmoptp_gpu_code_t codes[LMOPTP_MOST_ARCHITECTURES], uint32_t *count,
                                        lmopt_error_t *error);

#endif
