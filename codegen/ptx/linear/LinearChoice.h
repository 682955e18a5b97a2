// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which kernel makes a product of how many rows, and when a product makes its rows itself: every choice that rests on a
// number which nobody has measured. In: sizes, and these numbers. Out: kernels with the rows that each serves. The
// models of products (LinearModel.cpp) launch by it, and script/gpu-check asks what other numbers would choose, to say
// which of them a card wants otherwise (test/ptx/sweep). Source: ptx.md 4.1, 6. Tested by test/codegen/ptx,
// test/unit/codegen/ptx/LinearChoiceTest.cpp and all models compiled for GPUs.
#ifndef LMOPT_CODEGEN_PTX_LINEAR_LINEARCHOICE_H
#define LMOPT_CODEGEN_PTX_LINEAR_LINEARCHOICE_H

#include "codegen/ptx/PlanPrograms.h"
#include "codegen/ptx/linear/Fragments.h"
#include "codegen/ptx/rows/RowKernel.h"

namespace lmopt::nvptx {

/// Assumed, not measured.
struct ProductLimits {
  int64_t fewRows = kDecodeRows; ///< that kernels of few rows do best; more are done by tiles
  int64_t groupedFewRows = 16;   ///< the same of weights in groups
  int64_t multiprocessors = 128; ///< 108 of an A100, 132 of an H100: a large tile pays where each has one
  /// What all blocks together may read of the rows' sources: it comes from the second-level cache, whose 4 to 5 TB/s
  /// make it a microsecond, half of what a launch costs in a graph (ptx.md 4.3). Rows are made one after another, each
  /// in about as long.
  int64_t readByAll = 4 << 20;
  int64_t madeRows = 2; ///< that a product makes itself, at most
};

/// A kernel of a product, and the rows of a step that it serves.
struct ProductChoice {
  bool isTile;
  int64_t rows; ///< of a block
  int64_t least, most;
};

/// In the order of their rows, from one to all that a program may have.
std::vector<ProductChoice> productChoices(const LinearSpec &linear, int64_t maxRows, const ProductLimits &limits = {});
/// Where there are no tiles: kernels of few rows make all.
std::vector<ProductChoice> fewRowChoices(const LinearSpec &linear, int64_t maxRows, const ProductLimits &limits = {});

/// The kernel of tiles of so many rows, and the tiles of 16 outputs that its block makes.
std::string productTileKernel(KernelLibrary &kernels, const LinearSpec &linear, int64_t rows);
int64_t tilesOfBlock(const LinearSpec &linear);

/// Whether a product of so many tiles of outputs may make so many rows of so many parts (of attention).
bool mayMakeRows(int64_t tiles, const RowSpec &rows, int64_t count, int64_t parts, const ProductLimits &limits = {});
/// The most of them, of one part; none: 0.
int64_t mostMadeRows(int64_t tiles, const RowSpec &rows, const ProductLimits &limits = {});

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_LINEARCHOICE_H
