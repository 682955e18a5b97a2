// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See SparseDecode.h.
#include "codegen/ptx/linear/SparseDecode.h"

#include "codegen/ptx/linear/LinearResults.h"
#include "codegen/ptx/linear/Pieces.h"
#include "codegen/ptx/linear/SparseOperands.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kWarps = SparseDecodeSpec::kWarps, kThreads = kWarps * kWarpLanes;
constexpr int64_t kTogether = SparseDecodeSpec::kTogether, kSliceBlocks = 8;

class SparseEmitter {
public:
  SparseEmitter(Emitter &e, const SparseDecodeSpec &spec, ValueRange a)
      : e(e), spec(spec), linear(spec.linear), operands(e, linear, a[0], a[4]), rows(a[1]), shared(e.shared()),
        thread(e.thread()), lane(e.lane()), warp(e.warp()), tile(e.block()), tileSlices(operands.slicesOf(tile)),
        results(LinearResults::of(e, linear, {e, {linear}, tile}, a)) {
    if (e.sliceSource())
      blocks = TileBlocks::of(e, linear, operands, tile, a[4]);
  }

  // Carried: sums; from a ring also what has been passed of it.
  void run() {
    Values carried(sumCount(), e.number(0));
    if (e.sliceSource())
      carried.push_back(e.number(0));
    carried = addPieces(e, linear.slices(), spec.pieceSlices(), carried,
                        [&](Value first, int64_t count, const Values &so) { return addPiece(first, count, so); });
    if (e.sliceSource())
      e.sliceSource()->leave(e, carried.back(), blocks.count);
    finish(Values(ArrayRef(carried).take_front(sumCount())));
  }

private:
  Emitter &e;
  const SparseDecodeSpec &spec;
  const LinearSpec &linear;
  SparseOperands operands;
  Value rows, shared, thread, lane, warp, tile, tileSlices;
  LinearResults results;
  TileBlocks blocks = {}; ///< from a ring

  int64_t groups() const { return spec.rows / 8; }
  size_t sumCount() const { return static_cast<size_t>(4 * groups()); }
  Value firstRow() { return e.mul(e.blockY(), spec.rows); }

  // A piece of `count` slices from `first` on: its rows are brought to shared memory, then four slices a warp at a
  // time.
  Values addPiece(Value first, int64_t count, const Values &before) {
    e.barrier(); // who is behind may still read the piece before
    copyRows(first, count);
    e.closeCopies();
    e.waitForCopies();
    e.barrier();
    Values carried = e.loop(e.mul(warp, kTogether), e.number(count), kWarps * kTogether, before,
                            [&](Value slice, const Values &so) { return addFour(first, slice, count, so); });
    if (e.sliceSource())
      carried.back() = passPiece(e.add(first, count), carried.back());
    return carried;
  }
  Values addFour(Value first, Value slice, int64_t count, const Values &carried) {
    Values slices = loadSlices(e.add(first, slice)), sums(ArrayRef(carried).take_front(sumCount())), left;
    Values words = e.sliceSource() ? takeOperands(slices, carried.back(), left) : loadOperands(slices);
    for (size_t u = 0; u < kTogether; ++u)
      sums = addSlice(Values(ArrayRef(words).slice(4 * u, 4)), e.add(slice, static_cast<int64_t>(u)), count, sums);
    llvm::append_range(sums, left);
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
  Values loadOperands(const Values &slices) {
    Values words;
    for (size_t u = 0; u < kTogether; ++u)
      llvm::append_range(words, operands.load(slices[2 * u], slices[2 * u + 1]));
    return words;
  }

  //===--- From a ring ---===//

  /// The number of a block in the tile.
  Value inTile(Value block) { return e.min(e.max(e.sub(block, blocks.first), e.number(0)), blocks.count); }
  // The blocks of four slices follow one another. All lanes of a warp agree on whether there are any.
  Values takeOperands(const Values &slices, Value passed, Values &left) {
    Value from = inTile(slices[0]), end = from;
    for (size_t u = 0; u < kTogether; ++u) {
      Value ofSlice = inTile(e.add(slices[2 * u], e.countBits(slices[2 * u + 1])));
      end = e.select(e.equal(slices[2 * u + 1], e.number(0)), end, e.max(end, ofSlice));
    }
    end = e.min(end, e.add(from, kTogether * kSliceBlocks)); // of damaged weights
    left = {e.sliceSource()->reach(e, passed, from, end)};
    return e.ifThen(e.less(from, end), Values(4 * kTogether, e.number(0)), [&] {
      Values words;
      auto at = [&](Value block) {
        Value safe = e.min(e.max(inTile(block), from), e.sub(end, e.number(1)));
        return e.sliceSource()->blockAt(e, safe);
      };
      for (size_t u = 0; u < kTogether; ++u)
        llvm::append_range(words, operands.load(slices[2 * u], slices[2 * u + 1], at));
      return words;
    });
  }
  /// Lets go of the blocks before slice `next`, before the warps meet: who waits at a barrier holds nobody up.
  Value passPiece(Value next, Value passed) {
    Value safe = e.min(next, e.number(linear.slices() - 1));
    Value begin = inTile(e.load(e.i32(), e.at(tileSlices, e.mul(safe, 8))));
    return e.sliceSource()->reach(e, passed, begin, /*end=*/e.number(0));
  }

  void copyRows(Value first, int64_t count) {
    copyPiece(e, {rows, firstRow(), results.count, linear.rowBytes(), shared, spec.rows, spec.pieceStride()}, first,
              count, kThreads);
  }

  //===--- Sums ---===//

  // Behind the last slice weights are zero; the rows that they are multiplied with are those of slice 0.
  Values addSlice(const Values &weights, Value slice, int64_t count, const Values &sums) {
    Value safe = count % kTogether ? e.select(e.less(slice, e.number(count)), slice, e.number(0)) : slice;
    Value own = e.at(shared, e.add(e.mul(safe, 32), e.mul(e.bitAnd(lane, 3), 4)));
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

/// The blocks of a tile.
WeightStream blockStream(const LinearSpec &linear) {
  auto ofTile = [=](Emitter &e, ValueRange a, llvm::function_ref<Value(SparseOperands &, TileBlocks)> pick) {
    SparseOperands operands(e, linear, a[0], a[4]);
    return pick(operands, TileBlocks::of(e, linear, operands, e.block(), a[4]));
  };
  WeightStream stream;
  stream.slices = linear.slices();
  stream.begin = [=](Emitter &e, ValueRange a) {
    return ofTile(e, a, [](SparseOperands &operands, TileBlocks blocks) { return operands.blockAt(blocks.first); });
  };
  stream.blocks = [=](Emitter &e, ValueRange a) {
    return ofTile(e, a, [](SparseOperands &, TileBlocks blocks) { return blocks.count; });
  };
  return stream;
}

} // namespace

std::string sparseDecodeKernel(KernelLibrary &kernels, const SparseDecodeSpec &spec) {
  std::string name =
      "linear_" + wordOf(spec.linear) + "_rows" + std::to_string(spec.rows) + "_" + kernels.getTarget().chip;
  KernelShape shape = {kThreads, /*leastBlocks=*/spec.rows > 16 ? 2 : 4, spec.sharedBytes()};
  return kernels.define(
      name, shape, linearArguments(spec.linear), [=](Emitter &e, ValueRange a) { SparseEmitter(e, spec, a).run(); },
      blockStream(spec.linear));
}

} // namespace lmopt::nvptx
