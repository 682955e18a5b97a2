// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The CPU that code is generated for, in two parts. The shape is what kernels ask when they decide: every bit of a
// result follows from it. The spelling is the instructions that stand for each step: which may be used (exactly those
// that the artifact's ISA mask can name, so that the mask never lies), and which of them make a dot product. Both come
// from one CPU, or the spelling from a lesser one (`--spell-for`): then the code made for the one runs on the other
// with the same bits, so that kernels for AVX-512 are tested where there is none. In: CPU names that LLVM knows, or
// `native`. Tested by test/unit/codegen/TargetTest.cpp; that a spelling changes no bit, by
// test/e2e/cpus.py.
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

/// How lmk.dot_bf16 is spelled. All give the same bits, Widened but where numbers are subnormal.
enum class DotBf16 {
  Avx512Bf16, ///< vdpbf16ps
  InSteps,    ///< the steps of vdpbf16ps one by one
  Widened     ///< two fused multiply-adds (or their two halves) of f32; the shape knows no vdpbf16ps
};

/// What decides the bits of results and the structure of kernels.
struct Shape {
  std::string cpu;    ///< the CPU whose shape it is, as LLVM names it, e.g. znver5
  bool fma = false;   ///< a * b + c is rounded once
  bool bf16 = false;  ///< bf16 is rounded, multiplied and added as AVX512_BF16 does it
  bool packs = false; ///< codes of four registers are clamped and packed at a time
  bool words = false; ///< no products of bytes: codes are multiplied as 16-bit words, on 256 bits
  /// Register tile of the matrix kernels: rows (tokens) x panels of 16 outputs.
  /// 512-bit registers: 8 x 3 accumulators + 3 weights + 1 broadcast = 28 of 32 registers.
  /// 256-bit registers: a panel takes two of 16 registers: 4 x 1 accumulators = 8, + 2 weights + 1 broadcast.
  /// There products of floats have 6 x 1 accumulators = 12, + 2 weights + 1 broadcast = 15 of 16 registers: eight
  /// additions under way, of four cycles each, are what two units need, with none to spare.
  /// So have products of bytes with AVX-VNNI, whose two units answer after five cycles.
  int64_t tileRows = 4, byteTileRows = 4, floatTileRows = 4;
  int64_t tilePanels = 1;
};

/// Which instructions there are.
struct Spelling {
  std::string cpu;      ///< the CPU whose instructions they are; it also steers scheduling
  std::string features; ///< feature string for the target machine: everything off but what `isa` names
  uint64_t isa = 0;     ///< LMOPT_ISA_* bits, what the artifact will ask of its CPU
  DotIsa dot = DotIsa::Portable;
  bool has(uint64_t bit) const { return (isa & bit) != 0; }
};

struct Target {
  Shape shape;
  Spelling spelling;
  /// Whether the two come from one CPU.
  bool native() const { return shape.cpu == spelling.cpu; }
  DotBf16 dotBf16() const;
};

/// Fills `target` for a CPU name; false and a message with names that work if LLVM does not know it.
bool makeTarget(const std::string &cpu, Target &target, std::string &error);

/// The shape of `cpu` in the instructions of `spellFor` ("": its own). That must have nothing that `cpu` lacks, and
/// what no other instruction can do with the same bits: FMA and F16C, where `cpu` has them.
bool makeTarget(const std::string &cpu, const std::string &spellFor, Target &target, std::string &error);

/// Without these LMOPT_ISA_* bits. They must be none that the shape or the dot product was chosen by.
void giveUp(Spelling &spelling, uint64_t isa);

/// Fills `targets` for one name or several with commas between them, the least demanding first: who looks for code that
/// runs on a CPU takes the last that does. Names that mean the same instructions are an error, and so is `spellFor`
/// with more than one.
bool makeTargets(const std::string &cpus, const std::string &spellFor, std::vector<Target> &targets,
                 std::string &error);

} // namespace lmopt::cpu

#endif
