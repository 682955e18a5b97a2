/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What this process may use of its machine, and how many threads a team should therefore have. For threads.c, and for
 * `lmopt bench`, which tells both. Tested by test/unit/runtime/HostTest.cpp.
 */
#ifndef LMOPT_SRC_PLATFORM_HOST_H
#define LMOPT_SRC_PLATFORM_HOST_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { LMOPTP_MAX_THREADS = 1024 };

typedef struct lmoptp_host {
  int32_t cpus;  /* that its affinity allows; at least 1 */
  int32_t cores; /* physical ones that have at least one of them; at least 1 */
  double quota;  /* seconds of CPU time that its control groups grant in a second; 0: as many as it likes */
} lmoptp_host_t;

/* Of this process, now. */
lmoptp_host_t lmoptp_host(void);
/* The same for a process with this affinity, whose /proc and /sys stand in the folder `root`, "" for the real ones.
 * Files that are missing or make no sense limit nothing. */
lmoptp_host_t lmoptp_host_read(const char *root, const cpu_set_t *allowed);
/* The part of it that control groups say: quota.c. */
double lmoptp_host_quota(const char *root);

/* How many threads a team has when nobody says it: 1 to LMOPTP_MAX_THREADS. */
int32_t lmoptp_host_threads(const lmoptp_host_t *host);
/* Whether so many threads can run all the time: then one that waits may keep its CPU. */
bool lmoptp_host_fits(const lmoptp_host_t *host, int32_t threads);

#ifdef __cplusplus
}
#endif

#endif
