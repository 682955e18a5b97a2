// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operands of mma.sync from weights without their zero blocks (SparseDecode.h has the layout). In: of a slice the
// number of its first block, and which blocks it has. Out: four words of a lane, zero where there is no block.
//
// Words 0 and 1 are of block `lane mod 4`, words 2 and 3 of that four further: two loads of 8 bytes. Without a branch,
// as lanes must stay together: who has no block reads what another one of its four reads, if they have any. Weights are
// not trusted: the number of a block is bounded by how many there are. Tested by the kernels
// (test/unit/codegen/ptx/SparseDecodeTest.cpp, SparseTileTest.cpp).
#ifndef LMOPT_CODEGEN_PTX_LINEAR_SPARSEOPERANDS_H
#define LMOPT_CODEGEN_PTX_LINEAR_SPARSEOPERANDS_H

#include "codegen/ptx/Emitter.h"
#include "codegen/ptx/linear/Fragments.h"

namespace lmopt::nvptx {

class SparseOperands {
public:
  using Value = mlir::Value;
  using Values = Emitter::Values;
  /// Where a block lies.
  using BlockAt = llvm::function_ref<Value(Value)>;

  /// `stored`: how many blocks there are.
  SparseOperands(Emitter &e, const LinearSpec &linear, Value weights, Value stored)
      : e(e), linear(linear), slices(e.at(weights, linear.slicesOffset())),
        blocks(e.at(weights, linear.blocksOffset())), stored(stored), pair(e.bitAnd(e.lane(), 3)) {}

  /// Where a tile says of its slices what blocks they have: 8 bytes each.
  Value slicesOf(Value tile) { return e.atElement(slices, tile, 8 * linear.slicesOfTile()); }
  /// A block in memory.
  Value blockAt(Value block) { return e.atElement(blocks, block, kBlockBytes); }

  /// From memory.
  Values load(Value begin, Value mask) {
    return load(begin, mask, [&](Value block) { return blockAt(e.select(e.less(block, stored), block, e.number(0))); });
  }
  Values load(Value begin, Value mask, BlockAt at) {
    Values words;
    Value last = e.max(e.add(begin, e.add(e.countBits(mask), -1)), begin), ofLane = e.mul(e.shr(e.lane(), 2), 8);
    for (int64_t half = 0; half < 2; ++half) {
      Value own = e.add(pair, 4 * half), isThere = e.equal(e.bitAnd(e.shr(mask, own), 1), e.number(1));
      Value before = e.shl(e.shl(mask, e.sub(e.number(31), own)), 1); // those bits, at the top
      Value next = e.add(begin, e.countBits(before)), previous = e.select(isThere, next, e.add(next, -1));
      Value block = half ? e.min(next, last) : e.max(previous, begin);
      for (Value word : e.loadTwoWords(e.at(at(block), ofLane)))
        words.push_back(e.select(isThere, word, e.number(0)));
    }
    return words;
  }

private:
  Emitter &e;
  const LinearSpec &linear;
  Value slices, blocks, stored, pair;
};

/// Of a block of threads with a tile: which of the stored blocks are the tile's.
struct TileBlocks {
  mlir::Value first, count;

  /// `stored`: as of SparseOperands. Of damaged weights: blocks that there are.
  static TileBlocks of(Emitter &e, const LinearSpec &linear, SparseOperands &operands, mlir::Value tile,
                       mlir::Value stored) {
    auto begin = [&](mlir::Value of) {
      return e.min(e.max(e.load(e.i32(), operands.slicesOf(of)), e.number(0)), stored);
    };
    mlir::Value first = begin(tile), isLast = e.equal(tile, e.number(linear.tiles() - 1));
    mlir::Value next = e.select(isLast, stored, begin(e.min(e.add(tile, 1), e.number(linear.tiles() - 1))));
    return {first, e.max(e.sub(next, first), e.number(0))};
  }
};

} // namespace lmopt::nvptx

#endif // LMOPT_CODEGEN_PTX_LINEAR_SPARSEOPERANDS_H
