// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See GroupedTile.h. Codes lie in a stage as LinearTile.cpp has them: chunk c of 16 bytes of row r at c xor (r mod 8).
#include "codegen/ptx/linear/GroupedTile.h"

#include "codegen/ptx/linear/Codebook.h"
#include "codegen/ptx/linear/GroupedCodes.h"
#include "codegen/ptx/linear/LinearResults.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
using Spec = GroupedTileSpec;
constexpr int64_t kThreads = Spec::kWarps * kWarpLanes, kStages = Spec::kStages;
constexpr int64_t kRows = Spec::kRows, kRowGroups = kRows / 8, kUnit = Spec::kUnit, kChunks = kUnit / 16;
constexpr int64_t kUnitBytes = kRows * kUnit;
/// Four sums for each eight rows: of floats, and of integers within a group.
constexpr size_t kSums = 4 * kRowGroups;
static_assert((kStages & (kStages - 1)) == 0, "places in the ring are bits of a stage's number");

class GroupedTileEmitter {
public:
  GroupedTileEmitter(Emitter &e, const Spec &spec, ValueRange a, const LinearResults &results)
      : e(e), spec(spec), linear(spec.linear), formats(e, spec.linear), codes(a[1]), groups(a[2]), results(results),
        thread(e.thread()), lane(e.lane()), firstTile(e.mul(e.block(), Spec::kTiles)), tile(e.add(firstTile, e.warp())),
        firstRow(e.mul(e.blockY(), kRows)),
        tileWeights(e.at(e.atElement(a[0], safeTile(tile), linear.slices() * LinearSpec::kSlice), e.mul(lane, 16))) {
    placeOperands();
  }

  void run() {
    if (linear.codebook)
      entries = e.loadWords(results.at(&LinearSpec::tableOffset));
    for (int64_t stage = 0; stage < kStages - 1; ++stage)
      copyStage(e.number(stage));
    Values carried(kSums, e.floatOf(0));
    for (int64_t slice = 0; slice < 2; ++slice)
      llvm::append_range(carried, loadWeights(e.number(slice)));
    carried = e.loop(e.number(0), e.number(spec.stages()), 1, carried,
                     [&](Value stage, const Values &before) { return addStage(stage, before); });
    e.waitForCopies(); // of nothing, but a warp that ends has no groups open
    finish(carried);
  }

private:
  Emitter &e;
  const Spec &spec;
  const LinearSpec &linear;
  GroupedCodes formats;
  Value codes, groups;
  LinearResults results;
  Value thread, lane, firstTile, tile, firstRow, tileWeights;
  Value operand;    ///< where this lane's row of a matrix lies in a unit
  Value ownNumbers; ///< of this lane's two rows of eight, in a stage
  Values entries;   ///< of a codebook

  Value stageAt(Value stage) {
    return e.at(e.shared(), e.mul(e.bitAnd(stage, kStages - 1), e.number(spec.stageBytes())));
  }
  /// Behind the last tile the last one stands in: nothing of it is stored.
  Value safeTile(Value tile) {
    return linear.tiles() % Spec::kTiles ? e.min(tile, e.number(linear.tiles() - 1)) : tile;
  }
  /// A row that is there.
  Value safeRow(Value row) { return e.min(row, e.sub(results.count, e.number(1))); }

  //===--- From memory to the ring ---===//

  // A group of copies is closed in any case: waits count them.
  void copyStage(Value stage) {
    e.ifThen(e.less(stage, e.number(spec.stages())), [&] {
      Value to = stageAt(stage), firstGroup = e.mul(stage, spec.stageGroups());
      copyCodes(e.mul(stage, spec.stageInputs() / 16), to);
      copyNumbers(firstGroup, e.at(to, spec.numbersPlace()));
      copyScales(firstGroup, e.at(to, spec.scalesPlace()));
    });
    e.closeCopies();
  }

