/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Four sequential streams a thread, as the streaming kernels read their four panels; sums keep the loads alive. The
 * memory is walked through in pieces, each read by all threads together and timed alone, so that a neighbour who takes
 * the CPU for a while spoils a few pieces and not the whole. See ReadBandwidth.h.
 */
#include "tools/lmopt/ReadBandwidth.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STREAMS = 4, LANES = 8, MAX_THREADS = 256, PIECES = 32 };

typedef struct reader {
  const uint64_t *words; /* PIECES * STREAMS * count of them */
  size_t count;          /* words of one stream of one piece, a multiple of LANES */
  int rounds;
  pthread_barrier_t *start, *end;
  uint64_t sum;
} reader_t;

/* Written with vectors: left to itself, the compiler sums across rows and shuffles more than it reads. */
typedef uint64_t lanes_t __attribute__((vector_size(LANES * sizeof(uint64_t))));

static uint64_t sum_streams(const uint64_t *words, size_t count) {
  lanes_t sums[STREAMS] = {{0}};
  for (size_t i = 0; i < count; i += LANES)
    for (int stream = 0; stream < STREAMS; ++stream)
      sums[stream] += *(const lanes_t *)(words + stream * count + i);
  lanes_t sum = sums[0] + sums[1] + sums[2] + sums[3];
  uint64_t total = 0;
  for (int lane = 0; lane < LANES; ++lane)
    total += sum[lane];
  return total;
}

static void read_piece(reader_t *reader, int i) {
  pthread_barrier_wait(reader->start);
  reader->sum += sum_streams(reader->words + (size_t)(i % PIECES) * STREAMS * reader->count, reader->count);
  pthread_barrier_wait(reader->end);
}

static void *read_all(void *argument) {
  reader_t *reader = argument;
  for (int i = 0; i < reader->rounds * PIECES; ++i)
    read_piece(reader, i);
  return NULL;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

double lmopt_bench_read_bandwidth(size_t bytes, int threads, int rounds) {
  if (threads < 1 || threads > MAX_THREADS || rounds < 1)
    return 0;
  size_t count = bytes / sizeof(uint64_t) / PIECES / STREAMS / (size_t)threads / LANES * LANES;
  size_t piece = count * STREAMS * (size_t)threads * sizeof(uint64_t), total = PIECES * piece;
  uint64_t *words = total ? aligned_alloc(64, total) : NULL;
  if (!words)
    return 0;
  memset(words, 1, total); /* pages that were never written are all the same page of zeros */

  pthread_barrier_t start, end;
  pthread_barrier_init(&start, NULL, (unsigned)threads);
  pthread_barrier_init(&end, NULL, (unsigned)threads);
  reader_t readers[MAX_THREADS];
  pthread_t handles[MAX_THREADS];
  for (int i = 0; i < threads; ++i) {
    readers[i] = (reader_t){words + (size_t)i * PIECES * STREAMS * count, count, rounds, &start, &end, 0};
    if (i > 0 && pthread_create(&handles[i], NULL, read_all, &readers[i]) != 0)
      abort(); /* the others wait at the barrier: a benchmark cannot go on, and need not */
  }
  double best = 0;
  for (int i = 0; i < rounds * PIECES; ++i) { /* the first reader is the caller: nobody starts before the clock does */
    double begin = now();
    read_piece(&readers[0], i);
    double rate = (double)piece / (now() - begin);
    best = rate > best ? rate : best;
  }
  volatile uint64_t sink = 0;
  for (int i = 0; i < threads; ++i) {
    if (i > 0)
      pthread_join(handles[i], NULL);
    sink += readers[i].sum;
  }
  pthread_barrier_destroy(&start);
  pthread_barrier_destroy(&end);
  free(words);
  return best;
}
