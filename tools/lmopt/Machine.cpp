// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops of one instruction on every thread; see Machine.h.
#include "tools/lmopt/Machine.h"

#include "lmopt/abi.h"
#include "lmopt/lmopt.h"
#include "tools/lmopt/ReadBandwidth.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <immintrin.h>

namespace lmopt::driver {

static constexpr int kRounds =
    20000; // about 40 us of 16 instructions: longer than the clock's grain, short of a neighbour's turn
static constexpr int kChains = 16;      // of 32 registers
static constexpr int kFewerChains = 12; // of 16, which also hold the factor: one more would be stored and loaded
static constexpr int kTries = 200;

// The sums go through an empty asm, so that no round can be left out or taken together with another.
// NOLINTBEGIN(bugprone-macro-parentheses): a type has none
#define LMOPT_PEAK_LOOP(CHAINS, TYPE, ZERO, STEP)                                                                      \
  TYPE sums[CHAINS];                                                                                                   \
  for (TYPE &sum : sums)                                                                                               \
    sum = ZERO;                                                                                                        \
  for (int round = 0; round < kRounds; ++round) {                                                                      \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < (CHAINS); ++i) {                                            \
      sums[i] = STEP;                                                                                                  \
      asm volatile("" : "+v"(sums[i]));                                                                                \
    }                                                                                                                  \
  }
// NOLINTEND(bugprone-macro-parentheses)

__attribute__((target("avx512f,avx512vnni"))) static void loopVnni512() {
  const __m512i factor = _mm512_set1_epi8(1);
  LMOPT_PEAK_LOOP(kChains, __m512i, _mm512_setzero_si512(), _mm512_dpbusd_epi32(sums[i], factor, factor))
}
__attribute__((target("avxvnni"))) static void loopVnni256() {
  const __m256i factor = _mm256_set1_epi8(1);
  LMOPT_PEAK_LOOP(kFewerChains, __m256i, _mm256_setzero_si256(), _mm256_dpbusd_avx_epi32(sums[i], factor, factor))
}
// Of the sums themselves, lest the product leave the loop.
__attribute__((target("avx512f,avx512bw"))) static void loopWords512() {
  const __m512i factor = _mm512_set1_epi16(1);
  LMOPT_PEAK_LOOP(kChains, __m512i, _mm512_setzero_si512(),
                  _mm512_add_epi32(sums[i], _mm512_madd_epi16(factor, sums[i])))
}
__attribute__((target("avx2"))) static void loopWords256() {
  const __m256i factor = _mm256_set1_epi16(1);
  LMOPT_PEAK_LOOP(kFewerChains, __m256i, _mm256_setzero_si256(),
                  _mm256_add_epi32(sums[i], _mm256_madd_epi16(factor, sums[i])))
}
__attribute__((target("avx512f,avx512bf16"))) static void loopBf16() {
  const auto factor = (__m512bh)_mm512_set1_epi32(0x3f803f80);
  LMOPT_PEAK_LOOP(kChains, __m512, _mm512_setzero_ps(), _mm512_dpbf16_ps(sums[i], factor, factor))
}
__attribute__((target("avx512f"))) static void loopFma512() {
  const __m512 factor = _mm512_set1_ps(0.5f);
  LMOPT_PEAK_LOOP(kChains, __m512, _mm512_setzero_ps(), _mm512_fmadd_ps(factor, factor, sums[i]))
}
__attribute__((target("avx,fma"))) static void loopFma256() {
  const __m256 factor = _mm256_set1_ps(0.5f);
  LMOPT_PEAK_LOOP(kFewerChains, __m256, _mm256_setzero_ps(), _mm256_fmadd_ps(factor, factor, sums[i]))
}

/// Operations a second of `threads` threads in `loop`, whose one instruction makes `operations`.
static double rate(int threads, double operations, void (*loop)(), int chains = kChains) {
  std::vector<double> best(static_cast<size_t>(threads), 0);
  auto run = [&](size_t index) {
    for (int i = 0; i < kTries; ++i) {
      auto start = std::chrono::steady_clock::now();
      loop();
      std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      best[index] = std::max(best[index], operations * chains * kRounds / seconds.count());
    }
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < best.size(); ++i)
    others.emplace_back(run, i);
  run(0);
  for (std::thread &other : others)
    other.join();
  double sum = 0;
  for (double own : best)
    sum += own;
  return sum;
}

MachineBounds measureMachine(int threads, uint64_t isa) {
  isa &= lmopt_cpu_isa();
  auto has = [isa](uint64_t bits) { return (isa & bits) == bits; };
  MachineBounds bounds;
  if (has(LMOPT_ISA_AVX512F | LMOPT_ISA_AVX512VNNI))
    bounds.u8s8 = rate(threads, 2 * 64, loopVnni512);
  else if (has(LMOPT_ISA_AVXVNNI))
    bounds.u8s8 = rate(threads, 2 * 32, loopVnni256, kFewerChains);
  else if (has(LMOPT_ISA_AVX512F | LMOPT_ISA_AVX512BW))
    bounds.u8s8 = rate(threads, 2 * 32, loopWords512);
  else if (has(LMOPT_ISA_AVX2))
    bounds.u8s8 = rate(threads, 2 * 16, loopWords256, kFewerChains);
  if (has(LMOPT_ISA_AVX512F))
    bounds.f32 = rate(threads, 2 * 16, loopFma512);
  else if (has(LMOPT_ISA_FMA))
    bounds.f32 = rate(threads, 2 * 8, loopFma256, kFewerChains);
  bounds.bf16 = has(LMOPT_ISA_AVX512F | LMOPT_ISA_AVX512BF16) ? rate(threads, 2 * 32, loopBf16) : bounds.f32;
  // Far beyond the last-level cache, which then serves a piece or two of each round.
  bounds.memory = lmopt_bench_read_bandwidth(size_t{512} << 20, threads, 4);
  return bounds;
}

} // namespace lmopt::driver
