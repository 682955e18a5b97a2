/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * How every call of the runtime reports failure: a status code, and a message in memory that the caller owns.
 * The values are the exit codes of the `lmopt` driver, so that a program can pass them on unchanged.
 * In: nothing; out: types only. Used by every header of the runtime.
 */
#ifndef LMOPT_STATUS_H
#define LMOPT_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lmopt_status {
  LMOPT_OK = 0,
  LMOPT_ERROR_INTERNAL = 1,    /* a fault of lmopt itself */
  LMOPT_ERROR_USAGE = 2,       /* the caller broke the contract of the call */
  LMOPT_ERROR_MALFORMED = 3,   /* the input is damaged */
  LMOPT_ERROR_UNSUPPORTED = 4, /* the input is sound, but lmopt does not know what it asks for */
  LMOPT_ERROR_RESOURCE = 5,    /* out of memory or disk, or a file cannot be read */
  LMOPT_ERROR_QUALITY = 6,     /* a quality gate failed */
  LMOPT_ERROR_ABI = 7,         /* artifact and runtime do not fit */
  LMOPT_ERROR_CPU = 8,         /* the artifact needs a feature that this CPU lacks */
  LMOPT_INTERRUPTED = 130      /* cancelled by the caller */
} lmopt_status_t;

#define LMOPT_ERROR_MESSAGE_SIZE 512

/* Owned by the caller, who may pass NULL wherever one is asked for. Written only when the call fails. */
typedef struct lmopt_error {
  lmopt_status_t status;
  char message[LMOPT_ERROR_MESSAGE_SIZE]; /* zero-terminated; one sentence or two, no line break */
} lmopt_error_t;

#ifdef __cplusplus
}
#endif
#endif
