// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the groups of benchmarks share: the program that they add kernels to before it is loaded, and the bounds that
// results are compared with, measured by this program on this machine before anything else runs.
#ifndef LMOPT_BENCH_KERNELS_BENCHMARKS_H
#define LMOPT_BENCH_KERNELS_BENCHMARKS_H

#include "bench/kernels/KernelProgram.h"

#include "benchmark/benchmark.h"

namespace lmopt::bench {

/// Operations (a multiplication and an addition are two) and bytes per second of one thread.
struct Peaks {
  double u8s8 = 0, f32 = 0, bf16 = 0, readBytes = 0;
};

/// Loops of nothing but one instruction on registers: add them before `load`, run them after.
class PeakLoops {
public:
  explicit PeakLoops(KernelProgram &program);
  Peaks measure() const; ///< a fraction of a second in all

private:
  double best(int kernel, double operations) const;
  KernelProgram &program;
  int u8s8, f32, bf16;
};

/// Each adds its kernels now and registers benchmarks that run after `load`. `peaks` is filled in between.
void addLinearBenchmarks(KernelProgram &program, const Peaks &peaks);
void addAttentionBenchmarks(KernelProgram &program, const Peaks &peaks);
void addRowBenchmarks(KernelProgram &program, const Peaks &peaks);

/// Counters of one benchmark; `peak` and `bandwidth` 0 leave out the share that says nothing about it.
void report(benchmark::State &state, double operations, double peak, double bytes, double bandwidth);

} // namespace lmopt::bench

#endif
