// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See CodebookDecode.h.
#include "codegen/ptx/linear/CodebookDecode.h"

#include "codegen/ptx/linear/LinearResults.h"
#include "codegen/ptx/linear/Pieces.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kWarps = CodebookDecodeSpec::kWarps, kThreads = kWarps * kWarpLanes;
constexpr int64_t kTogether = CodebookDecodeSpec::kTogether, kRows = CodebookDecodeSpec::kRows;
constexpr int64_t kSlice = LinearSpec::kSlice;

class CodebookEmitter {
public:
  CodebookEmitter(Emitter &e, const CodebookDecodeSpec &spec, ValueRange a)
      : e(e), spec(spec), linear(spec.linear), rows(a[1]), table(e.shared()),
        staged(e.at(table, CodebookDecodeSpec::kTableBytes)), thread(e.thread()), lane(e.lane()), warp(e.warp()),
        tile(e.block()), tileWeights(e.at(e.atElement(a[0], tile, linear.slices() * kSlice), e.mul(lane, 16))),
        results(LinearResults::of(e, linear, {e, {linear}, tile}, a)) {}

  void run() {
    copyTable();
    Values sums(4 * kRows, e.floatOf(0));
    finish(addPieces(e, linear.slices(), spec.pieceSlices(), sums,
                     [&](Value first, int64_t count, const Values &before) { return addPiece(first, count, before); }));
  }

private:
  Emitter &e;
  const CodebookDecodeSpec &spec;
  const LinearSpec &linear;
  Value rows, table, staged, thread, lane, warp, tile, tileWeights;
  LinearResults results;

  Value firstRow() { return e.mul(e.blockY(), kRows); }
  Value input() { return e.shr(lane, 2); } ///< of a lane, of eight

  void copyTable() {
    Value entries = e.at(results.weights, linear.tableOffset());
    e.loop(thread, e.number(CodebookDecodeSpec::kTableBytes / 16), kThreads,
           [&](Value i) { e.copyAsync(e.at(table, e.mul(i, 16)), e.at(entries, e.mul(i, 16)), e.number(16)); });
  }

  // A piece of `count` slices from `first` on: at most four a warp, which it asks for at once; from a ring it takes
  // them one by one.
  Values addPiece(Value first, int64_t count, Values sums) {
    e.barrier(); // who is behind may still read the piece before
    copyRows(first, count);
    e.closeCopies();
    SmallVector<Values> words;
    for (int64_t u = 0; u < kTogether && !e.sliceSource(); ++u)
      words.push_back(ifThere(u, count, Values(4, e.number(0)),
                              [&](Value slice) { return e.loadSlice(tileWeights, e.add(first, slice)); }));
    e.waitForCopies();
    e.barrier();
    if (e.sliceSource())
      return e.loop(warp, e.number(count), kWarps, sums, [&](Value slice, const Values &so) {
        return addSlice(e.loadSlice(tileWeights, e.add(first, slice)), slice, so);
      });
    for (int64_t u = 0; u < kTogether; ++u)
      sums = ifThere(u, count, sums, [&](Value slice) { return addSlice(words[static_cast<size_t>(u)], slice, sums); });
    return sums;
  }
  /// All lanes of a warp agree.
  Values ifThere(int64_t u, int64_t count, const Values &otherwise, const std::function<Values(Value)> &body) {
    Value slice = e.add(warp, kWarps * u);
    if (kWarps * (u + 1) <= count)
      return body(slice);
    return e.ifThen(e.less(slice, e.number(count)), otherwise, [&] { return body(slice); });
  }

  // Sixteen bytes a thread and turn; rows, and inputs, that there are not are zero.
  void copyRows(Value first, int64_t count) {
    int64_t chunks = spec.sliceBytes() * count / 16;
    e.loop(thread, e.number(kRows * chunks), kThreads, [&](Value i) {
      Value row = e.div(i, chunks), chunk = e.rem(i, chunks), own = e.add(firstRow(), row);
      Value place = e.add(e.mul(first, spec.sliceBytes()), e.mul(chunk, 16));
      Value isThere = e.bitAnd(e.less(own, results.count), e.less(place, e.number(linear.rowBytes())));
      Value from = e.atElement(rows, e.select(isThere, own, e.number(0)), linear.rowBytes());
      from = e.at(from, e.select(isThere, place, e.number(0)));
      Value to = e.at(staged, e.add(e.mul(row, spec.pieceStride()), e.mul(chunk, 16)));
      e.copyAsync(to, from, e.select(isThere, e.number(16), e.number(0)));
    });
  }

  // Word j has numbers of input 8 j + lane / 4 for four outputs.
  Values addSlice(const Values &words, Value slice, Values sums) {
    Value own = e.at(staged, e.add(e.mul(slice, spec.sliceBytes()), e.mul(input(), 4)));
    for (auto [j, word] : llvm::enumerate(words)) {
      Values weights;
      for (int64_t i = 0; i < 4; ++i)
        weights.push_back(e.load(e.f32(), e.at(table, e.mul(e.bitAnd(i ? e.shr(word, 8 * i) : word, 255), 4))));
      for (int64_t row = 0; row < kRows; ++row) {
        Value x = e.load(e.f32(), e.at(own, row * spec.pieceStride() + 32 * static_cast<int64_t>(j)));
        for (int64_t i = 0; i < 4; ++i) {
          Value &sum = sums[static_cast<size_t>(4 * row + i)];
          sum = e.fma(x, weights[static_cast<size_t>(i)], sum);
        }
      }
    }
    return sums;
  }

  void finish(Values sums) {
    for (Value &sum : sums)
      sum = e.acrossLanes(sum, {4, 8, 16}, [&](Value a, Value c) { return e.add(a, c); });
    e.barrier();
    e.ifThen(e.less(lane, e.number(4)), [&] {
      for (int64_t row = 0; row < kRows; ++row)
        e.storeFour(Values(ArrayRef(sums).slice(static_cast<size_t>(4 * row), 4)),
                    e.at(staged, e.mul(e.add(e.mul(e.add(e.mul(warp, kRows), row), 4), lane), 16)));
    });
    e.barrier();
    e.ifThen(e.less(thread, e.number(LinearSpec::kTile * kRows)), [&] {
      Value sum = e.floatOf(0);
      for (int64_t w = 0; w < kWarps; ++w)
        sum = e.add(sum, e.load(e.f32(), e.at(staged, e.mul(e.add(thread, w * LinearSpec::kTile * kRows), 4))));
      Value output = e.add(e.mul(tile, LinearSpec::kTile), e.rem(thread, LinearSpec::kTile));
      Value scale = results.loadOf(e.f32(), &LinearSpec::scaleOffset, output);
      results.put(e.mul(sum, scale), e.add(firstRow(), e.div(thread, LinearSpec::kTile)), output);
    });
  }
};

} // namespace

std::string codebookDecodeKernel(KernelLibrary &kernels, const CodebookDecodeSpec &spec) {
  std::string name = "linear_" + wordOf(spec.linear) + "_rows8_" + kernels.getTarget().chip;
  return kernels.define(
      name, {kThreads, /*leastBlocks=*/3, spec.sharedBytes()}, linearArguments(spec.linear),
      [=](Emitter &e, ValueRange a) { CodebookEmitter(e, spec, a).run(); }, weightStream(spec.linear, {}));
}

} // namespace lmopt::nvptx
