/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Four sequential streams a thread, as the streaming kernels read their four panels; sums keep the loads alive. All
 * threads start a round together, and the round ends with the slowest. See ReadBandwidth.h.
 */
#include "bench/ReadBandwidth.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STREAMS = 4, LANES = 8, MAX_THREADS = 256 };

typedef struct reader {
  const uint64_t *words; /* STREAMS * count of them */
  size_t count;          /* words of one stream, a multiple of LANES */
  int rounds;
  pthread_barrier_t *start, *end;
  uint64_t sum;
} reader_t;

static uint64_t sum_streams(const uint64_t *words, size_t count) {
  uint64_t sums[STREAMS][LANES] = {{0}};
  for (size_t i = 0; i < count; i += LANES)
    for (int stream = 0; stream < STREAMS; ++stream)
      for (int lane = 0; lane < LANES; ++lane)
        sums[stream][lane] += words[stream * count + i + lane];
  uint64_t sum = 0;
  for (int i = 0; i < STREAMS * LANES; ++i)
    sum += sums[i / LANES][i % LANES];
  return sum;
}

static void *read_rounds(void *argument) {
  reader_t *reader = argument;
  for (int round = 0; round < reader->rounds; ++round) {
    pthread_barrier_wait(reader->start);
    reader->sum += sum_streams(reader->words, reader->count);
    pthread_barrier_wait(reader->end);
  }
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
  size_t count = bytes / sizeof(uint64_t) / STREAMS / (size_t)threads / LANES * LANES;
  size_t total = count * STREAMS * (size_t)threads * sizeof(uint64_t);
  uint64_t *words = total ? aligned_alloc(64, total) : NULL;
  if (!words)
    return 0;
  memset(words, 1, total); /* pages that were never written are all the same page of zeros */

  pthread_barrier_t start, end;
  pthread_barrier_init(&start, NULL, (unsigned)threads + 1);
  pthread_barrier_init(&end, NULL, (unsigned)threads + 1);
  reader_t readers[MAX_THREADS];
  pthread_t handles[MAX_THREADS];
  int made = 0;
  for (; made < threads; ++made) {
    readers[made] = (reader_t){words + (size_t)made * STREAMS * count, count, rounds, &start, &end, 0};
    if (pthread_create(&handles[made], NULL, read_rounds, &readers[made]) != 0)
      abort(); /* the others wait at the barrier: a benchmark cannot go on, and need not */
  }
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    double begin = now();
    pthread_barrier_wait(&start);
    pthread_barrier_wait(&end);
    double rate = (double)total / (now() - begin);
    best = rate > best ? rate : best;
  }
  volatile uint64_t sink = 0;
  for (int i = 0; i < made; ++i) {
    pthread_join(handles[i], NULL);
    sink += readers[i].sum;
  }
  pthread_barrier_destroy(&start);
  pthread_barrier_destroy(&end);
  free(words);
  return best;
}
