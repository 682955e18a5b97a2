// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See GroupedDecode.h.
#include "codegen/ptx/linear/GroupedDecode.h"

#include "codegen/ptx/linear/Codebook.h"
#include "codegen/ptx/linear/GroupedCodes.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "codegen/ptx/linear/LinearResults.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kWarps = GroupedDecodeSpec::kWarps, kThreads = kWarps * kWarpLanes, kSlice = LinearSpec::kSlice;
/// Bytes of the sums of 16 outputs and 8 rows.
constexpr int64_t kSums = 512;

class GroupedEmitter {
public:
  /// `marks`: null where all results are wanted.
  GroupedEmitter(Emitter &e, const GroupedDecodeSpec &spec, ValueRange a, Value marks)
      : e(e), spec(spec), linear(spec.linear), ofRows(a.drop_front(1 + spec.beside.size())), shared(e.shared()),
        thread(e.thread()), lane(e.lane()), warp(e.warp()), firstRow(e.mul(e.blockY(), spec.rows)),
        results(LinearResults::of(e, linear, {e, matricesOf(linear, spec.beside), e.block()}, a)),
        tile(results.matrices.tile()),
        tileWeights(e.at(e.atElement(results.weights, tile, linear.slices() * kSlice), e.mul(lane, 16))),
        tileScales(e.atElement(results.at(&LinearSpec::scaleOffset), tile, linear.groups() * linear.scaleBytes())),
        present(e.min(e.sub(results.count, firstRow), e.number(spec.rows))) {
    results.marks = marks;
  }

  void run() {
    if (results.marks)
      e.ifThen(results.isAnyMarked(tile, firstRow, spec.rows), [&] { makeTile(); });
    else
      makeTile();
  }

private:
  Emitter &e;
  const GroupedDecodeSpec &spec;
  const LinearSpec &linear;
  GroupedCodes formats = {e, linear};
  ValueRange ofRows; ///< arguments: codes, groups, or what makes them
  Value shared, thread, lane, warp, firstRow;
  LinearResults results;
  Value tile, tileWeights, tileScales;
  Value present;       ///< rows that are there
  Values entries = {}; ///< of a codebook

  void makeTile() {
    if (linear.codebook)
      entries = e.loadWords(results.at(&LinearSpec::tableOffset));
    copyPiece(e.number(0));
    Values carried = loadSlices(e.number(0));
    carried.append(1, e.floatOf(0));
    if (spec.made)
      makeRows();
    carried = e.loop(e.number(0), e.number(spec.pieces()), 1, carried,
                     [&](Value piece, const Values &before) { return onePiece(piece, before); });
    finish(carried.back());
  }

  // The first piece begins with a barrier.
  void makeRows() {
    MadeRowsPlaces places = spec.places();
    RowPrologue(e, *spec.made, places, e.at(shared, spec.madePlace()), ofRows).run(results.count);
  }
  /// Where codes and numbers of groups of a piece begin; the scales of rows.
  Value codesOf(Value piece) {
    return spec.made ? e.at(e.at(shared, spec.madePlace()), e.mul(piece, spec.pieceInputs())) : bufferOf(piece);
  }
  Value groupsOf(Value piece) {
    if (!spec.made)
      return e.at(bufferOf(piece), spec.groupsPlace());
    Value first = e.mul(e.mul(piece, e.number(spec.pieceGroups())), GroupedRow::kGroupBytes);
    return e.at(e.at(shared, spec.madePlace() + spec.places().numbers), first);
  }

