/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * How many threads a team should have. In: the affinity of the process, the cores its CPUs belong to (sysfs), the CPU
 * time it is granted (quota.c). Out: a number.
 *
 * Cores, not CPUs: two CPUs of one core share its vector units and its path to memory, which is what kernels wait for;
 * a second thread there adds little and is one more that every barrier waits for. The quota is rounded down: with one
 * thread more than it pays for, the kernel stops threads until the next period begins (every 100 ms, by default), in
 * the middle of a step, and those that still run wait for them.
 *
 * Cost: a system call and a small file for each core. Source: the kernel's documentation, admin-guide/cputopology.
 * Tested by test/unit/runtime/HostTest.cpp.
 */
#include "runtime/src/platform/host.h"

#include "runtime/src/platform/support.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

/*===--- Cores ---===*/

// Sets CPUs first .. last as far as a set has room.
static void add_range(cpu_set_t *set, unsigned long first, unsigned long last) {
  for (unsigned long cpu = first; cpu <= last && cpu < CPU_SETSIZE; ++cpu)
    CPU_SET(cpu, set);
}

// Reads a list as the kernel writes it, "0-3,8\n". False: it is something else.
static bool parse_list(const char *text, cpu_set_t *set) {
  CPU_ZERO(set);
  for (;; ++text) {
    if (!isdigit((unsigned char)*text))
      return false;
    char *end;
    unsigned long first = strtoul(text, &end, 10), last = first;
    if (*end == '-') {
      if (!isdigit((unsigned char)end[1]))
        return false;
      last = strtoul(end + 1, &end, 10);
    }
    add_range(set, first, last);
    text = end;
    if (*text != ',')
      return *text == '\n' || *text == 0;
  }
}

// The CPUs of the core of this one. A list without the CPU itself is not believed.
static bool read_siblings(const char *root, int cpu, cpu_set_t *siblings) {
  // The second is the name of the first in kernels before 5.4.
  static const char *const names[] = {"core_cpus_list", "thread_siblings_list"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    char text[4096];
    if (lmoptp_read_text(text, sizeof text, "%s/sys/devices/system/cpu/cpu%d/topology/%s", root, cpu, names[i]) &&
        parse_list(text, siblings) && CPU_ISSET(cpu, siblings))
      return true;
  }
  return false;
}

// CPUs that say nothing of their core are a core of their own.
static int32_t count_cores(const char *root, const cpu_set_t *allowed) {
  cpu_set_t counted, siblings;
  CPU_ZERO(&counted);
  int32_t cores = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, allowed) || CPU_ISSET(cpu, &counted))
      continue;
    ++cores;
    if (read_siblings(root, cpu, &siblings))
      CPU_OR(&counted, &counted, &siblings);
  }
  return cores;
}

/*===--- The host ---===*/

static int32_t at_least_one(long number) { return number < 1 ? 1 : (int32_t)number; }

lmoptp_host_t lmoptp_host_read(const char *root, const cpu_set_t *allowed) {
  return (lmoptp_host_t){.cpus = at_least_one(CPU_COUNT(allowed)),
                         .cores = at_least_one(count_cores(root, allowed)),
                         .quota = lmoptp_host_quota(root)};
}

lmoptp_host_t lmoptp_host(void) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    return lmoptp_host_read("", &allowed);
  // More CPUs than a set has room for: they are counted, but not known one by one.
  int32_t online = at_least_one(sysconf(_SC_NPROCESSORS_ONLN));
  return (lmoptp_host_t){.cpus = online, .cores = online, .quota = lmoptp_host_quota("")};
}

int32_t lmoptp_host_threads(const lmoptp_host_t *host) {
  int32_t threads = host->cores < LMOPTP_MAX_THREADS ? host->cores : LMOPTP_MAX_THREADS;
  return host->quota && host->quota < threads ? at_least_one((long)host->quota) : threads;
}

bool lmoptp_host_fits(const lmoptp_host_t *host, int32_t threads) {
  return threads <= host->cpus && (!host->quota || threads <= host->quota);
}
