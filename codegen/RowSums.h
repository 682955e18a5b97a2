// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order in which the numbers of a row are added, the same for every target, so that norms have the same bits
// everywhere: number i belongs to chain i mod rowSumChains(width), a chain adds its numbers one after another, from
// zero (squares by fused operations), and then the upper half of the chains is added to the lower half until one is
// left. On CPUs a chain is a lane of one of up to four registers of 16, whose additions hide one another's latency; on
// GPUs it is a thread. Tested by test/unit/codegen/ptx/RowsTest.cpp, and by whole models (test/e2e/devices.py).
#ifndef LMOPT_CODEGEN_ROWSUMS_H
#define LMOPT_CODEGEN_ROWSUMS_H

#include <cstdint>

namespace lmopt {

constexpr int64_t kRowSumVector = 16; ///< numbers that are added side by side: rows are padded with zeros to so many

/// Registers of 16 chains: four, where that divides the row.
constexpr int64_t rowSumRegisters(int64_t width) {
  int64_t all = (width + kRowSumVector - 1) / kRowSumVector;
  return all % 4 == 0 ? 4 : all % 2 == 0 ? 2 : 1;
}
constexpr int64_t rowSumChains(int64_t width) { return kRowSumVector * rowSumRegisters(width); }
constexpr int64_t rowSumPadded(int64_t width) { return (width + kRowSumVector - 1) / kRowSumVector * kRowSumVector; }

/// Whether there is code for norms of parts of a row, each of so many numbers.
constexpr bool canNormHeads(int64_t width) { return width % kRowSumVector == 0; }

} // namespace lmopt

#endif // LMOPT_CODEGEN_ROWSUMS_H
