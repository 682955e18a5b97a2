// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bench-kernels: the kernels of the two real models one by one, on one thread, as shares of bounds that are measured
// first. Takes the options of Google Benchmark, e.g. --benchmark_filter=linear_u8s8 or --benchmark_format=json. Real
// time counts.
#include "bench/kernels/Benchmarks.h"

#include <cstdio>

using namespace lmopt::bench;

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 2;
  KernelProgram program;
  Peaks peaks;
  PeakLoops loops(program);
  addLinearBenchmarks(program, peaks);
  addHeadCosts(program, peaks);
  addAttentionBenchmarks(program, peaks);
  addRowBenchmarks(program, peaks);
  program.load();
  peaks = loops.measure();
  char text[64];
  auto context = [&](const char *name, double value) {
    std::snprintf(text, sizeof text, "%.1f", value / 1e9);
    benchmark::AddCustomContext(name, text);
  };
  context("peak u8s8, GOP/s", peaks.u8s8);
  context("peak f32, GOP/s", peaks.f32);
  context("peak bf16, GOP/s", peaks.bf16);
  context("memory read, GB/s", peaks.readBytes);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
