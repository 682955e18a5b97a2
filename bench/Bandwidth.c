/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Prints how fast memory is read, in GB/s (10^9 bytes), as one JSON object by number of threads:
 *   bench-bandwidth [-m MIB] THREADS...    e.g. bench-bandwidth 1 2 -> {"1": 38.2, "2": 44.9}
 * MIB: how much is read in a round; by default 512, well beyond the last-level cache of one socket.
 */
#include "tools/lmopt/ReadBandwidth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 8 };

static int usage(void) {
  fprintf(stderr, "usage: bench-bandwidth [-m MIB] THREADS...\n");
  return 2;
}

int main(int argc, char **argv) {
  int first = 1;
  long mib = 512;
  if (argc > 2 && strcmp(argv[1], "-m") == 0) {
    mib = strtol(argv[2], NULL, 10);
    first = 3;
  }
  if (first >= argc || mib < 1 || mib > 1 << 20)
    return usage();
  for (int i = first; i < argc; ++i) {
    int threads = atoi(argv[i]);
    double rate = lmopt_bench_read_bandwidth((size_t)mib << 20, threads, ROUNDS);
    if (rate == 0) {
      fprintf(stderr,
              "bench-bandwidth: cannot measure %s threads over %ld MiB: memory or a number from 1 to 256 lacks\n",
              argv[i], mib);
      return 5;
    }
    printf("%s\"%d\": %.1f", i == first ? "{" : ", ", threads, rate / 1e9);
  }
  printf("}\n");
  return 0;
}
