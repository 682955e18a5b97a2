// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See LinearDecode.h.
#include "codegen/ptx/linear/LinearDecode.h"

#include "codegen/ptx/linear/CodebookDecode.h"
#include "codegen/ptx/linear/GroupedDecode.h"
#include "codegen/ptx/linear/LinearResults.h"
#include "codegen/ptx/linear/LinearTile.h"
#include "codegen/ptx/linear/Pieces.h"
#include "codegen/ptx/linear/SparseDecode.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kWarps = LinearDecodeSpec::kWarps, kThreads = kWarps * kWarpLanes, kSlice = LinearSpec::kSlice;

/// What the kernels for operands of mma.sync and for floats have in common.
class DecodeEmitter {
public:
  DecodeEmitter(Emitter &e, const LinearDecodeSpec &spec, ValueRange arguments, Value marks)
      : e(e), spec(spec), linear(spec.linear), ofRows(arguments.drop_front(1 + spec.beside.size())), shared(e.shared()),
        thread(e.thread()), lane(e.lane()), warp(e.warp()),
        results(LinearResults::of(e, linear, {e, matricesOf(linear, spec.beside), e.block()}, arguments,
                                  spec.made.has_value())),
        tile(results.matrices.tile()),
        tileWeights(e.at(e.atElement(results.weights, tile, linear.slices() * kSlice), e.mul(lane, 16))) {
    results.marks = marks;
  }
  virtual ~DecodeEmitter() = default;

  void run() {
    if (results.marks)
      e.ifThen(results.isAnyMarked(tile, firstRow(), spec.rows), [&] { makeTile(); });
    else
      makeTile();
  }

protected:
  Emitter &e;
  const LinearDecodeSpec &spec;
  const LinearSpec &linear;
  ValueRange ofRows; ///< arguments: rows, or what makes them
  Value shared, thread, lane, warp;
  LinearResults results;
  Value tile, tileWeights;

  virtual Values startSums() = 0;
  /// `offset`: of the slice's inputs in a row of the piece.
  virtual Values addSlice(const Values &weights, Value offset, const Values &sums) = 0;
  virtual void finish(const Values &sums) = 0;

  void makeTile() { finish(spec.made ? addMadeRows(startSums()) : addAll(startSums())); }
  // The weights are asked for before the rows are made.
  Values addMadeRows(const Values &sums) {
    Values ahead = loadBatch(e.number(0), e.number(0), linear.slices());
    MadeRowsPlaces places(*spec.made, linear, spec.sumsBytes());
    RowPrologue prologue(e, *spec.made, places, shared, ofRows);
    prologue.run(results.count);
    results.scales = prologue.scales(), results.zeros = prologue.numbers();
    e.barrier();
    return addSlices(e.number(0), linear.slices(), ahead, sums);
  }

  Values addAll(const Values &sums) {
    return addPieces(e, linear.slices(), spec.pieceSlices(), sums,
                     [&](Value first, int64_t count, const Values &before) { return addPiece(first, count, before); });
  }
  // A piece of `count` slices from `first` on: its rows are brought to shared memory, then slice after slice is added.
  Values addPiece(Value first, int64_t count, const Values &sums) {
    e.barrier(); // who is behind may still read the piece before
    copyRows(first, count);
    Values ahead = loadBatch(first, e.number(0), count);
    e.closeCopies();
    e.waitForCopies();
    e.barrier();
    return addSlices(first, count, ahead, sums);
  }
  // `ahead`: the weights of the first batch.
  Values addSlices(Value first, int64_t count, const Values &ahead, Values sums) {
    if (!asksAhead())
      return takeSlices(first, count, sums);
    sums = addBatch(ahead, e.number(0), count, sums);
    int64_t step = kWarps * spec.together, whole = count / step;
    sums = e.loop(e.number(1), e.number(whole), 1, sums, [&](Value i, const Values &carried) {
      Value begin = e.mul(i, step);
      return addBatch(loadBatch(first, begin, whole * step), begin, whole * step, carried);
    });
    if (whole >= 1 && count % step) {
      Value begin = e.number(whole * step);
      sums = addBatch(loadBatch(first, begin, count), begin, count, sums);
    }
    return sums;
  }
  // Sums of f32 leave no room for words that wait in registers, too: from a ring slices are taken one by one.
  bool asksAhead() const { return linear.format != WeightFormat::F32 || !e.sliceSource(); }
  Values takeSlices(Value first, int64_t count, const Values &sums) {
    return e.loop(warp, e.number(count), kWarps, sums, [&](Value slice, const Values &so) {
      return addSlice(e.loadSlice(tileWeights, e.add(first, slice)), e.mul(slice, 32), so);
    });
  }
  /// Of a row in shared memory. In the place of rows that are not made stands the last one: nobody stores what it
  /// gives.
  Value rowOffset(Value row) {
    return e.mul(spec.made ? e.min(row, e.sub(results.count, e.number(1))) : row, spec.pieceStride());
  }

