// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bounds of this machine, measured here and now: how fast it multiplies and how fast it reads memory.
//
// In: a number of threads, and what instructions the code that is to be measured uses. Out: rates of all of them
// together, with those instructions. Each unit is driven by independent chains of one instruction, more than its
// latency (4 to 5 cycles on two units) can hold up. Without products of bytes it is two: pairs of words, and their
// addition; without products of bf16 they are those of f32, two for a pair. A unit whose steps are others still has the
// rate 0. Tested by test/tools/lmopt.
#ifndef LMOPT_TOOLS_LMOPT_MACHINE_H
#define LMOPT_TOOLS_LMOPT_MACHINE_H

#include <cstdint>

namespace lmopt::driver {

/// Multiplications and additions a second; bytes a second.
struct MachineBounds {
  double u8s8 = 0, bf16 = 0, f32 = 0;
  double memory = 0;
};

/// `isa`: LMOPT_ISA_* of the artifact; what this CPU has beyond them does not count.
MachineBounds measureMachine(int threads, uint64_t isa);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_MACHINE_H