  /// A row of the block, or one that is there in its place: what it gives nobody stores.
  Value safe(Value row) { return e.min(row, e.sub(present, e.number(1))); }
  /// Slices that a warp takes of a piece.
  int64_t together() const { return spec.pieceSlices() / kWarps; }
  /// 32s of inputs in a slice, each with sums of its own.
  int64_t partsOfSlice() const { return linear.sliceBytes() / 32; }
  int64_t rowGroups() const { return spec.rows / 8; }
  Value bufferOf(Value piece) { return e.at(shared, e.mul(e.bitAnd(piece, 1), e.number(spec.bufferBytes()))); }
  Value outputs() {
    return results.matrices.number([](const LinearSpec &matrix) { return matrix.outputs; });
  }
  Value sliceOf(int64_t u) { return e.add(warp, kWarps * u); } ///< of a warp, in a piece

  // Carried: weights of this piece; the sum of one output and row.
  Values onePiece(Value piece, const Values &before) {
    e.waitForCopies();
    e.barrier(); // the piece has come; the sums and the buffer of the one before have been read
    addProducts(piece, before);
    Value next = e.add(piece, 1);
    e.ifThen(e.less(next, e.number(spec.pieces())), [&] { copyPiece(next); });
    Values carried = loadSlices(next);
    e.barrier();
    carried.push_back(addGroups(piece, before.back()));
    return carried;
  }

  //===--- From memory ---===//

  Values loadSlices(Value piece) {
    Values words;
    for (int64_t u = 0; u < together(); ++u) {
      Value slice = e.add(e.mul(piece, spec.pieceSlices()), sliceOf(u));
      llvm::append_range(words, e.ifThen(e.less(slice, e.number(linear.slices())), Values(wordsOfSlice(), e.number(0)),
                                         [&] { return loadSlice(slice); }));
    }
    return words;
  }
  /// Of a lane: an operand, and upper bits of numbers of three.
  size_t wordsOfSlice() const { return linear.bits == 3 ? 6 : 4; }
  Values loadSlice(Value slice) {
    Values words = e.loadSlice(tileWeights, slice);
    if (linear.bits != 3)
      return words;
    Value place = e.add(e.mul(e.add(e.mul(tile, linear.slices()), slice), kWarpLanes), lane);
    words.append(e.loadTwoWords(e.atElement(results.at(&LinearSpec::upperOffset), place, 8)));
    return words;
  }

  void copyPiece(Value piece) {
    Value to = bufferOf(piece);
    Value first = e.mul(piece, spec.pieceGroups()), left = e.sub(e.number(linear.groups()), first);
    if (!spec.made) {
      copyCodes(piece, to);
      copyGroups(first, left, e.at(to, spec.groupsPlace()));
    }
    copyScales(first, left, e.at(to, spec.scalesPlace()));
    e.closeCopies();
  }
  // Sixteen bytes a thread and turn, of the rows that are there; inputs that there are not are zero.
  void copyCodes(Value piece, Value to) {
    int64_t chunks = spec.pieceInputs() / 16;
    bool isWhole = linear.rowBytes() % spec.pieceInputs() == 0;
    e.loop(thread, e.mul(present, chunks), kThreads, [&](Value i) {
      Value row = e.div(i, chunks), chunk = e.rem(i, chunks);
      Value place = e.add(e.mul(piece, spec.pieceInputs()), e.mul(chunk, 16)), bytes = e.number(16);
      if (!isWhole) {
        Value isThere = e.less(place, e.number(linear.rowBytes()));
        place = e.select(isThere, place, e.number(0)), bytes = e.select(isThere, bytes, e.number(0));
      }
      Value from = e.at(e.atElement(ofRows[0], e.add(firstRow, row), linear.rowBytes()), place);
      e.copyAsync(e.at(to, e.add(e.mul(row, e.number(spec.codeStride())), e.mul(chunk, 16))), from, bytes);
    });
  }
  // In the place of a group that is not there stands the last one: nobody reads it, and no lane goes another way.
  void copyGroups(Value first, Value left, Value to) {
    GroupedRow layout = {linear.inputs, linear.group};
    Value last = e.sub(left, e.number(1));
    e.loop(thread, e.mul(present, spec.pieceGroups()), kThreads, [&](Value i) {
      Value row = e.div(i, spec.pieceGroups()), group = e.add(first, e.min(e.rem(i, spec.pieceGroups()), last));
      Value from = e.at(e.atElement(ofRows[1], e.add(firstRow, row), layout.groupsBytes()),
                        e.mul(group, GroupedRow::kGroupBytes));
      e.copyEightAsync(e.at(to, e.mul(i, GroupedRow::kGroupBytes)), from);
    });
  }
  void copyScales(Value first, Value left, Value to) {
    int64_t chunks = linear.scaleBytes() / 16;
    Value end = e.mul(e.min(left, e.number(spec.pieceGroups())), chunks);
    e.loop(thread, end, kThreads, [&](Value i) {
      Value from = e.at(tileScales, e.add(e.mul(first, linear.scaleBytes()), e.mul(i, 16)));
      e.copyAsync(e.at(to, e.mul(i, 16)), from, e.number(16));
    });
  }

