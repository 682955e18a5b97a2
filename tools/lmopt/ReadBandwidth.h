/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * How fast this machine reads memory, here and now: the bound of everything that streams weights. Measured beside each
 * benchmark, because neighbours on the same memory move it by a third.
 */
#ifndef LMOPT_BENCH_READBANDWIDTH_H
#define LMOPT_BENCH_READBANDWIDTH_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes per second at which `threads` threads together read memory, each its own part: the best of many pieces of a
 * walk of `rounds` rounds through `bytes` bytes. With `bytes` well beyond the last-level cache every piece comes from
 * memory. 0 when memory is lacking or a number makes no sense. */
double lmopt_bench_read_bandwidth(size_t bytes, int threads, int rounds);

#ifdef __cplusplus
}
#endif
#endif
