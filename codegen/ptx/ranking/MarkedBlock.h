// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 2048 numbers of a row as a block of 256 threads has them, to say of each whether a result there is wanted: a thread
// has eight, its warp 32 side by side at a time, which are the marks of two tiles of a product
// (linear/LinearResults.h).
//
// In: a row of numbers. Out: numbers in registers, marks in memory. Tested by the kernels
// (test/unit/codegen/ptx/GreatestMarksTest.cpp).
#ifndef LMOPT_CODEGEN_PTX_RANKING_MARKEDBLOCK_H
#define LMOPT_CODEGEN_PTX_RANKING_MARKEDBLOCK_H

#include "codegen/ptx/Emitter.h"
#include "codegen/ptx/linear/Fragments.h"

namespace lmopt::nvptx {

class MarkedBlock {
public:
  using Value = mlir::Value;
  using Values = Emitter::Values;
  static constexpr int64_t kLaneNumbers = 8, kWarps = 8, kThreads = kWarps * kWarpLanes;
  static constexpr int64_t kNumbers = kLaneNumbers * kThreads;
  static constexpr int64_t blocksOf(int64_t width) { return (width + kNumbers - 1) / kNumbers; }
  /// Of a row.
  static constexpr int64_t bytesOf(int64_t width) { return 4 * tilesOf(width); }

  MarkedBlock(Emitter &e, int64_t width) : e(e), width(width) {}

  /// The place of a thread's i-th number in the row, and whether there is one.
  Value place(int64_t i) {
    Value first = e.add(e.mul(e.block(), kNumbers), e.mul(e.warp(), kLaneNumbers * kWarpLanes));
    return e.add(e.add(first, e.lane()), i * kWarpLanes);
  }
  Value isThere(int64_t i) { return e.less(place(i), e.number(width)); }
  /// The place, or the last one where there is none.
  Value safePlace(int64_t i) { return e.min(place(i), e.number(width - 1)); }
  /// f32 from a row, all under way at once.
  Values load(Value row) {
    Values numbers;
    for (int64_t i = 0; i < kLaneNumbers; ++i)
      numbers.push_back(e.load(e.f32(), e.atElement(row, safePlace(i), 4)));
    return numbers;
  }
  /// The marks of a row, from what each lane wants of its i-th number. `wholeTiles`: of a tile all, or nothing.
  void store(Value marks, int64_t i, Value isWanted, bool wholeTiles = false) {
    Value bits = e.ballot(isWanted), isFirst = e.equal(e.lane(), e.number(0));
    Value own = e.bitAnd(e.select(isFirst, bits, e.shr(bits, LinearSpec::kTile)), kTileBits);
    if (wholeTiles)
      own = e.select(e.equal(own, e.number(0)), own, e.number(kTileBits));
    Value tile = e.add(e.div(e.sub(place(i), e.lane()), LinearSpec::kTile), e.lane());
    Value stores = e.select(e.less(e.lane(), e.number(2)), e.less(tile, e.number(tilesOf(width))), isFalse());
    e.ifThen(stores, [&] { e.store(own, e.atElement(marks, tile, 4)); });
  }
  /// The i-th number of a row of results that takes `stride` bytes, which may be more than the row has: 0 there.
  void storeNumber(Value row, int64_t stride, int64_t i, Value number) {
    if (stride != 4 * width)
      number = e.select(isThere(i), number, e.floatOf(0));
    e.ifThen(e.less(place(i), e.number(stride / 4)), [&] { e.store(number, e.atElement(row, place(i), 4)); });
  }
  Value isFalse() { return mlir::arith::ConstantOp::create(e.b, e.loc, e.b.getBoolAttr(false)); }

private:
  Emitter &e;
  int64_t width;
  static constexpr int64_t kTileBits = (1 << LinearSpec::kTile) - 1;
  static constexpr int64_t tilesOf(int64_t width) { return (width + LinearSpec::kTile - 1) / LinearSpec::kTile; }
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_RANKING_MARKEDBLOCK_H