  //===--- Integer sums ---===//

  void addProducts(Value piece, const Values &weights) {
    Value rows = e.at(codesOf(piece), e.mul(e.bitAnd(lane, 3), 4));
    Value left = e.sub(e.number(linear.slices()), e.mul(piece, spec.pieceSlices()));
    for (int64_t u = 0; u < together(); ++u)
      e.ifThen(e.less(sliceOf(u), left), [&] {
        Values words(ArrayRef(weights).slice(static_cast<size_t>(u) * wordsOfSlice(), wordsOfSlice()));
        for (int64_t part = 0; part < partsOfSlice(); ++part)
          addPart(unpacked(words, part), e.add(e.mul(sliceOf(u), partsOfSlice()), part), rows);
      });
  }
  Values unpacked(const Values &words, int64_t part) {
    return linear.codebook ? entriesOf(e, linear, entries, words, part) : formats.unpacked(words, part);
  }
  void addPart(const Values &weights, Value part, Value rows) {
    for (int64_t group = 0; group < rowGroups(); ++group) {
      Value row = safe(e.add(e.shr(lane, 2), 8 * group));
      Value from = e.at(rows, e.add(e.mul(row, e.number(spec.codeStride())), e.mul(part, 32)));
      Values own = {e.load(e.i32(), from), e.load(e.i32(), e.at(from, 16))};
      for (int64_t half = 0; half < sumsOfPart(); ++half) {
        Value sum = sumsOfPart() == 1 ? part : e.add(e.mul(part, sumsOfPart()), half);
        Value place = e.add(e.mul(e.add(e.mul(sum, rowGroups()), group), kSums), placeOfLane());
        Values operand = sumsOfPart() == 1 ? weights : formats.halfOf(weights, half);
        e.storeFour(e.mmaS8S8(operand, own, Values(4, e.number(0))), e.at(e.at(shared, spec.sumsPlace()), place));
      }
    }
  }
  int64_t sumsOfPart() const { return 32 / spec.sumInputs(); }
  // Lane 4 g + t has outputs g and g + 8 of rows 2 t and 2 t + 1. Its 16 bytes stand where neither those who write nor
  // those who read two rows of all outputs meet in a bank.
  Value placeOfLane() {
    Value pair = e.bitAnd(lane, 3);
    return e.add(e.mul(pair, 128), e.mul(swizzled(e.shr(lane, 2), pair), 16));
  }
  Value swizzled(Value output, Value pair) { return arith::XOrIOp::create(e.b, e.loc, output, e.mul(pair, 2)); }

  //===--- Sums of floats ---===//

  Value row() { return e.shr(thread, 4); } ///< of a thread that adds groups, among those of the block
  Value output() { return e.bitAnd(thread, LinearSpec::kTile - 1); }
  /// Whether a warp has a row that is there. All its lanes agree: they meet at the next barrier.
  Value adds() { return e.less(e.mul(warp, 2), present); }

