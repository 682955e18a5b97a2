// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Marks for the `count` greatest numbers of each row, however many: which results of a product are to be made anew
// (lm.preview_linear). Of equal numbers the first ones; NaN and -infinity are not among them.
//
//   rank_digit0 to 3   how often each value of 8 bits is there, of the numbers whose higher bits are those of the
//                      count-th greatest, from the highest bits on                          grid (blocks, rows)
//   greatest_marks     marks of those above the count-th, and of as many that equal it as are left; all numbers to
//                      where the product's results will be                                 grid (blocks, rows)
//
// A block has 2048 numbers of a row (MarkedBlock.h). It counts without atomic operations: eight ballots of a warp are
// the bits of 32 numbers, and each lane has eight of the 256 values. Every block of the next launch adds up what all
// blocks have counted, 1 KB of each from the second-level cache, and finds the same value. Numbers compare as keys do
// (RankKeys.h). Five launches, however wide a row is; a block for a whole row would walk over it 32 times.
//
// In: numbers [rows][width] f32, padded. Out: marks (linear/LinearResults.h), copied numbers. Source: radix selection;
// techniques 5.4 (b). Tested by test/unit/codegen/ptx/GreatestMarksTest.cpp.
#ifndef LMOPT_CODEGEN_PTX_RANKING_GREATESTMARKS_H
#define LMOPT_CODEGEN_PTX_RANKING_GREATESTMARKS_H

#include "codegen/ptx/KernelLibrary.h"
#include "codegen/ptx/ranking/MarkedBlock.h"

namespace lmopt::nvptx {

struct GreatestMarksSpec {
  int64_t width = 0, count = 0;
  static constexpr int64_t kDigits = 4, kValues = 256;
  static constexpr int64_t kStateBytes = 8; ///< bits that are known, i32; how many are left to mark, i32

  int64_t blocks() const { return MarkedBlock::blocksOf(width); }
  /// Of a row: what blocks have counted of a digit, i32 [blocks][256], and of the one before; states behind digits.
  int64_t countsBytes() const { return 4 * kValues * blocks(); }
  int64_t statesOffset() const { return 2 * countsBytes(); }
  int64_t scratchBytes() const { return statesOffset() + kStateBytes * kDigits; }
};

/// (numbers, scratch [rows][scratchBytes])
std::string rankDigitKernel(KernelLibrary &kernels, const GreatestMarksSpec &spec, int64_t digit);
/// (numbers, scratch, marks, results). `outStride`: bytes from one row of results to the next; what lies between the
/// last of a row and the next row becomes zero.
std::string greatestMarksKernel(KernelLibrary &kernels, const GreatestMarksSpec &spec, int64_t outStride);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_GREATESTMARKS_H