  // Eight threads copy 128 bytes of a row. Rows and inputs that there are not are zero.
  void copyCodes(Value firstChunk, Value to) {
    Value row = e.shr(thread, 3), own = e.bitAnd(thread, kChunks - 1), place = e.bitXor(own, e.bitAnd(row, 7));
    to = e.at(to, e.add(e.mul(row, kUnit), e.mul(place, 16)));
    row = e.add(firstRow, row);
    for (int64_t unit = 0; unit < spec.stageInputs() / kUnit; ++unit) {
      Value chunk = e.add(e.add(firstChunk, own), unit * kChunks);
      Value isInside = e.less(chunk, e.number(linear.rowBytes() / 16));
      Value from = e.at(e.atElement(codes, row, linear.rowBytes()), e.mul(chunk, 16));
      for (int64_t i = 0; i < kRows; i += kThreads / kChunks) {
        Value isThere = e.bitAnd(e.less(e.add(row, i), results.count), isInside);
        Value safe = e.select(isThere, e.at(from, i * linear.rowBytes()), codes);
        e.copyAsync(e.at(to, unit * kUnitBytes + i * kUnit), safe, e.select(isThere, e.number(16), e.number(0)));
      }
    }
  }

  // Neighbouring threads copy neighbouring groups of a row. In the place of a group or row that is not there stands the
  // last one: nobody reads it.
  void copyNumbers(Value firstGroup, Value to) {
    GroupedRow layout = {linear.inputs, linear.group};
    e.loop(thread, e.number(kRows * spec.stageGroups()), kThreads, [&](Value i) {
      Value row = e.div(i, spec.stageGroups()), group = e.rem(i, spec.stageGroups());
      Value from = e.atElement(groups, safeRow(e.add(firstRow, row)), layout.groupsBytes());
      Value safe = e.min(e.add(firstGroup, group), e.number(linear.groups() - 1));
      Value place = e.add(e.mul(group, e.number(spec.numbersStride())), e.mul(row, GroupedRow::kGroupBytes));
      e.copyEightAsync(e.at(to, place), e.at(from, e.mul(safe, GroupedRow::kGroupBytes)));
    });
  }

  void copyScales(Value firstGroup, Value to) {
    int64_t ofGroup = linear.scaleBytes() / 16, ofTile = spec.ofTile() / 16;
    e.loop(thread, e.number(Spec::kTiles * ofTile), kThreads, [&](Value i) {
      Value chunk = e.rem(i, ofTile),
            group = e.min(e.add(firstGroup, e.div(chunk, ofGroup)), e.number(linear.groups() - 1));
      Value from = e.atElement(e.at(results.weights, linear.scaleOffset()),
                               safeTile(e.add(firstTile, e.div(i, ofTile))), linear.groups() * linear.scaleBytes());
      Value place = e.add(e.mul(group, e.number(linear.scaleBytes())), e.mul(e.rem(chunk, ofGroup), 16));
      e.copyAsync(e.at(to, e.mul(i, 16)), e.at(from, place), e.number(16));
    });
  }

  // Behind the last slice there is nothing to read, and nobody asks what it is.
  Values loadWeights(Value slice) {
    return e.ifThen(e.less(slice, e.number(linear.slices())), Values(spec.wordsOfSlice(), e.number(0)), [&] {
      Values words = e.loadWords(e.at(tileWeights, e.mul(slice, LinearSpec::kSlice)));
      if (linear.bits == 3)
        words.append(e.loadTwoWords(upperOf(slice)));
      return words;
    });
  }
  Value upperOf(Value slice) {
    Value place = e.add(e.mul(e.add(e.mul(safeTile(tile), linear.slices()), slice), kWarpLanes), lane);
    return e.atElement(results.at(&LinearSpec::upperOffset), place, 8);
  }
  Values unpacked(const Values &words, int64_t part) {
    return linear.codebook ? entriesOf(e, linear, entries, words, part) : formats.unpacked(words, part);
  }

  //===--- Integer sums ---===//