  Value addGroups(Value piece, Value sum) {
    Value left = e.sub(e.number(linear.groups()), e.mul(piece, spec.pieceGroups()));
    Value end = e.min(left, e.number(spec.pieceGroups())), buffer = bufferOf(piece);
    Value inEight = e.bitAnd(row(), 7), pair = e.shr(inEight, 1);
    Value place = e.add(e.mul(swizzled(e.bitAnd(output(), 7), pair), 16), e.mul(e.shr(output(), 3), 8));
    place = e.add(e.add(place, e.mul(e.bitAnd(row(), 1), 4)), e.mul(pair, 128));
    Value sums = e.at(e.at(shared, spec.sumsPlace()), e.add(place, e.mul(e.shr(row(), 3), kSums)));
    Value numbers = e.at(groupsOf(piece), e.mul(safe(row()), e.number(spec.groupStride())));
    Value scales = e.at(buffer, spec.scalesPlace());
    return e.ifThen(adds(), Values{sum}, [&] {
      return e.loop(e.number(0), end, unroll(), Values{sum}, [&](Value group, Values carried) {
        for (int64_t i = 0; i < unroll(); ++i)
          carried[0] = addGroup(carried[0], e.add(group, i), sums, numbers, scales);
        return carried;
      });
    })[0];
  }
  /// Groups that are taken together: what is loaded for one hides behind those before it.
  int64_t unroll() const {
    int64_t most = 4;
    while (linear.groups() % most || spec.pieceGroups() % most)
      most /= 2;
    return most;
  }

  Value addGroup(Value sum, Value group, Value sums, Value numbers, Value scales) {
    int64_t parts = linear.group / spec.sumInputs(), ofPart = rowGroups() * kSums;
    Value from = e.at(sums, e.mul(group, parts * ofPart)), dot = e.load(e.i32(), from);
    for (int64_t part = 1; part < parts; ++part)
      dot = e.add(dot, e.load(e.i32(), e.at(from, part * ofPart)));
    Value own = e.at(numbers, e.mul(group, GroupedRow::kGroupBytes));
    Value at = e.at(scales, e.mul(group, e.number(linear.scaleBytes())));
    Value codes = linear.hasMin ? e.load(e.f32(), e.at(own, 4)) : Value();
    return formats.addGroup(sum, dot, formats.scaleAt(at, output()), e.load(e.f32(), own), codes);
  }

  void finish(Value sum) {
    e.ifThen(adds(), [&] {
      Value own = e.add(firstRow, row()), place = e.add(e.mul(tile, LinearSpec::kTile), output());
      Value result = sum;
      if (linear.smallScales)
        result = e.mul(result, results.loadOf(e.f32(), &LinearSpec::unitOffset, place));
      if (linear.codebook) // behind the last output numbers are 0 as well, and name an entry
        result = e.select(e.less(place, outputs()), result, e.floatOf(0));
      results.put(result, own, place);
    });
  }
};

} // namespace

std::string groupedDecodeKernel(KernelLibrary &kernels, const GroupedDecodeSpec &spec) {
  std::string name = "linear_" + wordOf(spec.linear) + besideName(spec.beside) + "_rows" + std::to_string(spec.rows) +
                     madeName(spec.made) + (spec.marked ? "_marked_" : "_") + kernels.getTarget().chip;
  KernelShape shape = {kThreads, /*leastBlocks=*/4, spec.sharedBytes()};
  return kernels.define(
      name, shape, decodeArguments({spec.linear, spec.rows, spec.beside, spec.made, spec.marked}),
      [=](Emitter &e, ValueRange a) {
        GroupedEmitter(e, spec, spec.marked ? a.drop_back() : a, spec.marked ? a.back() : Value()).run();
      },
      spec.marked ? WeightStream() : weightStream(spec.linear, spec.beside)); // what is marked is not known ahead
}

} // namespace lmopt::nvptx
