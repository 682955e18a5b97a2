// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See AttendSegments.h.
#include "codegen/ptx/attention/AttendSegments.h"
#include "codegen/ptx/attention/OnlineSoftmax.h"

#include "codegen/ptx/Rows.h"

#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kThreads = AttentionSpec::kThreads, kBlock = OnlineSoftmax::kBlock, kRows = kSegmentRows;
/// Threads that have the same position of a block share its queries.
constexpr int64_t kQuarters = kThreads / kBlock, kRowsOfThread = kRows / kQuarters;

/// Places in shared memory, in bytes: rows of the same width, 16 bytes apart, so that eight neighbours lie in different
/// banks.
struct SharedPlaces {
  int64_t stride, queries, softmax, keys, values, end;

  explicit SharedPlaces(const AttentionSpec &spec)
      : stride(16 * (spec.width / 4 | 1)), queries(0), softmax(queries + kRows * stride),
        keys(softmax + OnlineSoftmax::bytes(kRows)), values(keys + kBlock * stride), end(values + kBlock * stride) {}
};

class SegmentsEmitter {
public:
  SegmentsEmitter(Emitter &e, const AttentionSpec &spec, ValueRange a)
      : e(e), spec(spec), places(spec), softmax(e, kRows, places.softmax, kThreads), a(a), shared(e.shared()),
        thread(e.thread()), head(e.blockY()), tile(e.mul(e.block(), kRows)) {
    Value segment = e.atElement(a[3], e.blockZ(), sizeof(lmopt_device_segment_t));
    first = e.load(e.i32(), e.at(segment, offsetof(lmopt_device_segment_t, first)));
    rows = e.load(e.i32(), e.at(segment, offsetof(lmopt_device_segment_t, rows)));
  }

  void run() {
    e.ifThen(e.less(tile, rows), [&] { attend(); });
  }

private:
  Emitter &e;
  const AttentionSpec &spec;
  SharedPlaces places;
  OnlineSoftmax softmax;
  ValueRange a;
  Value shared, thread, head, tile, first, rows; ///< rows of the segment; `tile` is the block's first of them

  Value place(int64_t offset, Value number, int64_t bytes) { return e.at(e.at(shared, offset), e.mul(number, bytes)); }

  //===--- Rows to shared memory ---===//

  /// A head of all rows of an argument.
  struct HeadRows {
    Value base;
    int64_t bytes; ///< from row to row
  };
  HeadRows ofHead(Value rows, int64_t heads, Value head) {
    return {e.at(rows, e.mul(head, 4 * spec.width)), rowBytes(heads * spec.width, 4)};
  }
  HeadRows ofKvHead(Value rows) { return ofHead(rows, spec.kvHeads, e.div(head, spec.group())); }

  // So many rows of the segment; beyond it they are zero.
  void copyRows(HeadRows from, Value begin, int64_t count, int64_t to) {
    int64_t chunks = spec.width / 4;
    e.loop(thread, e.number(count * chunks), kThreads, [&](Value i) {
      Value number = e.div(i, chunks), offset = e.mul(e.rem(i, chunks), 16), row = e.add(begin, number);
      e.copyAsync(e.at(place(to, number, places.stride), offset),
                  e.at(e.atElement(from.base, e.add(first, row), from.bytes), offset),
                  e.select(e.less(row, rows), e.number(16), e.number(0)));
    });
  }
  void copyKeys(Value block) { copyBlock(a[1], block, places.keys); }
  void copyValues(Value block) { copyBlock(a[2], block, places.values); }
  // Beyond the segment there is an empty group: waits count groups.
  void copyBlock(Value from, Value block, int64_t to) {
    e.ifThen(e.less(block, rows), [&] { copyRows(ofKvHead(from), block, kBlock, to); });
    e.closeCopies();
  }

  void attend() {
    softmax.start();
    copyRows(ofHead(a[0], spec.heads, head), tile, kRows, places.queries);
    copyKeys(e.number(0));
    copyValues(e.number(0));
    Values sums(static_cast<size_t>(rowsOfGroup()), e.floatOf(0));
    sums = e.loop(e.number(0), rows, kBlock, sums,
                  [&](Value block, const Values &carried) { return addBlock(block, carried); });
    e.waitForCopies();
    store(sums);
  }

  Values addBlock(Value block, const Values &sums) {
    Value next = e.add(block, kBlock);
    e.waitForCopies(/*pending=*/1); // the keys
    e.barrier();
    score(block);
    e.barrier();
    copyKeys(next);
    softmax.weigh();
    e.waitForCopies(/*pending=*/1); // the values
    e.barrier();
    Values result = addValues(sums);
    e.barrier();
    copyValues(next);
    return result;
  }

