// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bounds of this machine, measured here and now: how fast it multiplies and how fast it reads memory.
//
// In: a number of threads. Out: rates of all of them together. Each unit is driven by independent chains of its one
// instruction, more than its latency (4 to 5 cycles on two units) can hold up. A unit that this CPU lacks has the rate
// 0: then a product is several instructions, and no single one bounds it. Tested by test/tools/lmopt.
#ifndef LMOPT_TOOLS_LMOPT_MACHINE_H
#define LMOPT_TOOLS_LMOPT_MACHINE_H

namespace lmopt::driver {

/// Multiplications and additions a second; bytes a second.
struct MachineBounds {
  double u8s8 = 0, bf16 = 0, f32 = 0;
  double memory = 0;
};

MachineBounds measureMachine(int threads);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_MACHINE_H
