/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The checksum of an artifact's parts, as lmopt/abi.h defines it. In: bytes, whole or in pieces of any size. Out: 64
 * bits. Cost: one multiplication for 8 bytes, 8 of them under way at once. Used by the runtime (verify.c) and by what
 * writes artifacts (codegen/link). Tested by test/unit/runtime/ChecksumTest.cpp.
 */
#ifndef LMOPT_SRC_CHECKSUM_H
#define LMOPT_SRC_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LMOPTP_CHECKSUM_BLOCK = 64 };

/* A checksum under way. */
typedef struct {
  uint64_t lanes[8];
  uint64_t size;                          /* bytes taken so far */
  uint8_t pending[LMOPTP_CHECKSUM_BLOCK]; /* the last size % LMOPTP_CHECKSUM_BLOCK of them */
} lmoptp_checksum_t;

void lmoptp_checksum_begin(lmoptp_checksum_t *checksum);
void lmoptp_checksum_add(lmoptp_checksum_t *checksum, const void *data, uint64_t size);
uint64_t lmoptp_checksum_end(const lmoptp_checksum_t *checksum);

/* The three in one. */
uint64_t lmoptp_checksum_of(const void *data, uint64_t size);

#ifdef __cplusplus
}
#endif
#endif