  //===--- Scores ---===//

  // A thread has one position and a quarter of the queries.
  void score(Value block) {
    Value position = e.bitAnd(thread, kBlock - 1), query = e.mul(e.shr(thread, 6), kRowsOfThread);
    Values sums =
        e.loop(e.number(0), e.number(4 * spec.width), 16, Values(static_cast<size_t>(kRowsOfThread), e.floatOf(0)),
               [&](Value offset, const Values &carried) { return products(query, position, offset, carried); });
    Value isSeen = e.less(e.add(block, position), rows);
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Value score = e.mul(sum, e.floatOf(spec.scale * OnlineSoftmax::kLog2OfE));
      e.store(e.select(isSeen, score, e.floatOf(-INFINITY)),
              softmax.weights(e.add(query, static_cast<int64_t>(i)), position));
    }
  }
  Values products(Value query, Value position, Value offset, const Values &sums) {
    Values key = e.loadFour(e.f32(), e.at(place(places.keys, position, places.stride), offset)), result;
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Value from = place(places.queries, e.add(query, static_cast<int64_t>(i)), places.stride);
      result.push_back(dot(e.loadFour(e.f32(), e.at(from, offset)), key, sum));
    }
    return result;
  }

  Value dot(const Values &left, const Values &right, Value sum) {
    for (auto [x, y] : llvm::zip_equal(left, right))
      sum = e.fma(x, y, sum);
    return sum;
  }

  //===--- Weighted sums: a thread has a number of the values, and the rows of its group ---===//

  int64_t groups() const {
    int64_t groups = 1;
    while (2 * groups * spec.width <= kThreads && groups < kRows)
      groups *= 2;
    return groups;
  }
  int64_t rowsOfGroup() const { return kRows / groups(); }
  // Threads beyond the last group do what another one does; it is not stored.
  Value firstRow() { return e.mul(e.rem(e.div(thread, spec.width), groups()), rowsOfGroup()); }
  Value column() { return e.mul(e.rem(thread, spec.width), 4); }

  Values addValues(const Values &sums) {
    Value row = firstRow(), values = e.at(e.at(shared, places.values), column());
    Values shrunk;
    for (auto [i, sum] : llvm::enumerate(sums))
      shrunk.push_back(e.mul(sum, softmax.shrink(e.add(row, static_cast<int64_t>(i)))));
    return e.loop(e.number(0), e.number(kBlock), 4, shrunk, [&](Value position, const Values &carried) {
      Values four, result;
      for (int64_t i = 0; i < 4; ++i)
        four.push_back(e.load(e.f32(), e.at(e.at(values, e.mul(position, places.stride)), i * places.stride)));
      for (auto [i, sum] : llvm::enumerate(carried)) {
        Value weights = softmax.weights(e.add(row, static_cast<int64_t>(i)), position);
        result.push_back(dot(e.loadFour(e.f32(), weights), four, sum));
      }
      return result;
    });
  }

  void store(const Values &sums) {
    Value isInGroups = e.less(thread, e.number(groups() * spec.width));
    HeadRows results = ofHead(a[4], spec.heads, head);
    for (int64_t i = 0; i < rowsOfGroup(); ++i) {
      Value ofTile = e.add(firstRow(), i), row = e.add(tile, ofTile);
      e.ifThen(arith::AndIOp::create(e.b, e.loc, isInGroups, e.less(row, rows)), [&] {
        e.store(e.div(sums[static_cast<size_t>(i)], softmax.sum(ofTile)),
                e.at(e.atElement(results.base, e.add(first, row), results.bytes), column()));
      });
    }
  }
};

} // namespace

std::string attendSegmentsKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  using Kind = ArgumentKind;
  std::string name = "attend_segments_h" + std::to_string(spec.heads) + "_kv" + std::to_string(spec.kvHeads) + "_d" +
                     std::to_string(spec.width) + "_x" + std::to_string(llvm::bit_cast<uint32_t>(spec.scale)) + "_" +
                     kernels.getTarget().chip;
  return kernels.define(name, {kThreads, /*leastBlocks=*/1, SharedPlaces(spec).end},
                        {Kind::Memory, Kind::Memory, Kind::Memory, Kind::Memory, Kind::Memory},
                        [&](Emitter &e, ValueRange a) { SegmentsEmitter(e, spec, a).run(); });
}

} // namespace lmopt::nvptx
