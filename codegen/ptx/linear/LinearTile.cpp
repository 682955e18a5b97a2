// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See LinearTile.h. In a stage a row has eight chunks of 16 bytes; chunk c of row r lies at place c xor (r mod 8), so
// that the eight rows of a matrix lie in different banks.
#include "codegen/ptx/linear/LinearTile.h"

#include "codegen/ptx/linear/LinearResults.h"
#include "codegen/ptx/linear/SparseOperands.h"

#include <optional>

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kThreads = LinearTileSpec::kWarps * kWarpLanes;
constexpr int64_t kStageSlices = LinearTileSpec::kStageSlices, kStageRow = LinearTileSpec::kStageRow;
constexpr int64_t kAhead = LinearTileSpec::kAhead, kTilesOfWarp = LinearTileSpec::kTilesOfWarp;
constexpr int64_t kChunks = kStageRow / 16; ///< of a row of a stage
static_assert(kAhead <= kStageSlices && kStageSlices % kAhead == 0, "weights of the next stage at most are under way");

/// What a warp carries through its inputs.
struct Carried {
  Values sums;    ///< [8 rows][tile][4]
  Values weights; ///< [slice mod kAhead][tile][4]
  Values blocks;  ///< of the slice that is asked for next, [tile][2]; none where all blocks are there

  Values all() const {
    Values both = sums;
    llvm::append_range(both, weights);
    llvm::append_range(both, blocks);
    return both;
  }
  static Carried of(const Values &all, size_t sums) {
    constexpr size_t kWeights = kAhead * kTilesOfWarp * 4;
    ArrayRef<Value> rest = ArrayRef(all).drop_front(sums);
    return {Values(ArrayRef(all).take_front(sums)), Values(rest.take_front(kWeights)),
            Values(rest.drop_front(kWeights))};
  }
};

class TileEmitter {
public:
  /// `stored`: how many blocks there are, where some are not.
  TileEmitter(Emitter &e, const LinearTileSpec &spec, Value rows, Value stored, const LinearResults &results)
      : e(e), spec(spec), linear(spec.linear), results(results), thread(e.thread()), lane(e.lane()),
        firstTile(e.add(e.mul(e.block(), LinearTileSpec::kTiles), e.mul(e.warp(), kTilesOfWarp))),
        firstRow(e.mul(e.blockY(), spec.rows)), rows(rows) {
    if (linear.isBlocks())
      operands.emplace(e, linear, results.weights, stored);
    placeCopies();
    placeOperands();
  }

  void run() {
    for (int64_t stage = 0; stage < spec.ring - 1; ++stage)
      copyStage(e.number(stage), stage < spec.stages());
    Carried carried = start();
    // The last two stages are apart: behind them there are no weights to ask for.
    int64_t looped = std::max<int64_t>(spec.stages() - 2, 0);
    size_t sums = carried.sums.size();
    carried =
        Carried::of(e.loop(e.number(0), e.number(looped), 1, carried.all(),
                           [&](Value stage, const Values &all) {
                             return addStage(stage, kStageSlices, 2 * kStageSlices, true, Carried::of(all, sums)).all();
                           }),
                    sums);
    for (int64_t stage = looped; stage < spec.stages(); ++stage) {
      int64_t left = linear.slices() - stage * kStageSlices;
      carried = addStage(e.number(stage), std::min(left, kStageSlices), left, stage + spec.ring - 1 < spec.stages(),
                         std::move(carried));
    }
    finish(carried.sums);
  }

private:
  Emitter &e;
  const LinearTileSpec &spec;
  const LinearSpec &linear;
  LinearResults results;
  Value thread, lane, firstTile, firstRow, rows;
  std::optional<SparseOperands> operands; ///< of blocks
  SmallVector<Value, 2> tileWeights;      ///< of this lane; of blocks what slices say of them
  Value ownRow, ownChunk, copyTo;         ///< what this thread copies first
  Value operand;                          ///< where this lane's row of a matrix lies in a stage

  Value zero() { return linear.isInteger() ? e.number(0) : e.floatOf(0); }

  //===--- Rows: from memory to the ring ---===//

