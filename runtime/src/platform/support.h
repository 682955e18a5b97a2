/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What all rooms of the runtime share and nobody else sees: how to fail, how to read options, memory and files from the
 * system.
 * Private functions begin with lmoptp_ (those of chat/ with tpl_).
 */
#ifndef LMOPT_SRC_PLATFORM_SUPPORT_H
#define LMOPT_SRC_PLATFORM_SUPPORT_H

#include "lmopt/abi.h"
#include "lmopt/lmopt.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

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

/* A file of the kernel whose name is printed from the format; NULL, false: it cannot be read. The second keeps no more
 * than fits, with a zero behind it. */
FILE *lmoptp_open_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool lmoptp_read_text(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static inline uint64_t lmoptp_round_up(uint64_t value, uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

#endif