  // What a warp does at once: slices begin + warp, + 8, + 16, ..., as far as they are below `count`. All lanes of a
  // warp agree on that.
  Values inBatch(Value begin, int64_t count, int64_t u, const Values &otherwise,
                 const std::function<Values(Value)> &body) {
    Value slice = e.add(e.add(begin, warp), kWarps * u);
    bool isWhole = count % (kWarps * spec.together) == 0;
    return isWhole ? body(slice) : e.ifThen(e.less(slice, e.number(count)), otherwise, [&] { return body(slice); });
  }
  Values loadBatch(Value first, Value begin, int64_t count) {
    Values words;
    if (!asksAhead())
      return words;
    for (int64_t u = 0; u < spec.together; ++u)
      llvm::append_range(words, inBatch(begin, count, u, Values(4, e.number(0)),
                                        [&](Value slice) { return e.loadSlice(tileWeights, e.add(first, slice)); }));
    return words;
  }
  Values addBatch(const Values &words, Value begin, int64_t count, Values sums) {
    for (int64_t u = 0; u < spec.together; ++u) {
      Values weights(ArrayRef(words).slice(static_cast<size_t>(4 * u), 4));
      sums = inBatch(begin, count, u, sums, [&](Value slice) { return addSlice(weights, e.mul(slice, 32), sums); });
    }
    return sums;
  }

  void copyRows(Value first, int64_t count) {
    copyPiece(e, {ofRows[0], firstRow(), results.count, linear.rowBytes(), shared, spec.rows, spec.pieceStride()},
              first, count, kThreads);
  }
  Value firstRow() { return e.mul(e.blockY(), spec.rows); }
};

/// s8 and bf16: 8 rows are the columns of an operand.
class OperandEmitter : public DecodeEmitter {
public:
  using DecodeEmitter::DecodeEmitter;

private:
  int64_t groups() const { return spec.rows / 8; }
  Value zero() { return linear.isInteger() ? e.number(0) : e.floatOf(0); }
  Values startSums() override { return Values(static_cast<size_t>(4 * groups()), zero()); }

  Values addSlice(const Values &weights, Value offset, const Values &sums) override {
    Value own = e.add(offset, e.mul(e.bitAnd(lane, 3), 4));
    Values result;
    for (int64_t group = 0; group < groups(); ++group) {
      Value row = e.add(e.shr(lane, 2), 8 * group);
      Value from = e.at(shared, e.add(rowOffset(row), own));
      Values rows = {e.load(e.i32(), from), e.load(e.i32(), e.at(from, 16))};
      Values part(ArrayRef(sums).slice(static_cast<size_t>(4 * group), 4));
      llvm::append_range(result, linear.isInteger() ? e.mmaS8U8(weights, rows, part) : e.mmaBf16(weights, rows, part));
    }
    return result;
  }

  // Each group of rows is finished by a warp of its own.
  void finish(const Values &sums) override {
    e.barrier();
    for (int64_t group = 0; group < groups(); ++group)
      e.storeFour(Values(ArrayRef(sums).slice(static_cast<size_t>(4 * group), 4)),
                  e.at(shared, e.mul(e.add(e.mul(e.add(e.mul(warp, groups()), group), kWarpLanes), lane), 16)));
    e.barrier();
    e.ifThen(e.less(warp, e.number(groups())), [&] { finishGroup(warp); });
  }

  void finishGroup(Value group) {
    Values sums(4, zero());
    for (int64_t w = 0; w < kWarps; ++w) {
      Value place = e.mul(e.add(e.mul(e.add(group, groups() * w), kWarpLanes), lane), 16);
      for (auto [sum, part] : llvm::zip_equal(sums, e.loadFour(sums[0].getType(), e.at(shared, place))))
        sum = e.add(sum, part);
    }
    results.putOperands(sums, results.ofTile(tile), e.add(firstRow(), e.mul(group, 8)));
  }
};

/// f32: a lane multiplies one input of eight with four outputs, for each row.
class FloatEmitter : public DecodeEmitter {
public:
  using DecodeEmitter::DecodeEmitter;

private:
  int64_t rowCount() const { return spec.made ? spec.made->most : spec.rows; }
  Values startSums() override { return Values(static_cast<size_t>(4 * rowCount()), e.floatOf(0)); }

