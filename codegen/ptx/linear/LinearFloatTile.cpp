// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See LinearFloatTile.h. Weights of 16 outputs lie in a stage as in memory, 64 bytes for each input; of every other 16
// the inputs of a pair change places, so that eight lanes that load one input of 32 outputs touch all banks.
#include "codegen/ptx/linear/LinearFloatTile.h"

#include "codegen/ptx/linear/LinearResults.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
using Spec = LinearFloatTileSpec;
constexpr int64_t kWarps = 4, kThreads = kWarps * kWarpLanes;
constexpr int64_t kTileBytes = Spec::kTileBytes, kStageRow = Spec::kStageRow, kStageSlices = Spec::kStageSlices;
/// Four outputs each, and rows, of a thread; lanes of a warp that lie beside one another in either direction.
constexpr int64_t kQuads = 2, kRowsOfThread = 8, kLanesOfQuads = 8, kLanesOfRows = kWarpLanes / kLanesOfQuads;
constexpr size_t kSums = kQuads * 4 * kRowsOfThread; ///< of a thread
/// A warp has half of the block's outputs and half of its rows.
constexpr int64_t kTilesOfWarp = Spec::kTiles / 2, kRowsOfWarp = Spec::kRows / 2;
static_assert(kQuads * kLanesOfQuads == 4 * kTilesOfWarp && kRowsOfThread * kLanesOfRows == kRowsOfWarp);

class FloatTileEmitter {
public:
  FloatTileEmitter(Emitter &e, const Spec &spec, Value rows, const LinearResults &results)
      : e(e), spec(spec), linear(spec.linear), rows(rows), results(results), thread(e.thread()), lane(e.lane()),
        quad(e.bitAnd(lane, kLanesOfQuads - 1)), firstTile(e.mul(e.block(), Spec::kTiles)),
        ownTiles(e.mul(e.bitAnd(e.warp(), 1), kTilesOfWarp)),
        ownRow(e.add(e.mul(e.shr(e.warp(), 1), kRowsOfWarp), e.div(lane, kLanesOfQuads))),
        firstRow(e.mul(e.blockY(), Spec::kRows)) {
    placeOperands();
  }
  virtual ~FloatTileEmitter() = default;

  // The last stage is apart: it may have fewer slices.
  void run() {
    Values ahead = copyStage(e.number(0), firstWeights());
    int64_t last = spec.stages() - 1;
    Values carried(kSums, e.floatOf(0));
    llvm::append_range(carried, ahead);
    carried = e.loop(e.number(0), e.number(last), 1, carried, [&](Value stage, const Values &before) {
      arrive();
      Values next = copyStage(e.add(stage, 1), Values(ArrayRef(before).drop_front(kSums)));
      Values sums = addStage(stage, kStageSlices, Values(ArrayRef(before).take_front(kSums)));
      llvm::append_range(sums, next);
      return sums;
    });
    arrive();
    carried.truncate(kSums);
    finish(addStage(e.number(last), spec.slices() - last * kStageSlices, carried));
  }

protected:
  Emitter &e;
  const Spec &spec;
  const LinearSpec &linear;
  Value rows;
  LinearResults results;
  Value thread, lane, quad, firstTile, ownTiles, ownRow, firstRow;
  Value weightsPlace[2], rowsPlace; ///< in a stage, of this lane; of weights for even and odd inputs

  /// What is under way to registers when the first stage is asked for.
  virtual Values firstWeights() { return {}; }
  /// Brings the weights of a stage, of which `ahead` has been under way; the result is under way for the next.
  virtual Values bringWeights(Value stage, const Values &) {
    copyWeights(stage);
    return {};
  }

  Value bufferOf(Value stage) { return e.at(e.shared(), e.mul(e.bitAnd(stage, 1), e.number(Spec::kStageBytes))); }
  Value rowsOf(Value stage) { return e.at(bufferOf(stage), Spec::kTiles * kTileBytes); }

  //===--- From memory ---===//

  // All copies of a stage are there, and nobody reads the one before any more, whose place the next copies take.
  void arrive() {
    e.waitForCopies();
    e.barrier();
  }
  Values copyStage(Value stage, const Values &ahead) {
    Values next = bringWeights(stage, ahead);
    copyRows(stage);
    e.closeCopies();
    return next;
  }
  /// Where the weights of a tile of the block begin.
  Value tileAt(Value tile) {
    tile = e.add(firstTile, tile);
    if (linear.tiles() % Spec::kTiles)
      tile = e.min(tile, e.number(linear.tiles() - 1));
    return e.atElement(results.weights, tile, linear.slices() * LinearSpec::kSlice);
  }

