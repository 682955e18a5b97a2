// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the groups of benchmarks share: the program that they add kernels to before it is loaded, and the bounds that
// results are compared with, measured by this program on this machine before anything else runs.
#ifndef LMOPT_BENCH_KERNELS_BENCHMARKS_H
#define LMOPT_BENCH_KERNELS_BENCHMARKS_H

#include "bench/kernels/KernelProgram.h"

#include "benchmark/benchmark.h"

#include <ctime>

namespace lmopt::bench {

/// Operations (a multiplication and an addition are two) and bytes per second of one thread.
struct Peaks {
  double u8s8 = 0, f32 = 0, bf16 = 0, readBytes = 0;
};

/// Memory that a kernel bound by it walks through again and again: more than any cache.
constexpr int64_t kStreamedBytes = int64_t{192} << 20;

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
void addHeadCosts(KernelProgram &program, const Peaks &peaks);
void addAttentionBenchmarks(KernelProgram &program, const Peaks &peaks);
void addRowBenchmarks(KernelProgram &program, const Peaks &peaks);

/// Seconds of CPU this thread has used: what a kernel costs, whatever else the machine does meanwhile.
inline double threadSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Runs the benchmark; seconds of one call.
template <class Work>
double timeCalls(benchmark::State &state, Work work) {
  double start = threadSeconds();
  for (auto _ : state)
    work();
  return (threadSeconds() - start) / static_cast<double>(state.iterations());
}

/// Counters of one benchmark: amounts of one call as rates and as shares of a bound. What is 0 is left out.
struct Amounts {
  double operations = 0, peak = 0, bytes = 0, bandwidth = 0;
};
void report(benchmark::State &state, double seconds, const Amounts &amounts);

} // namespace lmopt::bench

#endif
