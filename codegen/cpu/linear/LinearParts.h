// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all matrix products over rows share: how panels are walked and how results are stored. In: a LinearSpec. Out:
// ops at the emitter's insertion point. Used by LinearKernels.cpp, WordKernels.cpp, SparseKernels.cpp,
// GroupedKernels.cpp and CodebookKernels.cpp; tested by test/unit/codegen/LinearKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_LINEARPARTS_H
#define LMOPT_CODEGEN_CPU_LINEARPARTS_H

#include "codegen/cpu/KernelLibrary.h"
#include "codegen/cpu/linear/LinearSpec.h"

#include <algorithm>

namespace lmopt::cpu {

/// Stores 16 results of row `row`. Rows of the arena have room for whole panels; the caller's memory (logits) may end
/// inside the last one.
void storePanel(Emitter &e, const LinearSpec &spec, mlir::Value out, mlir::Value result, mlir::Value row,
                mlir::Value panel);

/// Calls `body(panel, count)` for groups of `width` panels that begin at multiples of it, for single ones before and
/// after.
void overPanels(Emitter &e, mlir::Value begin, mlir::Value end, int64_t width,
                const std::function<void(mlir::Value, int64_t)> &body);

/// Where a panel begins, and how far its units (steps, or blocks of groups) lie apart.
struct PanelLines {
  mlir::Value base, stride;
  mlir::Value at(Emitter &e, mlir::Value unit) const { return e.at(base, e.mul(unit, stride)); }
};
/// Sizes of panels of which `together` alternate unit by unit.
struct PanelSizes {
  int64_t together, panelBytes, unitBytes;
};
/// `alternates`: whether the panel is one of those; null where all are.
PanelLines panelLines(Emitter &e, const PanelSizes &sizes, mlir::Value base, mlir::Value panel, mlir::Value alternates);
/// See LinearSpec::unitOffset.
PanelLines panelLines(Emitter &e, const LinearSpec &spec, mlir::Value weights, mlir::Value panel);

/// Where sums over k begin and end; in and out are rows.
struct LinearEnds {
  Emitter &e;
  const LinearSpec &spec;
  mlir::Value in, weights, out;

  mlir::Value rowAddress(mlir::Value row) { return e.at(in, e.mul(row, spec.inStride())); }

  mlir::SmallVector<mlir::Value> rowsFrom(mlir::Value first, int64_t count); ///< neighbours

  /// What the sums of a tile start from, row by row: integer sums from -zero_point * sum of codes, so that nothing is
  /// left to correct at the end. (The tile before is still at its end meanwhile.) The sums are exact in i32.
  Emitter::Values starts(const Emitter::Values &rows, mlir::Value panel, int64_t panels);

  /// What finishes the sums of some panels: read once a tile, since behind a store it would have to be read again.
  struct Finish {
    Emitter::Values scales, biases; ///< by panel; none: no such thing
  };
  Finish finishOf(mlir::Value panel, int64_t panels);

  /// Sums of a row to results: y = scale_a * scale_w * sum + bias.
  void finishRow(const Finish &finish, const Emitter::Values &sums, mlir::Value row, mlir::Value panel);
  /// The same for the rows of a tile that are there.
  void finishTile(const Emitter::Values &sums, mlir::Value row, mlir::Value rowEnd, int64_t rows, mlir::Value panel,
                  int64_t panels);

private:
  Emitter::Values perOutputs(mlir::VectorType type, int64_t offset, mlir::Value panel, int64_t panels);
};

/// How far ahead weights are asked for that are read once and come from memory: what arrives in a fifth of a
/// microsecond, twice the time that memory takes to answer.
constexpr int64_t kOnceAhead = 8192;

/// The same for one row with 256-bit registers, into the first-level cache: not far, but in the order of the addresses,
/// which the loads between many other instructions do not keep. Zen 3, 1024 bytes ahead: products with s8 8.1 to 9.7
/// GB/s without and with it, bf16 8.7 and 9.7, f32 no difference. Zen 4, tg64 of SmolLM2 with code for Zen 3, 1024 to
/// 256 bytes: int8 110 to 136 tokens/s, native 135 to 155; 8192 and 0 in between (means of three rounds in turns, busy
/// memory).
constexpr int64_t kStreamAhead = 256;

/// Emits the body of a product with grouped weights: (in, weights, out, rowBegin, rowEnd, panelBegin, panelEnd).
void emitGroupedLinear(Emitter &e, const LinearSpec &spec, mlir::ValueRange arguments);

/// The same for weights without their zeros: (..., stored).
void emitSparseLinear(Emitter &e, const LinearSpec &spec, mlir::ValueRange arguments);

/// Emits the body of a product with a codebook of f32 entries: (in, weights, out, scratch, rowBegin, rowEnd,
/// panelBegin, panelEnd).
void emitCodebookLinear(Emitter &e, const LinearSpec &spec, mlir::ValueRange arguments);

/// Scratch of the products of words, see WordKernels.cpp: a panel of weights of so many steps, then rows.
struct WordScratch {
  const LinearSpec &spec;
  static constexpr int64_t kSteps = 160; ///< 64 KiB of weights, an eighth of a second-level cache, with 48 rows or more
  static constexpr int64_t kRowBytes = 192 << 10;
  int64_t chunks() const { return (spec.steps() + kSteps - 1) / kSteps; }
  int64_t steps() const { return roundUp((spec.steps() + chunks() - 1) / chunks(), kLanes); } ///< of a chunk
  int64_t rows() const { return std::min<int64_t>(kRowBytes / rowBytes() / kRowUnit * kRowUnit, 128); }
  int64_t weightBytes() const { return 128 * steps(); }
  int64_t rowBytes() const { return 8 * steps(); }
  int64_t bytes() const { return weightBytes() + rows() * rowBytes(); }
};

/// Emits the product of more than kRowUnit rows of codes by words: (in, weights, out, scratch, rowBegin, rowEnd,
/// panelBegin, panelEnd).
void emitWordLinear(Emitter &e, const LinearSpec &spec, mlir::ValueRange arguments);

/// Register tile of products with grouped weights: see GroupedKernels.cpp.
constexpr int64_t kGroupedTileRows = 4;
constexpr int64_t groupedTilePanels(const Shape &shape) { return shape.tilePanels > 1 ? 3 : 1; }

} // namespace lmopt::cpu

#endif