  // A thread copies 16 bytes of each 16 outputs. Behind the last tile the last one stands in: nothing of it is stored.
  // Slices that there are not are not read.
  void copyWeights(Value stage) {
    static_assert(kTileBytes == 16 * kThreads);
    Value slice = e.add(e.mul(stage, kStageSlices), e.shr(thread, 5)), isThere = e.less(slice, slices());
    Value offset = e.select(isThere, e.add(e.mul(slice, LinearSpec::kSlice), e.mul(lane, 16)), e.number(0));
    Value bytes = e.select(isThere, e.number(16), e.number(0));
    for (int64_t i = 0; i < Spec::kTiles; ++i) {
      Value from = e.at(tileAt(e.number(i)), offset);
      Value to = e.mul(e.bitXor(thread, e.number(i % 2 * 4)), 16);
      e.copyAsync(e.at(e.at(bufferOf(stage), i * kTileBytes), to), from, bytes);
    }
  }
  // Eight threads copy a row. Rows and inputs that there are not are zero.
  void copyRows(Value stage) {
    Value ownRow = e.shr(thread, 3), ownChunk = e.bitAnd(thread, 7), row = e.add(firstRow, ownRow);
    Value chunk = e.add(e.mul(stage, kStageRow / 16), ownChunk);
    Value isInside = e.less(chunk, e.mul(slices(), 2));
    Value from = e.at(e.atElement(rows, row, linear.rowBytes()), e.mul(chunk, 16));
    Value to = e.at(rowsOf(stage), e.mul(thread, 16));
    for (int64_t i = 0; i < Spec::kRows; i += kThreads / 8) {
      Value isThere = e.bitAnd(e.less(e.add(row, i), results.count), isInside);
      Value safe = e.select(isThere, e.at(from, i * linear.rowBytes()), rows);
      e.copyAsync(e.at(to, i * kStageRow), safe, e.select(isThere, e.number(16), e.number(0)));
    }
  }
  Value slices() { return e.number(spec.slices()); }

  //===--- Products ---===//

  // Of this lane: four outputs of one tile or its neighbour, and its first row.
  void placeOperands() {
    Value odd = e.shr(quad, 2), tile = e.add(ownTiles, odd);
    Value base = e.add(e.mul(tile, kTileBytes), e.mul(e.bitAnd(quad, 3), 16));
    for (int64_t i = 0; i < 2; ++i)
      weightsPlace[i] = e.add(base, e.mul(e.bitXor(odd, e.number(i)), 64));
    rowsPlace = e.mul(ownRow, kStageRow);
  }

  Values addStage(Value stage, int64_t count, Values sums) {
    Value weights = bufferOf(stage), ofRows = e.at(rowsOf(stage), rowsPlace);
    return e.loop(e.number(0), e.number(2 * count), 1, sums, [&](Value four, const Values &before) {
      return addFour(e.at(weights, e.mul(four, 4 * 64)), e.at(ofRows, e.mul(four, 16)), before);
    });
  }

  // Four inputs.
  Values addFour(Value weights, Value ofRows, Values sums) {
    Values ofFour; // [input][quad][4]
    for (int64_t input = 0; input < 4; ++input)
      for (int64_t i = 0; i < kQuads; ++i) {
        Value from = e.at(weights, weightsPlace[input % 2]);
        llvm::append_range(ofFour, e.loadFour(e.f32(), e.at(from, 2 * i * kTileBytes + input / 2 * 128)));
      }
    for (int64_t row = 0; row < kRowsOfThread; ++row) {
      Values x = e.loadFour(e.f32(), e.at(ofRows, row * kLanesOfRows * kStageRow));
      for (size_t input = 0; input < 4; ++input)
        for (size_t i = 0; i < 4 * kQuads; ++i) {
          Value &sum = sums[static_cast<size_t>(4 * kQuads * row) + i];
          sum = e.fma(x[input], ofFour[4 * kQuads * input + i], sum);
        }
    }
    return sums;
  }

