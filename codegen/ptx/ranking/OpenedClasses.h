// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greatest logits by classes of words without all of the product (lm.top_class_linear). No word is likelier than
// its class, so a class that is less likely than the last of the greatest stays closed:
//
//   top_lists      the likeliest classes of each block of scores (TopLogits.h)
//   likely_marks   opens the top / 2 likeliest, rounded up, and classes of one word        grid (blocks, rows)
//   the product    of the open classes' words; class_sums, class_logits (ClassLogits.h)
//   top_lists      the greatest logits of each block
//   left_marks     t = the last of the `top` greatest; opens what is closed and not below  grid (blocks, rows)
//   the product    of the words of classes that were opened now; class_sums, class_logits
//
// Best first, as on CPUs, each class would wait for the one before; two rounds compute more, and find the same: how
// much the first one opens changes no result, logits are made by the kernels of all logits from the same numbers, and
// in f32, too, none is above its class's. A class whose likelihood is no number, or none, is not opened in the second
// round: neither are its words. A block has 2048 products of a row (MarkedBlock.h), and some of the classes.
//
// In: scores [rows][classes] f32, padded; the table of ClassLogits.h. Out: when each class was opened: 0 not, 1, 2;
// marks of products (linear/LinearResults.h). Source: techniques 5.2. Tested by
// test/unit/codegen/ptx/OpenedClassesTest.cpp and test/e2e/device_heads.py.
#ifndef LMOPT_CODEGEN_PTX_RANKING_OPENEDCLASSES_H
#define LMOPT_CODEGEN_PTX_RANKING_OPENEDCLASSES_H

#include "codegen/ptx/ranking/ClassLogits.h"
#include "codegen/ptx/ranking/MarkedBlock.h"
#include "codegen/ptx/ranking/TopLogits.h"

namespace lmopt::nvptx {

struct OpenedSpec {
  ClassTable table;
  int64_t outStride = 0; ///< bytes from one row of logits to the next

  TopLogitsSpec scores() const { return {table.classes, rowBytes(table.classes, 4), table.words}; }
  TopLogitsSpec logits() const { return {table.words, outStride}; }
  int64_t blocks() const { return MarkedBlock::blocksOf(table.sharing()); }
  int64_t productBytes() const { return rowBytes(table.sharing(), 4); } ///< of a row

  // Memory of so many rows, part after part, each at a multiple of 256; lists come first.
  int64_t productsPlace(int64_t rows) const {
    return roundUp(std::max(scores().listsBytes(rows), logits().listsBytes(rows)), 256);
  }
  int64_t sumsPlace(int64_t rows) const { return productsPlace(rows) + roundUp(rows * productBytes(), 256); }
  int64_t openedPlace(int64_t rows) const { return sumsPlace(rows) + roundUp(rows * table.sumsBytes(), 256); }
  int64_t leftPlace(int64_t rows) const { return openedPlace(rows) + roundUp(4 * rows * table.classes, 256); }
  int64_t firstMarks(int64_t rows) const { return leftPlace(rows) + roundUp(4 * rows * table.classes, 256); }
  int64_t secondMarks(int64_t rows) const { return firstMarks(rows) + marksBytes(rows); }
  int64_t scratchBytes(int64_t rows) const { return secondMarks(rows) + marksBytes(rows); }
  int64_t marksBytes(int64_t rows) const { return roundUp(rows * MarkedBlock::bytesOf(table.sharing()), 256); }
};

/// (scores, lists of scores, table, opened, marks, top)
std::string likelyMarksKernel(KernelLibrary &kernels, const OpenedSpec &spec);
/// (scores, lists of logits, table, opened, marks, top, sums, logits, opened before)
std::string leftMarksKernel(KernelLibrary &kernels, const OpenedSpec &spec);

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_OPENEDCLASSES_H