  void placeOperands() {
    Value row = e.add(e.bitAnd(lane, 7), e.mul(e.shr(lane, 4), 8));
    Value chunk = e.bitXor(e.bitAnd(lane, 7), e.bitAnd(e.shr(lane, 3), 1));
    operand = e.add(e.mul(row, kUnit), e.mul(chunk, 16));
    ownNumbers = e.mul(e.bitAnd(lane, 3), 2 * GroupedRow::kGroupBytes);
  }

  // Carried: sums; the weights of the next two slices. The barrier as in LinearTile.cpp. Turns stay a loop: ptxas would
  // take all their products first, and spill them.
  Values addStage(Value stage, const Values &before) {
    e.waitForCopies(kStages - 2);
    e.barrier();
    copyStage(e.add(stage, kStages - 1));
    Value base = stageAt(stage), first = e.mul(stage, spec.turnsOfStage());
    Value count = e.min(e.sub(e.number(spec.turns()), first), e.number(spec.turnsOfStage()));
    return e.loop(e.number(0), count, 1, before,
                  [&](Value turn, const Values &carried) { return addTurn(base, first, turn, carried); });
  }

  Values addTurn(Value base, Value firstTurn, Value turn, Values carried) {
    int64_t ofSlice = linear.sliceBytes() / 32, ofTurn = spec.turnInputs() / 32;
    Value firstSlice = e.mul(e.add(firstTurn, turn), ofTurn / ofSlice);
    Values weights, dots;
    for (int64_t part = 0; part < ofTurn; ++part) {
      if (part % ofSlice == 0)
        weights = nextWeights(e.add(firstSlice, part / ofSlice), carried);
      Values operand = unpacked(weights, part % ofSlice);
      if (linear.group < 32) {
        for (int64_t half = 0; half < 2; ++half)
          addInGroup(formats.halfOf(operand, half), part, 2 * part + half, {base, firstTurn, turn}, dots, carried);
        continue;
      }
      addInGroup(operand, part, part / (linear.group / 32), {base, firstTurn, turn}, dots, carried);
    }
    return carried;
  }

  /// Where a turn is: its stage, the first turn of that, its number there.
  struct Turn {
    Value base, first, number;
  };
  /// Adds 32 inputs, part `part` of a turn, or 16 and zeros, to the dot products of group `group` of the turn, which
  /// begin with its first part and are added with its last one.
  void addInGroup(const Values &operand, int64_t part, int64_t group, const Turn &turn, Values &dots, Values &carried) {
    int64_t ofGroup = std::max<int64_t>(linear.group / 32, 1), ofTurn = spec.turnInputs() / 32;
    if (part % ofGroup == 0)
      dots.assign(kSums, e.number(0));
    addPart(operand, e.at(turn.base, part / 4 * kUnitBytes), e.add(e.mul(turn.number, ofTurn % 4 * 32), part % 4 * 32),
            dots);
    int64_t groups = spec.turnInputs() / linear.group;
    if (part % ofGroup == ofGroup - 1)
      addGroup(turn.base, e.mul(turn.first, groups), e.add(e.mul(turn.number, groups), group), dots, carried);
  }

  /// Those of `slice`; asks for the ones behind those that have been asked for.
  Values nextWeights(Value slice, Values &carried) {
    size_t words = spec.wordsOfSlice();
    Values weights(ArrayRef(carried).slice(kSums, words));
    llvm::copy(ArrayRef(carried).slice(kSums + words, words), carried.begin() + kSums);
    llvm::copy(loadWeights(e.add(slice, 2)), carried.begin() + static_cast<std::ptrdiff_t>(kSums + words));
    return weights;
  }

