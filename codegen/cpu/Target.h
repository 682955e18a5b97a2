// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CPU that code is generated for: which instructions may be used (exactly those that the artifact's ISA mask can
// name, so that the mask never lies), how many vector registers there are, and which spelling of the integer dot
// product fits. In: a CPU name that LLVM knows, or `native`. Tested by test/unit/codegen/TargetTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_TARGET_H
#define LMOPT_CODEGEN_CPU_TARGET_H

#include <cstdint>
#include <string>
#include <vector>

namespace lmopt::cpu {

/// How lmk.dot_u8s8 is spelled. All give the same bits.
enum class DotIsa {
  Avx512Vnni, ///< vpdpbusd on 512 bits
  AvxVnni,    ///< vpdpbusd on 256 bits, VEX encoding
  Avx512Bw,   ///< bytes widened to 16 bits, vpmaddwd on 512 bits
  Avx2,       ///< the same on 256 bits
  Portable    ///< shifts, multiplications and additions of i32 lanes
};

const char *dotIsaName(DotIsa isa);

struct Target {
  std::string cpu;      ///< as LLVM names it, e.g. znver5
  std::string features; ///< feature string for the target machine: everything off but what `isa` names
  uint64_t isa = 0;     ///< LMOPT_ISA_* bits, what the artifact will ask of its CPU
  DotIsa dot = DotIsa::Portable;
  bool fma = false;
  /// Register tile of the matrix kernels: rows (tokens) x panels of 16 outputs.
  /// 512-bit registers: 8 x 3 accumulators + 3 weights + 1 broadcast = 28 of 32 registers.
  /// 256-bit registers: a panel takes two of 16 registers: 4 x 1 accumulators = 8, + 2 weights + 1 broadcast.
  int64_t tileRows = 4;
  int64_t tilePanels = 1;
  bool has(uint64_t bit) const { return (isa & bit) != 0; }
};

/// Fills `targets` for one name or several with commas between them, the least demanding first: who looks for code that
/// runs on a CPU takes the last that does. Names that mean the same instructions are an error.
bool makeTargets(const std::string &cpus, std::vector<Target> &targets, std::string &error);

/// Fills `target` for a CPU name; false and a message with names that work if LLVM does not know it.
bool makeTarget(const std::string &cpu, Target &target, std::string &error);

} // namespace lmopt::cpu

#endif