  // Eight threads copy the chunks of a row; a thread's rows are 16 apart, so that it turns all chunks alike.
  static constexpr int64_t kRowsApart = kThreads / kChunks;
  static_assert(kRowsApart % 8 == 0);
  void placeCopies() {
    Value row = e.shr(thread, 3);
    ownRow = e.add(firstRow, row), ownChunk = e.bitAnd(thread, kChunks - 1);
    Value place = e.bitXor(ownChunk, e.bitAnd(row, 7));
    copyTo = e.at(e.shared(), e.add(e.mul(row, kStageRow), e.mul(place, 16)));
  }

  // Rows and inputs that there are not are zero. A group is closed in any case: waits count them.
  void copyStage(Value stage, bool isCopied) {
    if (isCopied) {
      Value chunk = e.add(e.mul(stage, kChunks), ownChunk), isInside = e.less(chunk, e.number(2 * linear.slices()));
      Value from = e.at(e.atElement(rows, ownRow, linear.rowBytes()), e.mul(chunk, 16));
      Value to = e.at(copyTo, slotOffset(stage));
      for (int64_t row = 0; row < spec.rows; row += kRowsApart) {
        Value isThere = e.less(e.add(ownRow, row), results.count);
        isThere = e.bitAnd(isThere, isInside);
        Value safe = e.select(isThere, e.at(from, row * linear.rowBytes()), rows);
        e.copyAsync(e.at(to, row * kStageRow), safe, e.select(isThere, e.number(16), e.number(0)));
      }
    }
    e.closeCopies();
  }
  Value slotOffset(Value stage) { return e.mul(e.bitAnd(stage, spec.ring - 1), spec.stageBytes()); }

  //===--- Operands ---===//

  // A lane loads its part of an operand; of 16 rows at once it gives the address of one row of one of four matrices:
  // rows 0 to 7 and 8 to 15, of each two chunks. Behind the last tile the last one stands in: nothing of it is stored.
  void placeOperands() {
    for (int64_t i = 0; i < kTilesOfWarp; ++i) {
      Value tile = e.add(firstTile, i);
      if (linear.tiles() % LinearTileSpec::kTiles)
        tile = e.min(tile, e.number(linear.tiles() - 1));
      tileWeights.push_back(
          operands ? operands->slicesOf(tile)
                   : e.at(e.atElement(results.weights, tile, linear.slices() * LinearSpec::kSlice), e.mul(lane, 16)));
    }
    Value row = e.add(e.bitAnd(lane, 7), e.mul(e.shr(lane, 4), 8));
    Value chunk = e.bitXor(e.bitAnd(lane, 7), e.bitAnd(e.shr(lane, 3), 1));
    operand = e.add(e.mul(row, kStageRow), e.mul(chunk, 16));
  }

  /// `blocks`: of the slice; those of the next one take their place.
  Values loadWeights(Value slice, Values &blocks) {
    Values words;
    for (auto [tile, from] : llvm::enumerate(tileWeights))
      llvm::append_range(words, operands ? operands->load(blocks[2 * tile], blocks[2 * tile + 1])
                                         : e.loadWords(e.at(from, e.mul(slice, LinearSpec::kSlice))));
    blocks = loadBlocks(e.add(slice, 1));
    return words;
  }
  // Behind the last slice stands the last one: nobody asks for its blocks.
  Values loadBlocks(Value slice) {
    Values words;
    if (operands)
      for (Value from : tileWeights)
        llvm::append_range(words, e.loadTwoWords(e.at(from, e.mul(e.min(slice, e.number(linear.slices() - 1)), 8))));
    return words;
  }

  Carried start() {
    Carried carried{Values(static_cast<size_t>(spec.rows / 8 * kTilesOfWarp * 4), zero()), {}, loadBlocks(e.number(0))};
    for (int64_t slice = 0; slice < kAhead; ++slice)
      llvm::append_range(carried.weights, slice < linear.slices() ? loadWeights(e.number(slice), carried.blocks)
                                                                  : Values(kTilesOfWarp * 4, e.number(0)));
    return carried;
  }

  //===--- Products ---===//

