// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See AttentionTile.h.
#include "codegen/ptx/attention/AttentionTile.h"

#include "codegen/ptx/Rows.h"
#include "codegen/ptx/attention/OnlineSoftmax.h"

#include <cmath>

using namespace mlir;

namespace lmopt::nvptx {

void AttentionTile::run() {
  e.ifThen(e.less(tile.tile, tile.rows), [&] {
    source.begin();
    Values carried = start();
    loadQueries();
    Value first = firstBlock();
    copy(/*isKeys=*/true, first);
    copy(/*isKeys=*/false, first);
    carried = e.loop(first, source.seenByAll(), kBlock, carried,
                     [&](Value block, const Values &so) { return addBlock(block, so); });
    waitForCopies(/*pending=*/0);
    store(carried);
  });
}

// The positions of the first block that a row sees.
Value AttentionTile::firstBlock() {
  Value first = source.firstSeen(e.number(0));
  return first ? e.mul(e.shr(first, 6), kBlock) : e.number(0);
}

Value AttentionTile::scoreOf(Value product, Value number, Value position) {
  Value score = cappedScore(e, spec, product);
  if (tile.bias)
    score = biasedScore(e, spec, tile.bias, tile.head, e.sub(position, source.ownPosition(number)), score);
  return e.mul(score, e.floatOf(OnlineSoftmax::kLog2OfE));
}

Value AttentionTile::hidden() const { return e.floatOf(spec.window ? -1e30F : -INFINITY); }

Value AttentionTile::isHidden(Value number, Value position) {
  Value isBehind = e.less(source.lastSeen(number), position), first = source.firstSeen(number);
  return first ? arith::OrIOp::create(e.b, e.loc, isBehind, e.less(position, first)) : isBehind;
}

Emitter::Values AttentionTile::addBlock(Value block, Values carried) {
  Value next = e.add(block, kBlock);
  waitForCopies(/*pending=*/1); // the keys
  e.barrier();
  Values scores = score(block);
  e.barrier();
  copy(/*isKeys=*/true, next);
  weigh(scores, carried);
  waitForCopies(/*pending=*/1); // the values; else they have been there since the barrier before the scores
  if (source.isAsync() || sharesWeights())
    e.barrier();
  addValues(scores, carried);
  e.barrier();
  copy(/*isKeys=*/false, next);
  return carried;
}

// Rows beyond the segment are its last one once more; what comes of them is not stored.
void AttentionTile::loadQueries() {
  e.loop(tile.thread, e.number(places.rows * spec.width), tile.threads, [&](Value i) {
    Value number = e.div(i, spec.width), column = e.rem(i, spec.width);
    Value row = e.min(e.add(tile.tile, number), e.add(tile.rows, -1));
    Value query = e.at(e.atElement(queries, e.add(tile.first, row), rowBytes(spec.heads * spec.width, 4)),
                       e.mul(tile.head, 4 * spec.width));
    storeQuery(e.mul(source.queryNumber(query, row, column), e.floatOf(spec.scale)), // before it is rounded, as on CPUs
               e.at(tile.row(places.queries, number), e.mul(column, places.elementBytes)));
  });
}

// Behind the last block comes an empty group: waits count groups.
void AttentionTile::copy(bool isKeys, Value block) {
  e.ifThen(e.less(block, source.seenByAll()), [&] { source.copyBlock(isKeys, block); });
  if (source.isAsync())
    e.closeCopies();
}
void AttentionTile::waitForCopies(int64_t pending) {
  if (source.isAsync())
    e.waitForCopies(pending);
}

Value AttentionTile::resultOf(Value number) {
  Value row = e.add(tile.first, e.add(tile.tile, number));
  int64_t width = spec.valueWidth();
  return e.at(e.atElement(results, row, rowBytes(spec.heads * width, 4)), e.mul(tile.head, 4 * width));
}

} // namespace lmopt::nvptx
