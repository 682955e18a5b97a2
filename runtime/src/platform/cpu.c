/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Which of the CPU features of abi.h this machine offers. In: CPUID and XCR0. Out: LMOPT_ISA_* bits and their names.
 * A feature counts only when the operating system saves its registers (XCR0), else its first instruction would fault.
 * CPUID is asked once in the life of a process, and each leaf once: a virtual machine answers each of them by an exit
 * to its host, about a microsecond (Zen 3 under Firecracker; asked feature by feature it was a quarter of an opening).
 * Source: Intel SDM vol. 1 ch. 13-14 and vol. 2 CPUID. Tested by test/unit/runtime.
 */
#include "runtime/src/platform/support.h"

#include <cpuid.h>
#include <stdio.h>
#include <string.h>

enum { EAX, EBX, ECX, EDX }; // which register of a CPUID leaf
enum { LEAF_1, LEAF_7, LEAF_7_1, LEAVES };
enum { STATE_SSE, STATE_YMM, STATE_ZMM }; // which registers the feature uses

static const struct {
  uint64_t bit;
  const char *name;
  uint8_t leaf, word, shift, state;
} features[] = {
    {LMOPT_ISA_SSE42, "sse4.2", LEAF_1, ECX, 20, STATE_SSE},
    {LMOPT_ISA_AVX, "avx", LEAF_1, ECX, 28, STATE_YMM},
    {LMOPT_ISA_AVX2, "avx2", LEAF_7, EBX, 5, STATE_YMM},
    {LMOPT_ISA_FMA, "fma", LEAF_1, ECX, 12, STATE_YMM},
    {LMOPT_ISA_F16C, "f16c", LEAF_1, ECX, 29, STATE_YMM},
    {LMOPT_ISA_BMI2, "bmi2", LEAF_7, EBX, 8, STATE_SSE},
    {LMOPT_ISA_AVX512F, "avx512f", LEAF_7, EBX, 16, STATE_ZMM},
    {LMOPT_ISA_AVX512BW, "avx512bw", LEAF_7, EBX, 30, STATE_ZMM},
    {LMOPT_ISA_AVX512VL, "avx512vl", LEAF_7, EBX, 31, STATE_ZMM},
    {LMOPT_ISA_AVX512DQ, "avx512dq", LEAF_7, EBX, 17, STATE_ZMM},
    {LMOPT_ISA_AVX512VNNI, "avx512vnni", LEAF_7, ECX, 11, STATE_ZMM},
    {LMOPT_ISA_AVX512BF16, "avx512bf16", LEAF_7_1, EAX, 5, STATE_ZMM},
    {LMOPT_ISA_AVXVNNI, "avxvnni", LEAF_7_1, EAX, 4, STATE_YMM},
    {LMOPT_ISA_AVX512VBMI, "avx512vbmi", LEAF_7, ECX, 1, STATE_ZMM},
    {LMOPT_ISA_AVX512VBMI2, "avx512vbmi2", LEAF_7, ECX, 6, STATE_ZMM},
};
enum { FEATURES = sizeof features / sizeof features[0] };

// XCR0 bits: 1 SSE, 2 AVX; 5-7 opmask and the upper halves of zmm.
static const uint64_t state_masks[] = {0, 0x6, 0xe6};

typedef uint32_t leaf_t[4];

// Leaves that the CPU does not have stay zero.
static void read_leaves(leaf_t leaves[LEAVES]) {
  memset(leaves, 0, LEAVES * sizeof *leaves);
  uint32_t last = __get_cpuid_max(0, NULL);
  if (last >= 1)
    __cpuid_count(1, 0, leaves[LEAF_1][EAX], leaves[LEAF_1][EBX], leaves[LEAF_1][ECX], leaves[LEAF_1][EDX]);
  if (last < 7)
    return;
  __cpuid_count(7, 0, leaves[LEAF_7][EAX], leaves[LEAF_7][EBX], leaves[LEAF_7][ECX], leaves[LEAF_7][EDX]);
  if (leaves[LEAF_7][EAX] >= 1) // the last sub-leaf of leaf 7
    __cpuid_count(7, 1, leaves[LEAF_7_1][EAX], leaves[LEAF_7_1][EBX], leaves[LEAF_7_1][ECX], leaves[LEAF_7_1][EDX]);
}

static uint64_t enabled_state(const leaf_t leaf_1) {
  if (!(leaf_1[ECX] & bit_OSXSAVE))
    return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static uint64_t ask_cpu(void) {
  leaf_t leaves[LEAVES];
  read_leaves(leaves);
  uint64_t state = enabled_state(leaves[LEAF_1]), isa = 0;
  for (int i = 0; i < FEATURES; ++i) {
    uint64_t needed = state_masks[features[i].state];
    if ((leaves[features[i].leaf][features[i].word] >> features[i].shift & 1) && (state & needed) == needed)
      isa |= features[i].bit;
  }
  return isa;
}

uint64_t lmopt_cpu_isa(void) {
  static const uint64_t asked = 1ull << 63;
  static _Atomic uint64_t answer; // all threads find the same, so the order of their writes is of no account
  uint64_t known = atomic_load_explicit(&answer, memory_order_relaxed);
  if (!known) {
    known = ask_cpu() | asked;
    atomic_store_explicit(&answer, known, memory_order_relaxed);
  }
  return known & ~asked;
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
