// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bounds: what the units for products can do when nothing else is in their way, and how fast memory is read.
// Sixteen independent sums hide the latency of any of these instructions (4 to 5 cycles, two units).
#include "bench/kernels/Benchmarks.h"
#include "dialects/lmk/Lmk.h"
#include "tools/lmopt/ReadBandwidth.h"

#include <chrono>

using namespace mlir;

namespace lmopt::bench {

static constexpr int64_t kSums = 16;
static constexpr int64_t kRounds = 1 << 16;
static constexpr int64_t kOperandBytes = 64; ///< of one register

// kernel(a, b, out): out = sums of multiply(a, b, sum) over and over. What is multiplied is loaded, so that nothing can
// be computed beforehand; each sum has its own operand, so that no two are the same computation.
using Multiply = std::function<Value(cpu::Emitter &, Value a, Value b, Value sum)>;
static int addLoop(KernelProgram &program, const std::string &name, const std::function<Type(cpu::Emitter &)> &operand,
                   const std::function<Value(cpu::Emitter &)> &zero, const Multiply &multiply) {
  return program.add(program.define(name, 3, 0, [&](cpu::Emitter &e, ValueRange args) {
    Value b = e.load(operand(e), args[1], 64);
    cpu::Emitter::Values factors;
    for (int64_t i = 0; i < kSums / 2; ++i)
      factors.push_back(e.load(operand(e), e.at(args[0], i * kOperandBytes), 64));
    cpu::Emitter::Values sums =
        e.loop(e.index(0), e.index(kRounds), 1, cpu::Emitter::Values(kSums, zero(e)),
               [&](Value, const cpu::Emitter::Values &carried) {
                 cpu::Emitter::Values next;
                 for (int64_t i = 0; i < kSums; ++i)
                   next.push_back(multiply(e, i % 2 ? b : factors[i / 2], factors[i / 2], carried[i]));
                 return next;
               });
    for (int64_t i = 0; i < kSums; ++i)
      e.store(sums[i], e.at(args[2], i * kOperandBytes), 64);
  }));
}

PeakLoops::PeakLoops(KernelProgram &program) : program(program) {
  auto bytes = [](cpu::Emitter &e) { return e.bytes(); };
  auto floats = [](cpu::Emitter &e) { return e.floats(); };
  auto halves = [](cpu::Emitter &e) { return VectorType::get({2 * cpu::kLanes}, e.b.getBF16Type()); };
  auto zeroInts = [](cpu::Emitter &e) { return e.intsOf(0); };
  auto zeroFloats = [](cpu::Emitter &e) { return e.floatsOf(0); };
  u8s8 = addLoop(program, "peak_u8s8", bytes, zeroInts, [](cpu::Emitter &e, Value a, Value b, Value sum) -> Value {
    return lmk::DotU8S8Op::create(e.b, e.loc, sum.getType(), sum, a, b);
  });
  f32 = addLoop(program, "peak_f32", floats, zeroFloats,
                [](cpu::Emitter &e, Value a, Value b, Value sum) { return e.fma(a, b, sum); });
  bf16 = addLoop(program, "peak_bf16", halves, zeroFloats, [](cpu::Emitter &e, Value a, Value b, Value sum) -> Value {
    return lmk::DotBf16Op::create(e.b, e.loc, sum.getType(), sum, a, b);
  });
}

double PeakLoops::best(int kernel, double operations) const {
  Block a(kSums * kOperandBytes), b(kOperandBytes), out(kSums * kOperandBytes);
  if (kernel == u8s8) {
    a.fillBytes();
    b.fillBytes();
  }
  double rate = 0;
  for (int round = 0; round < 20; ++round) {
    auto start = std::chrono::steady_clock::now();
    program.call(kernel, Arguments(a.data(), b.data(), out.data()));
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    rate = std::max(rate, kSums * kRounds * operations / took.count());
  }
  return rate;
}

Peaks PeakLoops::measure() const {
  Peaks peaks;
  // Without the instruction, the product would be several and leave the loop: no bound, so no share is shown.
  const cpu::Target &target = program.target();
  if (target.spelling.dot == cpu::DotIsa::Avx512Vnni || target.spelling.dot == cpu::DotIsa::AvxVnni)
    peaks.u8s8 = best(u8s8, 2 * 4 * cpu::kLanes);
  if (target.shape.fma)
    peaks.f32 = best(f32, 2 * cpu::kLanes);
  if (target.spelling.has(LMOPT_ISA_AVX512BF16))
    peaks.bf16 = best(bf16, 2 * 2 * cpu::kLanes);
  peaks.readBytes = lmopt_bench_read_bandwidth(size_t{256} << 20, 1, 6);
  return peaks;
}

void report(benchmark::State &state, double seconds, const Amounts &amounts) {
  if (amounts.operations != 0)
    state.counters["GOP/s"] = amounts.operations / seconds / 1e9;
  if (amounts.peak != 0)
    state.counters["%peak"] = 100 * amounts.operations / seconds / amounts.peak;
  if (amounts.bytes != 0)
    state.counters["GB/s"] = amounts.bytes / seconds / 1e9;
  if (amounts.bandwidth != 0)
    state.counters["%memory"] = 100 * amounts.bytes / seconds / amounts.bandwidth;
}

} // namespace lmopt::bench
