// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See SparseDecode.h.
#include "codegen/ptx/linear/SparseDecode.h"

#include "codegen/ptx/linear/LinearResults.h"
#include "codegen/ptx/linear/Pieces.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kWarps = SparseDecodeSpec::kWarps, kThreads = kWarps * kWarpLanes;
constexpr int64_t kTogether = SparseDecodeSpec::kTogether, kBlockBytes = SparseDecodeSpec::kBlockBytes;

class SparseEmitter {
public:
  SparseEmitter(Emitter &e, const SparseDecodeSpec &spec, ValueRange a)
      : e(e), spec(spec), linear(spec.linear), rows(a[1]), stored(a[4]), shared(e.shared()), thread(e.thread()),
        lane(e.lane()), warp(e.warp()), tile(e.block()), pair(e.bitAnd(lane, 3)),
        ownBlocks(e.at(e.at(a[0], linear.blocksOffset()), e.mul(e.shr(lane, 2), 8))),
        tileSlices(e.atElement(e.at(a[0], linear.slicesOffset()), tile, 8 * linear.slicesOfTile())),
        results(LinearResults::of(e, linear, {e, {linear}, tile}, {a[0], a[1], a[2], a[3], a[5], a[6], a[7]})) {}

  void run() {
    Values sums(static_cast<size_t>(4 * groups()), e.number(0));
    finish(addPieces(e, linear.slices(), spec.pieceSlices(), sums,
                     [&](Value first, int64_t count, const Values &before) { return addPiece(first, count, before); }));
  }

private:
  Emitter &e;
  const SparseDecodeSpec &spec;
  const LinearSpec &linear;
  Value rows, stored, shared, thread, lane, warp, tile, pair, ownBlocks, tileSlices;
  LinearResults results;

  int64_t groups() const { return spec.rows / 8; }
  Value firstRow() { return e.mul(e.blockY(), spec.rows); }

  // A piece of `count` slices from `first` on: its rows are brought to shared memory, then four slices a warp at a
  // time.
  Values addPiece(Value first, int64_t count, const Values &sums) {
    e.barrier(); // who is behind may still read the piece before
    copyRows(first, count);
    e.closeCopies();
    e.waitForCopies();
    e.barrier();
    return e.loop(e.mul(warp, kTogether), e.number(count), kWarps * kTogether, sums,
                  [&](Value slice, const Values &carried) { return addFour(first, slice, count, carried); });
  }
  Values addFour(Value first, Value slice, int64_t count, Values sums) {
    Values slices = loadSlices(e.add(first, slice)), words;
    for (size_t u = 0; u < kTogether; ++u)
      llvm::append_range(words, loadOperand(slices[2 * u], slices[2 * u + 1]));
    for (size_t u = 0; u < kTogether; ++u)
      sums = addSlice(Values(ArrayRef(words).slice(4 * u, 4)), e.add(slice, static_cast<int64_t>(u)), count, sums);
    return sums;
  }

  //===--- From memory ---===//

  /// Of four slices their first block and which ones they have; those behind the last slice have none.
  Values loadSlices(Value slice) {
    Value at = e.at(tileSlices, e.mul(slice, 8));
    Values result = e.loadWords(at);
    result.append(e.loadWords(e.at(at, 16)));
    return result;
  }
  // Words 0 and 1 are of the block `pair`, words 2 and 3 of that four further. Without a branch, as lanes must stay
  // together: who has none reads what another one of its four reads, if they have any.
  Values loadOperand(Value begin, Value blocks) {
    Values words;
    Value last = e.max(e.add(begin, e.add(e.countBits(blocks), -1)), begin);
    for (int64_t half = 0; half < 2; ++half) {
      Value own = e.add(pair, 4 * half), isThere = e.equal(e.bitAnd(e.shr(blocks, own), 1), e.number(1));
      Value before = e.shl(e.shl(blocks, e.sub(e.number(31), own)), 1); // those bits, at the top
      Value next = e.add(begin, e.countBits(before)), previous = e.select(isThere, next, e.add(next, -1));
      Value place = half ? e.min(next, last) : e.max(previous, begin);
      place = e.select(e.less(place, stored), place, e.number(0));
      for (Value word : e.loadTwoWords(e.atElement(ownBlocks, place, kBlockBytes)))
        words.push_back(e.select(isThere, word, e.number(0)));
    }
    return words;
  }

  void copyRows(Value first, int64_t count) {
    copyPiece(e, {rows, firstRow(), results.count, linear.rowBytes(), shared, spec.rows, spec.pieceStride()}, first,
              count, kThreads);
  }

  //===--- Sums ---===//

  // Behind the last slice weights are zero; the rows that they are multiplied with are those of slice 0.
  Values addSlice(const Values &weights, Value slice, int64_t count, const Values &sums) {
    Value safe = count % kTogether ? e.select(e.less(slice, e.number(count)), slice, e.number(0)) : slice;
    Value own = e.at(shared, e.add(e.mul(safe, 32), e.mul(pair, 4)));
    Values result;
    for (int64_t group = 0; group < groups(); ++group) {
      Value from = e.at(own, e.mul(e.add(e.shr(lane, 2), 8 * group), spec.pieceStride()));
      Values words = {e.load(e.i32(), from), e.load(e.i32(), e.at(from, 16))};
      Values part(ArrayRef(sums).slice(static_cast<size_t>(4 * group), 4));
      llvm::append_range(result, e.mmaS8U8(weights, words, part));
    }
    return result;
  }

  // Each group of rows is finished by a warp of its own.
  void finish(const Values &sums) {
    e.barrier();
    auto place = [&](Value ofWarp, Value group) {
      return e.at(shared, e.mul(e.add(e.mul(e.add(e.mul(ofWarp, groups()), group), kWarpLanes), lane), 16));
    };
    for (int64_t group = 0; group < groups(); ++group)
      e.storeFour(Values(ArrayRef(sums).slice(static_cast<size_t>(4 * group), 4)), place(warp, e.number(group)));
    e.barrier();
    e.ifThen(e.less(warp, e.number(groups())), [&] {
      Values whole(4, e.number(0));
      for (int64_t w = 0; w < kWarps; ++w)
        for (auto [sum, part] : llvm::zip_equal(whole, e.loadWords(place(e.number(w), warp))))
          sum = e.add(sum, part);
      results.putOperands(whole, results.ofTile(tile), e.add(firstRow(), e.mul(warp, 8)));
    });
  }
};

} // namespace

std::string sparseDecodeKernel(KernelLibrary &kernels, const SparseDecodeSpec &spec) {
  using Kind = ArgumentKind;
  std::string name =
      "linear_" + wordOf(spec.linear) + "_rows" + std::to_string(spec.rows) + "_" + kernels.getTarget().chip;
  KernelShape shape = {kThreads, /*leastBlocks=*/spec.rows > 16 ? 2 : 4, spec.sharedBytes()};
  return kernels.define(name, shape,
                        {Kind::Constant, Kind::Memory, Kind::Memory, Kind::Memory, Kind::Number, Kind::Memory,
                         Kind::Number, Kind::Number},
                        [=](Emitter &e, ValueRange a) { SparseEmitter(e, spec, a).run(); });
}

} // namespace lmopt::nvptx
