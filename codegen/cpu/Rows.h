// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How rows of numbers lie in memory between kernels (all strides in bytes, all rows 64-byte aligned):
//
//   floats   [rows][round_up(N, 16)] f32; the lanes beyond N are zero, so that no kernel needs a tail loop
//   quants   [rows][64 + round_up(K, 64)]: scale f32, zero point i32, 56 bytes unused, then K bytes u8
//   groups   [rows][header + round_up(K, 64)], see GroupedRow: numbers for each group, then K bytes s8
//   halves   [rows][round_up(N, 32)] bf16; the lanes from N to round_up(N, 16) are zero
//
// Plain numbers, no MLIR. Tested by test/unit/codegen/*KernelTest.cpp against plain loops.
#ifndef LMOPT_CODEGEN_CPU_ROWS_H
#define LMOPT_CODEGEN_CPU_ROWS_H

#include <cstdint>

namespace lmopt::cpu {

/// Lanes of one vector of floats or 32-bit integers: one 512-bit register.
constexpr int64_t kLanes = 16;

constexpr int64_t roundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

/// Rows are handed to threads, and padded in the arena, in units of the tallest register tile.
constexpr int64_t kRowUnit = 8;
/// Bytes in front of the codes of a quantized row: scale, zero point, padding to the cache line.
constexpr int64_t kQuantHeader = 64;

constexpr int64_t floatRowBytes(int64_t width) { return 4 * roundUp(width, kLanes); }
constexpr int64_t quantRowBytes(int64_t width) { return kQuantHeader + roundUp(width, 64); }

constexpr int64_t halfRowBytes(int64_t width) { return roundUp(2 * width, 64); }

/// A row of s8 codes in groups, each with a scale of its own: four arrays with a number for each group; the codes.
/// With s the scale of a group and A the sum of its codes, the arrays hold s and s A (f32), -8 A and -128 A (i32): what
/// the scales of a weight are multiplied with, what its minima are, and what a product starts from when it reads signed
/// codes as unsigned ones, moved by 8 or by 128.
struct GroupedRow {
  int64_t width = 0, group = 0;
  int64_t groups() const { return width / group; }
  int64_t fieldBytes() const { return 4 * roundUp(groups(), kLanes); }
  static constexpr int64_t scaleOffset() { return 0; }
  int64_t sumOffset() const { return fieldBytes(); }
  int64_t startOffset(int64_t bits) const { return (bits == 4 ? 2 : 3) * fieldBytes(); }
  int64_t codeOffset() const { return 4 * fieldBytes(); }
  int64_t bytes() const { return codeOffset() + roundUp(width, 64); }
};

/// How the rows of a buffer lie in memory: floats, header and codes ("quants"), codes in groups, or halves.
enum class RowFormat { F32, U8, Groups, Bf16 };
/// `group`: of RowFormat::Groups.
constexpr int64_t rowBytes(RowFormat format, int64_t width, int64_t group) {
  if (format == RowFormat::Groups)
    return GroupedRow{width, group}.bytes();
  if (format == RowFormat::Bf16)
    return halfRowBytes(width);
  return format == RowFormat::U8 ? quantRowBytes(width) : floatRowBytes(width);
}

} // namespace lmopt::cpu

#endif