  Values addSlice(const Values &weights, Value offset, const Values &sums) override {
    Value own = e.add(offset, e.mul(e.shr(lane, 2), 4));
    Values result;
    for (int64_t row = 0; row < rowCount(); ++row) {
      Value x = e.load(e.f32(), e.at(shared, spec.made ? e.add(own, rowOffset(e.number(row)))
                                                       : e.add(own, row * spec.pieceStride())));
      for (size_t i = 0; i < 4; ++i) {
        Value weight = arith::BitcastOp::create(e.b, e.loc, e.f32(), weights[i]);
        result.push_back(e.fma(x, weight, sums[static_cast<size_t>(4 * row) + i]));
      }
    }
    return result;
  }

  // The eight inputs of a slice meet by shuffles, the warps in shared memory; then each of 128 threads finishes one.
  void finish(const Values &sums) override {
    Values whole = sums;
    for (Value &sum : whole)
      sum = e.acrossLanes(sum, {4, 8, 16}, [&](Value a, Value c) { return e.add(a, c); });
    e.barrier();
    e.ifThen(e.less(lane, e.number(4)), [&] {
      for (int64_t row = 0; row < rowCount(); ++row)
        e.storeFour(Values(ArrayRef(whole).slice(static_cast<size_t>(4 * row), 4)),
                    e.at(shared, e.mul(e.add(e.mul(e.add(e.mul(warp, e.number(rowCount())), row), 4), lane), 16)));
    });
    e.barrier();
    e.ifThen(e.less(thread, e.number(LinearSpec::kTile * rowCount())), [&] {
      Value sum = e.floatOf(0);
      for (int64_t w = 0; w < kWarps; ++w)
        sum = e.add(sum, e.load(e.f32(), e.at(shared, e.mul(e.add(thread, w * LinearSpec::kTile * rowCount()), 4))));
      results.put(sum, e.add(firstRow(), e.div(thread, LinearSpec::kTile)),
                  e.add(e.mul(tile, LinearSpec::kTile), e.rem(thread, LinearSpec::kTile)));
    });
  }
};

/// The usual one goes without saying.
std::string aheadName(const LinearDecodeSpec &spec) {
  return spec.together == LinearDecodeSpec::kTogether ? "" : "_ahead" + std::to_string(spec.together);
}

std::string nameOf(const LinearDecodeSpec &spec, const Target &target) {
  return "linear_" + wordOf(spec.linear) + besideName(spec.beside) + "_rows" + std::to_string(spec.rows) +
         madeName(spec.made) + aheadName(spec) + (spec.marked ? "_marked_" : "_") + target.chip;
}

} // namespace

SmallVector<ArgumentKind> decodeArguments(const LinearDecodeSpec &spec) {
  size_t matrices = 1 + spec.beside.size();
  auto kinds =
      spec.made ? linearArguments(rowArguments(spec.made->rows), matrices) : linearArguments(spec.linear, matrices);
  if (spec.marked)
    kinds.push_back(ArgumentKind::Memory);
  return kinds;
}

std::string linearDecodeKernel(KernelLibrary &kernels, const LinearDecodeSpec &spec) {
  [[maybe_unused]] WeightFormat format = spec.linear.format;
  assert((spec.together == LinearDecodeSpec::kTogether || format == WeightFormat::S8Rows ||
          format == WeightFormat::Bf16 || format == WeightFormat::F32) &&
         "others have a number of their own");
  if (spec.linear.isGrouped())
    return groupedDecodeKernel(kernels, {spec.linear, spec.rows, spec.beside, spec.made, spec.marked});
  if (spec.linear.isCodebook())
    return codebookDecodeKernel(kernels, {spec.linear});
  if (spec.linear.isBlocks())
    return sparseDecodeKernel(kernels, {spec.linear, spec.rows});
  // 64 registers a thread for four blocks; sums of f32 and of many rows need more (ptxas spills them with four).
  bool isFloat = spec.linear.format == WeightFormat::F32;
  bool isLarge = spec.rows > 16 || spec.together > LinearDecodeSpec::kTogether;
  KernelShape shape = {kThreads, /*leastBlocks=*/isLarge ? 2 : isFloat ? 3 : 4, spec.sharedBytes()};
  return kernels.define(
      nameOf(spec, kernels.getTarget()), shape, decodeArguments(spec),
      [=](Emitter &e, ValueRange a) {
        ValueRange arguments = spec.marked ? a.drop_back() : a;
        Value marks = spec.marked ? a.back() : Value();
        if (spec.linear.format == WeightFormat::F32)
          FloatEmitter(e, spec, arguments, marks).run();
        else
          OperandEmitter(e, spec, arguments, marks).run();
      },
      // What is marked is not known ahead.
      spec.marked ? WeightStream() : weightStream(spec.linear, spec.beside));
}

} // namespace lmopt::nvptx
