// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See LinearTileHopper.h.
#include "codegen/ptx/linear/LinearTileHopper.h"

#include "codegen/ptx/Hopper.h"
#include "codegen/ptx/linear/LinearResults.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
using Layout = HopperTileLayout;
constexpr int64_t kUntold = Layout::kUntold;
constexpr int64_t kStageSlices = LinearTileSpec::kStageSlices, kStageRow = LinearTileSpec::kStageRow;
constexpr int64_t kSlice = LinearSpec::kSlice, kChunks = kStageRow / 16;
static_assert(kUntold + 2 <= Layout::kStages, "one stage is read while the rows of the others are under way");

/// What both sides know: the ring and its barriers.
struct Ring {
  Emitter &e;
  Layout layout;
  Value shared = e.shared();

  Value slot(Value stage) { return e.bitAnd(stage, layout.ring - 1); }
  Value at(Value stage) { return e.at(shared, e.mul(slot(stage), e.number(layout.stageBytes()))); }
  Value rowsAt(Value stage) { return e.at(at(stage), Layout::kWeightBytes); }
  Value full(Value stage) { return barrier(layout.fullPlace(), stage); }
  Value empty(Value stage) { return barrier(layout.emptyPlace(), stage); }
  /// How often the place was used before, odd or even.
  Value turn(Value stage) { return e.bitAnd(e.div(stage, layout.ring), 1); }

  // All lanes of the warp that copies tell of rows, one of them of weights, too.
  void init() {
    e.ifThen(e.equal(e.thread(), e.number(0)), [&] {
      for (int64_t stage = 0; stage < layout.ring; ++stage) {
        hopper::initBarrier(e, full(e.number(stage)), kWarpLanes + 1);
        hopper::initBarrier(e, empty(e.number(stage)), Layout::kProductWarps);
      }
      hopper::publishBarriers(e);
    });
    e.barrier();
  }

private:
  Value barrier(int64_t place, Value stage) {
    return e.at(e.at(shared, place), e.mul(slot(stage), hopper::kBarrierBytes));
  }
};

/// The warp that copies.
class CopyEmitter {
public:
  CopyEmitter(Emitter &e, const LinearTileSpec &spec, Value rows, const LinearResults &results, Ring &ring)
      : e(e), spec(spec), linear(spec.linear), rows(rows), results(results), ring(ring), lane(e.lane()),
        ownRow(e.add(e.mul(e.blockY(), spec.rows), e.shr(lane, 3))), ownChunk(e.bitAnd(lane, kChunks - 1)) {}

  void run() {
    e.loop(e.number(0), e.number(spec.stages()), 1, [&](Value stage) {
      hopper::wait(e, ring.empty(stage), e.bitXor(ring.turn(stage), e.number(1)));
      copyWeights(stage);
      copyRows(stage);
      e.closeCopies();
      e.ifThen(e.less(e.number(kUntold - 1), stage), [&] { tell(e.sub(stage, e.number(kUntold)), kUntold); });
    });
    for (int64_t left = std::min(kUntold, spec.stages()); left > 0; --left)
      tell(e.number(spec.stages() - left), left - 1);
  }

private:
  Emitter &e;
  const LinearTileSpec &spec;
  const LinearSpec &linear;
  Value rows;
  LinearResults results;
  Ring &ring;
  Value lane, ownRow, ownChunk; ///< what this lane copies first

  // By one lane. Behind the last tile the last one stands in: nothing of it is stored.
  void copyWeights(Value stage) {
    Value isOne = e.equal(lane, e.number(0)), full = ring.full(stage), bytes = e.number(Layout::kTileBytes);
    if (int64_t rest = linear.slices() % kStageSlices)
      bytes = e.select(e.equal(stage, e.number(spec.stages() - 1)), e.number(rest * kSlice), bytes);
    hopper::arriveExpectingIf(e, isOne, full, e.mul(bytes, LinearTileSpec::kTiles));
    for (int64_t i = 0; i < LinearTileSpec::kTiles; ++i) {
      Value tile = e.add(e.mul(e.block(), LinearTileSpec::kTiles), i);
      if (linear.tiles() % LinearTileSpec::kTiles)
        tile = e.min(tile, e.number(linear.tiles() - 1));
      Value from = e.atElement(results.weights, tile, linear.slices() * kSlice);
      hopper::copyBulkIf(e, isOne, e.at(ring.at(stage), i * Layout::kTileBytes),
                         e.at(from, e.mul(stage, Layout::kTileBytes)), bytes, full);
    }
  }

  // Eight lanes copy the chunks of a row, four rows at a time. Rows and inputs that there are not are zero.
  void copyRows(Value stage) {
    Value chunk = e.add(e.mul(stage, kChunks), ownChunk), isInside = e.less(chunk, e.number(2 * linear.slices()));
    Value from = e.at(e.atElement(rows, ownRow, linear.rowBytes()), e.mul(chunk, 16));
    for (int64_t row = 0; row < spec.rows; row += kWarpLanes / kChunks) {
      Value isThere = e.bitAnd(e.less(e.add(ownRow, row), results.count), isInside);
      Value safe = e.select(isThere, e.at(from, row * linear.rowBytes()), rows);
      e.copyAsync(e.at(ring.rowsAt(stage), e.add(placeOf(row % 8), row / 8 * 8 * kStageRow)), safe,
                  e.select(isThere, e.number(16), e.number(0)));
    }
  }
  // Of this lane's chunk in the first eight rows of a stage: chunk c of row r at c xor (r mod 8).
  Value placeOf(int64_t row) {
    Value own = e.add(e.shr(lane, 3), row);
    return e.add(e.mul(own, kStageRow), e.mul(e.bitXor(ownChunk, own), 16));
  }

