/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Which of the CPU features of abi.h this machine offers. In: CPUID and XCR0. Out: LMOPT_ISA_* bits and their names.
 * A feature counts only when the operating system saves its registers (XCR0), else its first instruction would fault.
 * Source: Intel SDM vol. 1 ch. 13-14 and vol. 2 CPUID. Tested by test/unit/runtime.
 */
#include "internal.h"

#include <cpuid.h>
#include <stdio.h>
#include <string.h>

enum { EBX, ECX, EDX, EAX };              // which register of a CPUID leaf
enum { STATE_SSE, STATE_YMM, STATE_ZMM }; // which registers the feature uses

static const struct {
  uint64_t bit;
  const char *name;
  uint32_t leaf, subleaf;
  uint8_t word, shift, state;
} features[] = {
    {LMOPT_ISA_SSE42, "sse4.2", 1, 0, ECX, 20, STATE_SSE},
    {LMOPT_ISA_AVX, "avx", 1, 0, ECX, 28, STATE_YMM},
    {LMOPT_ISA_AVX2, "avx2", 7, 0, EBX, 5, STATE_YMM},
    {LMOPT_ISA_FMA, "fma", 1, 0, ECX, 12, STATE_YMM},
    {LMOPT_ISA_F16C, "f16c", 1, 0, ECX, 29, STATE_YMM},
    {LMOPT_ISA_BMI2, "bmi2", 7, 0, EBX, 8, STATE_SSE},
    {LMOPT_ISA_AVX512F, "avx512f", 7, 0, EBX, 16, STATE_ZMM},
    {LMOPT_ISA_AVX512BW, "avx512bw", 7, 0, EBX, 30, STATE_ZMM},
    {LMOPT_ISA_AVX512VL, "avx512vl", 7, 0, EBX, 31, STATE_ZMM},
    {LMOPT_ISA_AVX512DQ, "avx512dq", 7, 0, EBX, 17, STATE_ZMM},
    {LMOPT_ISA_AVX512VNNI, "avx512vnni", 7, 0, ECX, 11, STATE_ZMM},
    {LMOPT_ISA_AVX512BF16, "avx512bf16", 7, 1, EAX, 5, STATE_ZMM},
    {LMOPT_ISA_AVXVNNI, "avxvnni", 7, 1, EAX, 4, STATE_YMM},
    {LMOPT_ISA_AVX512VBMI, "avx512vbmi", 7, 0, ECX, 1, STATE_ZMM},
};
enum { FEATURES = sizeof features / sizeof features[0] };

// XCR0 bits: 1 SSE, 2 AVX; 5-7 opmask and the upper halves of zmm.
static const uint64_t state_masks[] = {0, 0x6, 0xe6};

static uint64_t enabled_state(void) {
  uint32_t eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
    return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

uint64_t lmopt_cpu_isa(void) {
  uint64_t state = enabled_state(), isa = 0;
  for (int i = 0; i < FEATURES; ++i) {
    uint32_t words[4] = {0, 0, 0, 0};
    if (!__get_cpuid_count(features[i].leaf, features[i].subleaf, &words[EAX], &words[EBX], &words[ECX], &words[EDX]))
      continue;
    uint64_t needed = state_masks[features[i].state];
    if ((words[features[i].word] >> features[i].shift & 1) && (state & needed) == needed)
      isa |= features[i].bit;
  }
  return isa;
}

static const char *name_of(uint64_t bit) {
  for (int i = 0; i < FEATURES; ++i)
    if (features[i].bit == bit)
      return features[i].name;
  return NULL;
}

size_t lmopt_isa_names(uint64_t isa, char *text, size_t capacity) {
  size_t length = 0;
  if (capacity)
    text[0] = 0;
  for (int i = 0; i < 64; ++i) {
    if (!(isa >> i & 1))
      continue;
    char number[16];
    snprintf(number, sizeof number, "bit %d", i);
    const char *name = name_of(1ull << i);
    char piece[32];
    int size = snprintf(piece, sizeof piece, "%s%s", length ? ", " : "", name ? name : number);
    if (length < capacity)
      snprintf(text + length, capacity - length, "%s", piece);
    length += (size_t)size;
  }
  return length;
}
