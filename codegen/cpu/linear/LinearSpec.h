// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products over rows: what one is, how its weights are packed, and the kernel for it.
// Tested by test/unit/codegen/LinearKernelTest.cpp and GroupedKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_LINEAR_LINEARSPEC_H
#define LMOPT_CODEGEN_CPU_LINEAR_LINEARSPEC_H

#include "codegen/cpu/Rows.h"

#include <string>

namespace lmopt::cpu {

class KernelLibrary;

/// How the weights of a linear are packed, and with that what its rows of input must be; see LinearSpec.
enum class WeightFormat {
  F32,     ///< f32 weights, f32 rows
  Bf16,    ///< bf16 weights, bf16 rows; products exact, sums in f32
  S8Rows,  ///< s8 weights with one scale an output, u8 rows
  Blocks,  ///< as S8Rows, without the blocks of 16 outputs x 4 inputs that are zero
  Codes,   ///< as S8Rows, without the codes that are zero
  Grouped, ///< 4-bit or 8-bit weights with f16 scales in groups, rows in the same groups
  Codebook ///< numbers of 256 f32 entries with one scale an output, f32 rows
};

/// A matrix product over rows: out[r][n] = sum_k in[r][k] * W[n][k] + bias[n].
///
/// Weights, packed in the order in which the kernel reads them, P = round_up(N, 16) / 16 panels. Panels come in threes
/// whose steps alternate, then those that make no three, so that a tile of three reads one stream of memory. (Three
/// streams gave 30 GB/s where one gives 38: Zen 5, one thread, products of eight rows on the way.)
///   f32: [P / 3][K][3][16] f32; [P][16] bias
///   bf16: [P / 3][K2][3][16][2] bf16, K2 = round_up(K, 2) / 2; [P][16] bias
///   s8:  [P / 3][K4][3][16][4] s8, K4 = round_up(K, 16) / 4; [P][16] scale f32; [P][16] sum of codes i32; [P][16] bias
///   grouped: [P / 4][K / G][4] blocks (then the panels that make no four: [K / G]); [P][16] bias
///        a block: codes, 16 scales f16, 16 minima f16 (if any)
///        small scales: codes, 16 u8 c, 16 u8 z; behind the blocks [P][16] units f32: scale = unit c, minimum = -scale
///        z / 16
///        8 bits: [G / 4][16][4] u8, the code plus 128
///        4 bits: [G / 8][16][4] bytes: low halves the first four of eight k, high halves the other four; signed codes
///                plus 8, codes with minima as they are
///        5 bits: [G / 32] of: the lower four bits of 32 k as above, then [16][4] bytes whose bit i is the upper one of
///                the i-th four of the 32 k; signed codes plus 16
///        6 bits: [G / 16] of: the lower four bits of 16 k as above, then [16][4] bytes whose bits 2 i and 2 i + 1 are
///                the upper ones of the i-th four of the 16 k; codes plus 32
///   grouped, of a codebook: numbers of entries in the place of codes, behind the blocks 64 bytes with the entries plus
///        128; [P][16] bias
///        4 bits: as above
///        2 bits: [G / 16][16][4] bytes: from the lowest bits, those of the first four of 16 k, the next four, ...
///        3 bits: [G / 32] of: the lower two bits of 32 k as above, then [16][4] bytes whose bit i is the upper one of
///                the i-th four of the 32 k
///   codebook: [P][K][16] u8; [P][16] scale f32; 256 entries f32; [P][16] bias
///   blocks, codes, of which S are stored (the kernel finds where, so that one serves all matrices of a size):
///        [P][16] scale f32; [P][16] sum of codes i32; [P][16] bias (if any);
///        [P + 1] i64, number of the first block, or code, of the panel;
///        blocks: [S] u16, its step along k; from the next 64 bytes on, [S][16][4] s8
///        codes: [P][K4] u64, K4 = round_up(K, 4) / 4, bit i for byte i of [16][4];
///        from the next 64 bytes on, [S] s8, the bytes whose bits are set; 64 that may be read
/// A group of four (bf16: two) neighbouring k of 16 outputs fills one register: what one dot instruction wants.
struct LinearSpec {
  int64_t outputs = 0, inputs = 0;
  WeightFormat format = WeightFormat::F32;
  bool bias = false;
  int64_t outStride = 0; ///< bytes; 4 * outputs exactly when the result is the caller's memory
  /// Grouped: 4, 5, 6 or 8 (of a codebook 2, 3 or 4); a multiple of 16 (of 32 for 3 and 5) that divides the inputs
  int64_t bits = 0, group = 0;
  bool hasMin = false;      ///< Grouped, 4 or 5 bits
  bool smallScales = false; ///< Grouped with minima: scales and minima in 8 bits
  int64_t stored = 0;       ///< Blocks, Codes: how many there are; an argument of the kernel
  bool codebook = false;    ///< Grouped: codes are numbers of entries
  bool words = false;       ///< S8Rows: many rows are multiplied as 16-bit words, with scratch memory for them
  int64_t panels() const { return roundUp(outputs, kLanes) / kLanes; }
  bool sparse() const { return format == WeightFormat::Blocks || format == WeightFormat::Codes; }
  /// u8 x s8 products, one exact sum an output.
  bool integer() const { return format == WeightFormat::S8Rows || sparse(); }
  bool bf16() const { return format == WeightFormat::Bf16; }
  bool grouped() const { return format == WeightFormat::Grouped; }
  bool floatCodebook() const { return format == WeightFormat::Codebook; }
  /// S8Rows, whose rows of results have room for whole panels.
  bool hasWords() const { return format == WeightFormat::S8Rows && outStride >= panels() * 64; }
  bool usesScratch() const { return words || floatCodebook(); }
  RowFormat rowFormat() const {
    if (grouped())
      return RowFormat::Groups;
    return integer() ? RowFormat::U8 : bf16() ? RowFormat::Bf16 : RowFormat::F32;
  }
  int64_t inStride() const { return rowBytes(rowFormat(), inputs, group); }
  /// Grouped: of codes in two planes (3, 5, 6 bits) those of the lower one; inputs whose codes lie together, in lines
  /// of 64 bytes: the lower plane, then one line with the upper one.
  int64_t lowerBits() const { return codebook && bits == 3 ? 2 : !codebook && (bits == 5 || bits == 6) ? 4 : bits; }
  int64_t upperBits() const { return bits - lowerBits(); }
  int64_t chunk() const { return upperBits() == 2 || group % 32 != 0 ? 16 : 32; }
  int64_t linesOfChunk() const { return chunk() * lowerBits() / 32; } ///< of the lower plane
  int64_t chunkBytes() const { return kLanes * chunk() * bits / 8; }
  /// Grouped: what signed codes are moved by to be unsigned.
  int64_t codeOffset() const { return hasMin ? 0 : int64_t(1) << (bits - 1); }
  /// Grouped: bytes of the codes of one group of 16 outputs, and of a whole block.
  int64_t groupCodeBytes() const { return kLanes * group * bits / 8; }
  int64_t blockBytes() const { return groupCodeBytes() + (smallScales ? 1 : 2) * kLanes * (hasMin ? 2 : 1); }
  /// Not grouped: what fills 4 bytes, K as packed, and the steps along k, 64 bytes of a panel each.
  int64_t inputsPerStep() const { return integer() ? 4 : bf16() ? 2 : 1; }
  int64_t depth() const { return roundUp(inputs, integer() ? 16 : inputsPerStep()); }
  int64_t steps() const { return depth() / inputsPerStep(); }
  /// A panel is a row of units: the 64 bytes of a step, or the block of a group. As many panels as are read together
  /// alternate unit by unit, so that reading them is one walk through memory; those left over lie one after another.
  int64_t unitBytes() const { return grouped() ? blockBytes() : floatCodebook() ? kLanes : 64; }
  int64_t panelBytes() const { return (grouped() ? inputs / group : steps()) * unitBytes(); }
  int64_t panelsTogether() const { return grouped() ? 4 : floatCodebook() || sparse() ? 1 : 3; }
  int64_t alternatingPanels() const { return panels() / panelsTogether() * panelsTogether(); }
  int64_t unitStride(int64_t panel) const { return (panel < alternatingPanels() ? panelsTogether() : 1) * unitBytes(); }
  int64_t unitOffset(int64_t panel, int64_t unit) const {
    int64_t among = panel < alternatingPanels() ? panel % panelsTogether() : 0;
    return (panel - among) * panelBytes() + among * unitBytes() + unit * unitStride(panel);
  }
  int64_t codeBytes() const { return sparse() ? 0 : roundUp(panels() * panelBytes(), 64); } ///< before the scales
  int64_t scaleOffset() const { return codeBytes(); }
  int64_t sumOffset() const { return scaleOffset() + panels() * 64; }
  int64_t unitsOffset() const { return codeBytes(); }                                         ///< smallScales
  int64_t tableOffset() const { return codeBytes() + (floatCodebook() ? panels() * 64 : 0); } ///< of a codebook
  int64_t tableBytes() const { return floatCodebook() ? 1024 : codebook ? 64 : 0; }
  int64_t biasOffset() const {
    return codeBytes() + (integer() ? 2 : smallScales || floatCodebook() ? 1 : 0) * panels() * 64 + tableBytes();
  }
  int64_t endOfOutputs() const { return biasOffset() + (bias ? panels() * 64 : 0); }
  /// Sparse: where panels begin; places of blocks, or masks of codes; what is stored.
  int64_t beginsOffset() const { return endOfOutputs(); }
  int64_t placesOffset() const { return beginsOffset() + roundUp(8 * (panels() + 1), 64); }
  int64_t sparseSteps() const { return roundUp(inputs, 4) / 4; }
  int64_t placesBytes() const { return format == WeightFormat::Codes ? panels() * sparseSteps() * 8 : 2 * stored; }
  int64_t storedOffset() const { return placesOffset() + roundUp(placesBytes(), 64); }
  int64_t storedBytes() const { return format == WeightFormat::Codes ? roundUp(stored + 64, 64) : stored * 64; }
  int64_t bytes() const { return sparse() ? storedOffset() + storedBytes() : endOfOutputs(); }
};

/// (in, weights, out, rowBegin, rowEnd, panelBegin, panelEnd), and of sparse ones (..., stored); with scratch memory of
/// linearScratchBytes() behind `out` where spec.usesScratch().
int64_t linearScratchBytes(const LinearSpec &spec);
std::string linearKernel(KernelLibrary &kernels, const LinearSpec &spec);

} // namespace lmopt::cpu

#endif