  void tell(Value stage, int64_t pending) {
    e.waitForCopies(pending);
    hopper::publishToProducts(e);
    hopper::arrive(e, ring.full(stage));
  }
};

/// A warp that multiplies.
class ProductEmitter {
public:
  ProductEmitter(Emitter &e, const LinearTileSpec &spec, const LinearResults &results, Ring &ring)
      : e(e), spec(spec), linear(spec.linear), results(results), ring(ring), lane(e.lane()) {}

  void run() {
    Values carried(static_cast<size_t>(spec.rows / 2), linear.isInteger() ? e.number(0) : e.floatOf(0));
    llvm::append_range(carried, loadWeights(e.number(0), countOf(0)));
    // The last two stages are apart: they may have fewer slices, and no stage behind them.
    int64_t looped = std::max<int64_t>(spec.stages() - 2, 0);
    if (looped)
      carried = e.loop(e.number(0), e.number(looped), 1, carried, [&](Value stage, const Values &before) {
        return addStage(stage, kStageSlices, kStageSlices, before);
      });
    for (int64_t stage = looped; stage < spec.stages(); ++stage)
      carried = addStage(e.number(stage), countOf(stage), countOf(stage + 1), carried);
    finish(carried);
  }

private:
  Emitter &e;
  const LinearTileSpec &spec;
  const LinearSpec &linear;
  LinearResults results;
  Ring &ring;
  Value lane;

  /// Slices of a stage; none behind the last one.
  int64_t countOf(int64_t stage) const {
    return std::clamp<int64_t>(linear.slices() - stage * kStageSlices, 0, kStageSlices);
  }

  // Waits for the stage.
  Values loadWeights(Value stage, int64_t count) {
    hopper::wait(e, ring.full(stage), ring.turn(stage));
    Value from = e.at(ring.at(stage), e.add(e.mul(e.warp(), Layout::kTileBytes), e.mul(lane, 16)));
    Values words;
    for (int64_t slice = 0; slice < count; ++slice)
      llvm::append_range(words, e.loadWords(e.at(from, slice * kSlice)));
    return words;
  }

  // Carried: sums, and the weights of this stage; the result has those of the next.
  Values addStage(Value stage, int64_t count, int64_t next, const Values &before) {
    auto sums = static_cast<size_t>(spec.rows / 2);
    Values carried(ArrayRef(before).take_front(sums));
    Value rows = hopper::descriptorOf(e, ring.rowsAt(stage));
    hopper::beginProducts(e);
    for (int64_t slice = 0; slice < count; ++slice) {
      Values weights(ArrayRef(before).slice(sums + static_cast<size_t>(4 * slice), 4));
      Value step = arith::ConstantOp::create(e.b, e.loc, e.b.getI64IntegerAttr(hopper::kDescriptorSlice * slice));
      carried = hopper::product(e, weights, e.add(rows, step), carried);
    }
    hopper::closeProducts(e);
    if (next)
      llvm::append_range(carried, loadWeights(e.add(stage, 1), next));
    hopper::waitForProducts(e);
    hopper::keep(e, Values(ArrayRef(before).drop_front(sums)));
    hopper::arriveIf(e, e.equal(lane, e.number(0)), ring.empty(stage));
    return carried;
  }

  void finish(const Values &sums) {
    Value tile = e.add(e.mul(e.block(), LinearTileSpec::kTiles), e.warp());
    SmallVector<LinearResults::OfOutput, 2> outputs = results.ofTile(tile);
    Value firstRow = e.mul(e.blockY(), spec.rows);
    for (int64_t group = 0; group < spec.rows / 8; ++group)
      results.putOperands(ArrayRef(sums).slice(static_cast<size_t>(4 * group), 4), outputs, e.add(firstRow, 8 * group));
  }
};

std::string nameOf(const LinearTileSpec &spec, const Target &target) {
  return "linear_" + wordOf(spec.linear) + "_tile128x" + std::to_string(spec.rows) + ringName(spec) + "_" + target.chip;
}

void emitTile(Emitter &e, const LinearTileSpec &spec, ValueRange a) {
  LinearResults results = LinearResults::of(e, spec.linear, {e, {spec.linear}, e.block()}, a);
  results.outputsOfBlock = LinearTileSpec::kTiles * LinearSpec::kTile;
  Ring ring{e, {spec.rows, spec.ring}};
  ring.init();
  Value copies = e.equal(e.warp(), e.number(Layout::kProductWarps));
  e.ifThenElse(
      copies, [&] { CopyEmitter(e, spec, /*rows=*/a[1], results, ring).run(); },
      [&] { ProductEmitter(e, spec, results, ring).run(); });
}

} // namespace

std::string linearTileHopperKernel(KernelLibrary &kernels, const LinearTileSpec &spec) {
  Layout layout{spec.rows, spec.ring};
  KernelShape shape = {Layout::kWarps * kWarpLanes, /*leastBlocks=*/spec.rows > 64 ? 1 : 2, layout.sharedBytes()};
  return kernels.define(nameOf(spec, kernels.getTarget()), shape, linearArguments(spec.linear),
                        [=](Emitter &e, ValueRange a) { emitTile(e, spec, a); });
}

} // namespace lmopt::nvptx
