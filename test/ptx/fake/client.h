// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the scenarios of the fake driver's client share: how to find and call functions, a module, memory. Described in
// client.c.
#ifndef LMOPT_TEST_PTX_FAKE_CLIENT_H
#define LMOPT_TEST_PTX_FAKE_CLIENT_H

#include "test/ptx/fake/Cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int failures;
#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                           \
      ++failures;                                                                                                      \
    }                                                                                                                  \
  } while (0)

extern CUresult (*getProcAddress)(const char *, void **, int, uint64_t, int *);

/// The function of this name; ends the process if there is none.
void *function(const char *name);

/// `CALL(cuInit, (unsigned), (0))` calls it through its address.
#define CALL(name, types, arguments) (((CUresult(*) types)function(#name))arguments)

extern CUdevice device;
extern CUcontext context;
extern CUmodule module;
extern uint32_t host[64];
extern const char kText[];

void openDevice(void);
CUresult load(const void *image);
CUfunction kernel(const char *name);
CUdeviceptr allocate(size_t size);
CUresult launchOn(CUstream stream, CUfunction f, unsigned blocks, unsigned threads, void **parameters);
CUresult synchronize(CUstream stream);
CUresult copyIn(CUdeviceptr into, const void *from, size_t size);
CUresult copyOut(void *into, CUdeviceptr from, size_t size);

void scenarioDevice(void);
void scenarioNoDevice(void);
void scenarioOldDriver(void);
void scenarioOldCard(void);
void scenarioModules(void);
void scenarioLaunch(void);
void scenarioSharedMemoryLimit(void);
void scenarioCooperative(void);
void scenarioFaultStays(void);
void scenarioHang(void);
void scenarioMemory(void);
void scenarioHostMemory(void);
void scenarioVirtualMemory(void);
void scenarioGraph(void);
void scenarioEvents(void);
void scenarioInjectedFailures(void);
void scenarioEveryCall(void);
void scenarioContexts(void);
void scenarioLateStreams(void);
void scenarioInspection(void);

#endif // LMOPT_TEST_PTX_FAKE_CLIENT_H
