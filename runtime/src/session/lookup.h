/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Where the latest tokens of a sequence stood before in it. See lookup.c.
 */
#ifndef LMOPT_SRC_SESSION_LOOKUP_H
#define LMOPT_SRC_SESSION_LOOKUP_H

#include "lmopt/status.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Fewest tokens that must agree, and most that are compared. */
enum { LMOPTP_LOOKUP_LEAST = 2, LMOPTP_LOOKUP_MOST = 32 };

typedef struct {
  int32_t *heads;  // [1 << bits]: for each hash of LEAST tokens the latest position behind such, or -1
  int32_t *before; // [capacity]: for each position the one before it in its list, or -1
  int32_t bits;
  int64_t indexed; // positions up to there are in the lists
} lmoptp_lookup_t;

/* For sequences of up to `capacity` tokens. */
lmopt_status_t lmoptp_lookup_create(int64_t capacity, lmoptp_lookup_t *out, lmopt_error_t *error);
void lmoptp_lookup_destroy(lmoptp_lookup_t *lookup);
/* Tokens from `position` on are others now, or gone. */
void lmoptp_lookup_keep(lmoptp_lookup_t *lookup, int64_t position);
/* The position behind the tokens that agree with the latest ones of tokens[0, count) the furthest back, the latest such
 * position where several do: what followed there is tokens[position] and on. *length: how many agree. -1: fewer than
 * LMOPTP_LOOKUP_LEAST do. What was asked before, and not given up by lmoptp_lookup_keep, is a beginning of `tokens`. */
int64_t lmoptp_lookup_find(lmoptp_lookup_t *lookup, const int32_t *tokens, int64_t count, int64_t *length);

#ifdef __cplusplus
}
#endif
#endif