  // Of 32 inputs, `offset` in a unit of rows.
  void addPart(const Values &weights, Value unit, Value offset, Values &dots) {
    Value from = e.at(unit, e.bitXor(operand, offset));
    for (int64_t row = 0; row < kRows; row += 16) {
      Values matrices = e.loadMatrices(e.at(from, row * kUnit));
      for (size_t half = 0; half < 2; ++half) {
        MutableArrayRef<Value> sums = MutableArrayRef(dots).slice(static_cast<size_t>(row / 2) + 4 * half, 4);
        Values rows(ArrayRef(matrices).slice(2 * half, 2));
        llvm::copy(e.mmaS8S8(weights, rows, Values(sums)), sums.begin());
      }
    }
  }

  //===--- Sums of floats ---===//

  // The last turn may lack a group.
  void addGroup(Value base, Value firstGroup, Value group, const Values &dots, Values &carried) {
    Values sums(ArrayRef(carried).take_front(kSums));
    bool isWhole = linear.inputs % spec.turnInputs() == 0;
    auto add = [&] { return withGroup(base, group, dots, sums); };
    sums = isWhole ? add() : e.ifThen(e.less(e.add(firstGroup, group), e.number(linear.groups())), sums, add);
    llvm::copy(sums, carried.begin());
  }

  Values withGroup(Value base, Value group, const Values &dots, Values sums) {
    Value scales = e.at(e.at(base, spec.scalesPlace()),
                        e.add(e.mul(e.warp(), e.number(spec.ofTile())), e.mul(group, e.number(linear.scaleBytes()))));
    Value output = e.shr(lane, 2);
    GroupedCodes::Scale own[2] = {formats.scaleAt(scales, output), formats.scaleAt(scales, e.add(output, 8))};
    Value numbers =
        e.at(e.at(base, spec.numbersPlace()), e.add(ownNumbers, e.mul(group, e.number(spec.numbersStride()))));
    for (int64_t eight = 0; eight < kRowGroups; ++eight) {
      Values ofRows = e.loadWords(e.at(numbers, eight * 8 * GroupedRow::kGroupBytes)); // of two rows
      for (size_t i = 0; i < 4; ++i) {
        size_t at = static_cast<size_t>(4 * eight) + i, row = 2 * (i % 2);
        sums[at] = formats.addGroup(sums[at], dots[at], own[i / 2], e.bitcast(ofRows[row], e.f32()),
                                    e.bitcast(ofRows[row + 1], e.f32()));
      }
    }
    return sums;
  }

  void finish(Values sums) {
    SmallVector<LinearResults::OfOutput, 2> outputs = results.ofTile(tile);
    for (int64_t eight = 0; eight < kRowGroups; ++eight) {
      Value row = e.add(firstRow, 8 * eight);
      Values scaled(ArrayRef(sums).slice(static_cast<size_t>(4 * eight), 4));
      for (auto [i, sum] : llvm::enumerate(scaled)) {
        if (linear.smallScales)
          sum = e.mul(sum, unitOf(outputs[i / 2].output));
        if (linear.codebook) // behind the last output numbers are 0 as well, and name an entry
          sum = e.select(e.less(outputs[i / 2].output, e.number(linear.outputs)), sum, e.floatOf(0));
      }
      results.putOperands(scaled, outputs, row);
    }
  }
  Value unitOf(Value output) {
    return results.loadOf(e.f32(), &LinearSpec::unitOffset,
                          e.min(output, e.number(linear.tiles() * LinearSpec::kTile - 1)));
  }
};

} // namespace

std::string groupedTileKernel(KernelLibrary &kernels, const GroupedTileSpec &spec) {
  std::string name = "linear_" + wordOf(spec.linear) + "_tile64x64_" + kernels.getTarget().chip;
  KernelShape shape = {kThreads, /*leastBlocks=*/3, kStages * spec.stageBytes()};
  return kernels.define(name, shape, linearArguments(spec.linear), [=](Emitter &e, ValueRange a) {
    LinearResults results = LinearResults::of(e, spec.linear, {e, {spec.linear}, e.block()}, a);
    results.outputsOfBlock = Spec::kTiles * LinearSpec::kTile;
    GroupedTileEmitter(e, spec, a, results).run();
  });
}

} // namespace lmopt::nvptx