  void finish(const Values &sums) {
    for (int64_t i = 0; i < kQuads; ++i) {
      Value tile = e.add(e.add(firstTile, ownTiles), e.add(e.shr(quad, 2), 2 * i));
      Value output = e.add(e.mul(tile, LinearSpec::kTile), e.mul(e.bitAnd(quad, 3), 4));
      for (int64_t n = 0; n < 4; ++n)
        finishOutput(ArrayRef(sums).drop_front(static_cast<size_t>(4 * i + n)), e.add(output, n));
    }
  }
  void finishOutput(ArrayRef<Value> sums, Value output) {
    Value safe = output, bias, scale;
    if (linear.tiles() % Spec::kTiles)
      safe = e.min(output, e.number(linear.tiles() * LinearSpec::kTile - 1));
    if (linear.bias)
      bias = results.loadOf(e.f32(), &LinearSpec::biasOffset, safe);
    if (linear.isCodebook())
      scale = results.loadOf(e.f32(), &LinearSpec::scaleOffset, safe);
    for (int64_t row = 0; row < kRowsOfThread; ++row) {
      Value sum = sums[static_cast<size_t>(4 * kQuads * row)], own = e.add(ownRow, row * kLanesOfRows);
      if (scale)
        sum = e.mul(sum, scale);
      results.store(linear.bias ? e.add(sum, bias) : sum, e.add(firstRow, own), output);
    }
  }
};

/// Weights that are numbers of entries. A warp has every fourth tile of a stage, a lane of it one slice's 16 bytes:
/// word j has the numbers of four outputs for inputs 8 j + lane / 4, which stand in slice j of eight inputs at this
/// lane's place.
class EntriesTileEmitter : public FloatTileEmitter {
public:
  using FloatTileEmitter::FloatTileEmitter;

private:
  static constexpr int64_t kTilesToLoad = Spec::kTiles / kWarps;

  Value table() { return e.at(e.shared(), 2 * Spec::kStageBytes); }

  // The barrier makes the entries everybody's.
  Values firstWeights() override {
    Value entries = results.at(&LinearSpec::tableOffset);
    Values first = loadNumbers(e.number(0));
    e.ifThen(e.less(thread, e.number(Spec::kTableBytes / 16)), [&] {
      Value place = e.mul(thread, 16);
      e.storeFour(e.loadWords(e.at(entries, place)), e.at(table(), place));
    });
    e.barrier();
    return first;
  }
  Values bringWeights(Value stage, const Values &ahead) override {
    Value buffer = bufferOf(stage);
    for (int64_t i = 0; i < kTilesToLoad; ++i)
      for (int64_t slice = 0; slice < kStageSlices; ++slice) {
        Value tile = e.add(e.warp(), i * kWarps), odd = e.bitAnd(tile, 1);
        Value place = e.add(e.mul(e.bitXor(lane, e.mul(odd, 4)), 16), slice * LinearSpec::kSlice);
        e.storeFour(entriesOfWord(ahead[static_cast<size_t>(4 * i + slice)]),
                    e.at(buffer, e.add(e.mul(tile, kTileBytes), place)));
      }
    return loadNumbers(e.add(stage, 1)); // behind the others: both at once would take registers
  }
  Values entriesOfWord(Value word) {
    Values entries;
    for (int64_t i = 0; i < 4; ++i) {
      Value number = e.bitAnd(i ? e.shr(word, 8 * i) : word, 255);
      entries.push_back(e.load(e.f32(), e.at(table(), e.mul(number, 4))));
    }
    return entries;
  }
  // Behind the last stage stands the last one: nobody looks it up.
  Values loadNumbers(Value stage) {
    Values words;
    Value slice = e.min(stage, e.number(linear.slices() - 1)), place = e.mul(lane, 16);
    for (int64_t i = 0; i < kTilesToLoad; ++i) {
      Value from = tileAt(e.add(e.warp(), i * kWarps));
      llvm::append_range(words, e.loadWords(e.at(from, e.add(e.mul(slice, LinearSpec::kSlice), place))));
    }
    return words;
  }
};

} // namespace

std::string linearFloatTileKernel(KernelLibrary &kernels, const LinearFloatTileSpec &spec) {
  std::string name = "linear_" + wordOf(spec.linear) + "_tile128x64_" + kernels.getTarget().chip;
  // Numbers that wait to be looked up take registers, too: with three blocks ptxas spills some.
  KernelShape shape = {kThreads, /*leastBlocks=*/spec.linear.isCodebook() ? 2 : 3, spec.sharedBytes()};
  return kernels.define(name, shape, linearArguments(spec.linear), [=](Emitter &e, ValueRange a) {
    LinearResults results = LinearResults::of(e, spec.linear, {e, {spec.linear}, e.block()}, a);
    results.outputsOfBlock = Spec::kTiles * LinearSpec::kTile;
    if (spec.linear.isCodebook())
      EntriesTileEmitter(e, spec, /*rows=*/a[1], results).run();
    else
      FloatTileEmitter(e, spec, /*rows=*/a[1], results).run();
  });
}

} // namespace lmopt::nvptx
