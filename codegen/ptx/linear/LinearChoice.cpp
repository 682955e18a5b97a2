// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See LinearChoice.h.
#include "codegen/ptx/linear/LinearChoice.h"

#include "codegen/ptx/linear/GroupedTile.h"
#include "codegen/ptx/linear/LinearFloatTile.h"
#include "codegen/ptx/linear/LinearTileHopper.h"

namespace lmopt::nvptx {

namespace {

int64_t rowsOfBlock(const LinearSpec &linear, const ProductLimits &limits) {
  return linear.isGrouped() ? limits.groupedFewRows : limits.fewRows;
}

// Tiles of 128 rows read weights half as often, where there is one for each multiprocessor.
void addTiles(std::vector<ProductChoice> &choices, const LinearSpec &linear, int64_t least, int64_t most,
              int64_t multiprocessors) {
  // Without zero blocks, too: ptxas has no registers for 128 rows.
  static_assert(GroupedTileSpec::kRows == 64 && LinearFloatTileSpec::kRows == 64);
  if (!LinearTileSpec::canDo(linear) || linear.isBlocks()) {
    choices.push_back({true, 64, least, most});
    return;
  }
  int64_t outputBlocks = roundUp(linear.tiles(), LinearTileSpec::kTiles) / LinearTileSpec::kTiles;
  int64_t rowBlocks = roundUp(multiprocessors, outputBlocks) / outputBlocks; // which are that many, or more
  int64_t mostOfSmall = std::min(most, 128 * (rowBlocks - 1));
  if (least <= mostOfSmall)
    choices.push_back({true, 64, least, mostOfSmall});
  if (int64_t first = std::max(least, mostOfSmall + 1); first <= most)
    choices.push_back({true, 128, first, most});
}

} // namespace

// A block has 8 rows, then twice as many.
std::vector<ProductChoice> fewRowChoices(const LinearSpec &linear, int64_t maxRows, const ProductLimits &limits) {
  std::vector<ProductChoice> choices;
  // These kernels have a block for each eight rows.
  bool isFloat = LinearFloatTileSpec::canDo(linear);
  int64_t least = 1;
  for (int64_t rows = 8; least <= maxRows; rows *= 2) {
    bool isLast = isFloat || rows == rowsOfBlock(linear, limits);
    choices.push_back({false, rows, least, isLast ? maxRows : rows});
    if (isLast)
      break;
    least = rows + 1;
  }
  return choices;
}

std::vector<ProductChoice> productChoices(const LinearSpec &linear, int64_t maxRows, const ProductLimits &limits) {
  int64_t mostFew = maxRows > kDecodeRows ? rowsOfBlock(linear, limits) : maxRows;
  std::vector<ProductChoice> choices = fewRowChoices(linear, mostFew, limits);
  if (mostFew < maxRows)
    addTiles(choices, linear, mostFew + 1, maxRows, limits.multiprocessors);
  return choices;
}

std::string productTileKernel(KernelLibrary &kernels, const LinearSpec &linear, int64_t rows) {
  if (linear.isGrouped())
    return groupedTileKernel(kernels, {linear});
  if (LinearFloatTileSpec::canDo(linear))
    return linearFloatTileKernel(kernels, {linear});
  LinearTileSpec spec{linear, rows};
  bool byWgmma = kernels.getTarget().hasWgmma() && !linear.isBlocks();
  return byWgmma ? linearTileHopperKernel(kernels, spec) : linearTileKernel(kernels, spec);
}

int64_t tilesOfBlock(const LinearSpec &linear) {
  return linear.isGrouped()                   ? GroupedTileSpec::kTiles
         : LinearFloatTileSpec::canDo(linear) ? LinearFloatTileSpec::kTiles
                                              : LinearTileSpec::kTiles;
}

bool mayMakeRows(int64_t tiles, const RowSpec &rows, int64_t count, int64_t parts, const ProductLimits &limits) {
  return tiles * count * bytesRead(rows, parts) <= limits.readByAll;
}

int64_t mostMadeRows(int64_t tiles, const RowSpec &rows, const ProductLimits &limits) {
  int64_t most = limits.madeRows;
  while (most > 0 && !mayMakeRows(tiles, rows, most, 1, limits))
    --most;
  return most;
}

} // namespace lmopt::nvptx
