// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Pieces.h.
#include "codegen/ptx/linear/Pieces.h"

using namespace mlir;

namespace lmopt::nvptx {

Emitter::Values addPieces(Emitter &e, int64_t slices, int64_t ofPiece, const Emitter::Values &sums,
                          const AddPiece &add) {
  int64_t whole = slices / ofPiece, rest = slices % ofPiece;
  Emitter::Values all = e.loop(e.number(0), e.number(whole), 1, sums, [&](Value i, const Emitter::Values &carried) {
    return add(e.mul(i, ofPiece), ofPiece, carried);
  });
  return rest ? add(e.number(whole * ofPiece), rest, all) : all;
}

void copyPiece(Emitter &e, const PieceRows &rows, Value first, int64_t count, int64_t threads) {
  int64_t chunks = 2 * count;
  e.loop(e.thread(), e.number(rows.ofBlock * chunks), threads, [&](Value i) {
    Value row = e.div(i, chunks), chunk = e.rem(i, chunks);
    Value own = e.add(rows.first, row), isThere = e.less(own, rows.count);
    Value from = e.atElement(rows.rows, e.select(isThere, own, e.number(0)), rows.rowBytes);
    from = e.at(from, e.mul(e.add(e.mul(first, 2), chunk), 16));
    Value to = e.at(rows.to, e.add(e.mul(row, rows.stride), e.mul(chunk, 16)));
    e.copyAsync(to, from, e.select(isThere, e.number(16), e.number(0)));
  });
}

} // namespace lmopt::nvptx
