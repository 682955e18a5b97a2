// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the driver of NVIDIA does not tell: what is alive in the fake one, so that tests can ask whether everything was
// given back. Found by dlsym in the library. Tested by test/ptx/fake/client.c.
#ifndef LMOPT_TEST_PTX_FAKE_INSPECT_H
#define LMOPT_TEST_PTX_FAKE_INSPECT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  uint64_t deviceBytes;
  unsigned contextUses;  // cuDevicePrimaryCtxRetain without its release
  unsigned contextDepth; // contexts that are current in this thread
  unsigned allocations, hostAllocations, reservations, mappings, physicalPages;
  unsigned modules, streams, events, graphs, executables;
  unsigned lateUploads; // graphs that nobody had uploaded when they were launched first
} FakeCudaLive;

__attribute__((visibility("default"))) void fakeCudaInspect(FakeCudaLive *live);
/// How often a function was called since the last fakeCudaForget; the name without "_v2".
__attribute__((visibility("default"))) unsigned fakeCudaCalls(const char *function);
/// Faults and counted calls, as if the process were new; cuInit, too, if no context is held. What is alive stays.
__attribute__((visibility("default"))) void fakeCudaForget(void);

#ifdef __cplusplus
}
#endif

#endif // LMOPT_TEST_PTX_FAKE_INSPECT_H