  // The barrier tells that all copies of this stage have arrived and that no warp reads the one before any more, whose
  // place the next copies take. `count` slices are multiplied; there are `left` from this stage on, or more.
  Carried addStage(Value stage, int64_t count, int64_t left, bool isCopied, Carried carried) {
    e.waitForCopies(spec.ring - 2);
    e.barrier();
    copyStage(e.add(stage, spec.ring - 1), isCopied);
    Value base = e.at(e.shared(), slotOffset(stage));
    for (int64_t slice = 0; slice < count; ++slice) {
      auto queued = static_cast<size_t>(slice % kAhead * kTilesOfWarp * 4);
      Values weights(ArrayRef(carried.weights).slice(queued, kTilesOfWarp * 4));
      addSlice(weights, e.at(base, e.bitXor(operand, e.number(32 * slice))), carried.sums);
      if (slice + kAhead < left)
        llvm::copy(loadWeights(e.add(e.mul(stage, kStageSlices), slice + kAhead), carried.blocks),
                   carried.weights.begin() + queued);
    }
    return carried;
  }

  void addSlice(const Values &weights, Value from, Values &sums) {
    for (int64_t row = 0; row < spec.rows; row += 16) {
      Values matrices = e.loadMatrices(e.at(from, row * kStageRow));
      for (size_t half = 0; half < 2; ++half)
        for (size_t tile = 0; tile < kTilesOfWarp; ++tile)
          addProduct(ArrayRef(weights).slice(4 * tile, 4), ArrayRef(matrices).slice(2 * half, 2),
                     MutableArrayRef(sums).slice(placeOf(row / 8, tile) + 4 * kTilesOfWarp * half, 4));
    }
  }
  static size_t placeOf(int64_t group, size_t tile) { return 4 * (kTilesOfWarp * static_cast<size_t>(group) + tile); }

  void addProduct(ArrayRef<Value> weights, ArrayRef<Value> rows, MutableArrayRef<Value> sums) {
    Values left(weights), right(rows), old(sums);
    llvm::copy(linear.isInteger() ? e.mmaS8U8(left, right, old) : e.mmaBf16(left, right, old), sums.begin());
  }

  void finish(const Values &sums) {
    e.waitForCopies(); // zeros of stages that there are not
    SmallVector<LinearResults::OfOutput> outputs;
    for (int64_t i = 0; i < kTilesOfWarp; ++i)
      llvm::append_range(outputs, results.ofTile(e.add(firstTile, i)));
    for (int64_t group = 0; group < spec.rows / 8; ++group)
      results.putOperands(ArrayRef(sums).slice(placeOf(group, 0), kTilesOfWarp * 4), outputs,
                          e.add(firstRow, 8 * group));
  }
};

std::string nameOf(const LinearTileSpec &spec, const Target &target) {
  return "linear_" + wordOf(spec.linear) + "_tile128x" + std::to_string(spec.rows) + ringName(spec) + "_" + target.chip;
}

} // namespace

std::string ringName(const LinearTileSpec &spec) {
  return spec.ring == LinearTileSpec::kStages ? "" : "_ring" + std::to_string(spec.ring);
}

std::string linearTileKernel(KernelLibrary &kernels, const LinearTileSpec &spec) {
  // Where blocks lie takes registers, too: with three blocks of threads ptxas spills a word.
  bool isLarge = spec.rows > 64 || spec.linear.isBlocks();
  KernelShape shape = {kThreads, /*leastBlocks=*/isLarge ? 2 : 3, spec.ring * spec.stageBytes()};
  return kernels.define(nameOf(spec, kernels.getTarget()), shape, linearArguments(spec.linear),
                        [=](Emitter &e, ValueRange a) {
                          LinearResults results = LinearResults::of(e, spec.linear, {e, {spec.linear}, e.block()}, a);
                          results.outputsOfBlock = LinearTileSpec::kTiles * LinearSpec::kTile;
                          Value stored = spec.linear.isBlocks() ? a[4] : Value();
                          TileEmitter(e, spec, /*rows=*/a[1], stored, results).run();
                        });
}

} // namespace lmopt::nvptx
