// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See AttendTile.h. Operands of products are those of mma.m16n8k16: of a lane 4 g + t, sums are the numbers (g, 2 t),
// (g, 2 t + 1), (g + 8, 2 t), (g + 8, 2 t + 1) of 16 queries x 8 positions or numbers of a head. Two neighbouring such
// pieces of weights, rounded, are the left operand of the second product as they lie.
#include "codegen/ptx/attention/AttendTile.h"
#include "codegen/ptx/attention/CacheAccess.h"
#include "codegen/ptx/attention/OnlineSoftmax.h"

#include "codegen/Functions.h"
#include "codegen/ptx/Rows.h"

#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kThreads = 128, kBlock = AttentionSpec::kBlock, kRows = kTileRows;
/// Rows or positions of a matrix product's operand, and numbers of a lane in two neighbouring pieces of 8 positions.
constexpr int64_t kDepth = 16, kOfPair = 8;

/// Places in shared memory, in bytes: rows of bf16, an odd number of 16 bytes apart, so that eight neighbours lie in
/// different banks.
struct SharedPlaces {
  int64_t stride, queries, keys, values, end;

  explicit SharedPlaces(const AttentionSpec &spec)
      : stride(16 * (spec.width / 8 | 1)), queries(0), keys(kRows * stride), values(keys + kBlock * stride),
        end(values + kBlock * stride) {}
};

/// What a lane carries from block to block: sums of its numbers of the results, then of its two rows the greatest score
/// and its share of the sum of weights.
struct Carried {
  Values numbers, greatest, sums;

  Carried(const Values &all)
      : numbers(all.begin(), all.end() - 4), greatest(all.end() - 4, all.end() - 2), sums(all.end() - 2, all.end()) {}
  Values all() const {
    Values result = numbers;
    result.append(greatest);
    result.append(sums);
    return result;
  }
};

class TileEmitter {
public:
  TileEmitter(Emitter &e, const AttentionSpec &spec, ValueRange a)
      : e(e), spec(spec), places(spec), a(a), shared(e.shared()), thread(e.thread()), head(e.blockY()),
        tile(e.mul(e.block(), kRows)) {
    Value segment = e.atElement(a[3], e.blockZ(), sizeof(lmopt_device_segment_t));
    first = e.load(e.i32(), e.at(segment, offsetof(lmopt_device_segment_t, first)));
    rows = e.load(e.i32(), e.at(segment, offsetof(lmopt_device_segment_t, rows)));
  }

  void run() {
    e.ifThen(e.less(tile, rows), [&] {
      DeviceRow row(e, a[2], first);
      LayerCache layer(e, spec, row.cache(), a[5], a[6]);
      cache = &layer;
      rope = row.rope(), start = e.add(row.position(), tile);
      end = e.add(start, e.min(e.number(kRows), e.sub(rows, tile)));
      attend();
    });
  }

private:
  Emitter &e;
  const AttentionSpec &spec;
  SharedPlaces places;
  ValueRange a;
  Value shared, thread, head, tile, first, rows; ///< rows of the segment; `tile` is the block's first of them
  LayerCache *cache = nullptr;
  Value rope, start, end; ///< position of the block's first row, and behind its last

  Value place(int64_t offset, Value number, int64_t bytes) { return e.at(e.at(shared, offset), e.mul(number, bytes)); }
  Value lanePair() { return e.mul(e.bitAnd(e.lane(), 3), 2); } // 2 t
  /// Of the block's rows the lane's first one; the other is 8 further.
  Value laneRow() { return e.add(e.mul(e.warp(), kDepth), e.shr(e.lane(), 2)); }

  void attend() {
    loadQueries();
    copyKeys(e.number(0));
    copyValues(e.number(0));
    Values carried(static_cast<size_t>(spec.width / 2 + 4), e.floatOf(0));
    carried[carried.size() - 4] = carried[carried.size() - 3] = e.floatOf(-INFINITY);
    Value blocks = e.shr(e.add(end, kBlock - 1), 6);
    carried = e.loop(e.number(0), blocks, 1, carried,
                     [&](Value block, const Values &so) { return addBlock(block, Carried(so)).all(); });
    e.waitForCopies();
    store(carried);
  }

  Carried addBlock(Value block, const Carried &carried) {
    Value next = e.add(block, 1);
    e.waitForCopies(/*pending=*/1); // the keys
    e.barrier();
    Values scores = masked(block, scoresOf());
    e.barrier();
    copyKeys(next);
    Carried result = weigh(scores, carried);
    e.waitForCopies(/*pending=*/1); // the values
    e.barrier();
    addValues(scores, result.numbers);
    e.barrier();
    copyValues(next);
    return result;
  }

  //===--- To shared memory ---===//

  // Rows beyond the segment are its last one once more; what comes of them is not stored.
  void loadQueries() {
    e.loop(thread, e.number(kRows * spec.width), kThreads, [&](Value i) {
      Value number = e.div(i, spec.width), column = e.rem(i, spec.width);
      Value row = e.min(e.add(tile, number), e.add(rows, -1));
      Value from =
          e.at(e.atElement(a[0], e.add(first, row), rowBytes(spec.heads * spec.width, 4)), e.mul(head, 4 * spec.width));
      Value angles = anglesAt(e, spec, a[1], e.add(start, e.sub(row, tile)), rope);
      Value bits = e.shr(e.roundedToBf16(turned(e, spec, from, column, angles)), 16);
      e.store(e.narrow(bits, 16), e.at(place(places.queries, number, places.stride), e.mul(column, 2)), 2);
    });
  }

  Value kvHead() { return e.div(head, spec.group()); }
  void copyKeys(Value block) {
    copyBlock(block, places.keys, [&] { return cache->keys(block, kvHead()); });
  }
  void copyValues(Value block) {
    copyBlock(block, places.values, [&] { return cache->values(block, kvHead()); });
  }
  // Positions that no row of the block sees are zero. Behind the last block comes an empty group: waits count groups.
  void copyBlock(Value block, int64_t to, const std::function<Value()> &source) {
    int64_t chunks = spec.width / 8;
    Value begin = e.mul(block, kBlock);
    e.ifThen(e.less(begin, end), [&] {
      Value from = source();
      e.loop(thread, e.number(kBlock * chunks), kThreads, [&](Value i) {
        Value position = e.div(i, chunks), offset = e.mul(e.rem(i, chunks), 16);
        e.copyAsync(e.at(place(to, position, places.stride), offset), e.at(from, e.mul(i, 16)),
                    e.select(e.less(e.add(begin, position), end), e.number(16), e.number(0)));
      });
    });
    e.closeCopies();
  }

  //===--- Scores: 16 queries x 64 positions a warp ---===//

  /// Of the left operand, whose rows lie from there on, and of a transposed right one, the row of a lane.
  Value leftRow(Value from) {
    return e.at(e.at(from, e.mul(e.bitAnd(e.lane(), 15), places.stride)), e.mul(e.shr(e.lane(), 4), 16));
  }
  /// Of a right operand: positions 0 .. 7, both halves of its depth, then 8 .. 15.
  Value rightRow(Value from) {
    Value row = e.add(e.bitAnd(e.lane(), 7), e.mul(e.shr(e.lane(), 4), 8));
    return e.at(e.at(from, e.mul(row, places.stride)), e.mul(e.bitAnd(e.shr(e.lane(), 3), 1), 16));
  }
  /// Two neighbouring pieces of a product, from `at` of the sums on.
  void multiply(const Values &left, const Values &right, Values &sums, size_t at) {
    for (size_t piece = 0; piece < 2; ++piece) {
      Values four(ArrayRef(sums).slice(at + 4 * piece, 4));
      llvm::copy(e.mmaBf16(left, {right[2 * piece], right[2 * piece + 1]}, four), sums.begin() + at + 4 * piece);
    }
  }

  Values scoresOf() {
    Value queries = leftRow(place(places.queries, e.warp(), kDepth * places.stride));
    Value keys = rightRow(e.at(shared, places.keys));
    return e.loop(e.number(0), e.number(2 * spec.width), 2 * kDepth,
                  Values(static_cast<size_t>(kBlock / 2), e.floatOf(0)), [&](Value offset, const Values &carried) {
                    Values sums = carried, left = e.loadMatrices(e.at(queries, offset));
                    for (int64_t i = 0; i < kBlock / kDepth; ++i) {
                      Values right = e.loadMatrices(e.at(e.at(keys, i * kDepth * places.stride), offset));
                      multiply(left, right, sums, static_cast<size_t>(i * kOfPair));
                    }
                    return sums;
                  });
  }
  // Times log2 e; -infinity behind the row's own position. Most blocks lie before all rows of the tile.
  Values masked(Value block, const Values &products) {
    Values scores(
        llvm::map_range(products, [&](Value x) { return e.mul(x, e.floatOf(spec.scale * OnlineSoftmax::kLog2OfE)); }));
    Value begin = e.mul(block, kBlock);
    return e.ifThen(e.less(start, e.add(begin, kBlock)), scores, [&] {
      Values result;
      for (auto [i, score] : llvm::enumerate(scores)) {
        auto number = static_cast<int64_t>(i);
        Value position = e.add(e.add(begin, lanePair()), number / 4 * 8 + number % 2);
        Value own = e.add(e.add(start, laneRow()), number % 4 / 2 * 8);
        result.push_back(e.select(e.less(own, position), e.floatOf(-INFINITY), score));
      }
      return result;
    });
  }

  //===--- Weights, and the second product ---===//

  /// Scores become weights; the sums so far shrink.
  Carried weigh(Values &scores, const Carried &before) {
    Carried result = before;
    for (size_t half = 0; half < 2; ++half) {
      Value greatest = before.greatest[half], own = scores[2 * half];
      forRow(scores, half, [&](Value &score) { own = e.max(own, score); });
      own = e.acrossLanes(own, {1, 2}, [&](Value x, Value y) { return e.max(x, y); });
      result.greatest[half] = e.max(own, greatest);
      Value factor = functions::exp2(e, e.sub(greatest, result.greatest[half]), false);
      Value sum = e.mul(before.sums[half], factor);
      forRow(scores, half, [&](Value &score) {
        score = functions::exp2(e, e.sub(score, result.greatest[half]), true);
        sum = e.add(sum, score);
      });
      result.sums[half] = sum;
      forRow(result.numbers, half, [&](Value &number) { number = e.mul(number, factor); });
    }
    return result;
  }
  static void forRow(Values &numbers, size_t half, llvm::function_ref<void(Value &)> body) {
    for (size_t i = 2 * half; i < numbers.size(); i += 4)
      body(numbers[i]), body(numbers[i + 1]);
  }

  void addValues(const Values &weights, Values &numbers) {
    Value values = leftRow(e.at(shared, places.values));
    for (int64_t step = 0; step < kBlock / kDepth; ++step) {
      Values left;
      for (size_t i = static_cast<size_t>(step * kOfPair), end = i + kOfPair; i < end; i += 2)
        left.push_back(e.packBf16(weights[i], weights[i + 1]));
      for (int64_t i = 0; i < spec.width / kDepth; ++i) {
        Value from = e.at(values, step * kDepth * places.stride + i * 2 * kDepth);
        multiply(left, e.loadMatrices(from, /*isTransposed=*/true), numbers, static_cast<size_t>(i * kOfPair));
      }
    }
  }

  void store(const Carried &carried) {
    for (size_t half = 0; half < 2; ++half) {
      Value sum = e.acrossLanes(carried.sums[half], {1, 2}, [&](Value x, Value y) { return e.add(x, y); });
      Value factor = e.div(e.floatOf(1), sum), row = e.add(e.add(tile, laneRow()), static_cast<int64_t>(8 * half));
      e.ifThen(e.less(row, rows), [&] {
        Value to = e.at(e.atElement(a[4], e.add(first, row), rowBytes(spec.heads * spec.width, 4)),
                        e.mul(e.add(e.mul(head, spec.width), lanePair()), 4));
        for (int64_t i = 0; i < spec.width / 8; ++i) {
          auto at = static_cast<size_t>(4 * i) + 2 * half;
          e.storeRun({e.mul(carried.numbers[at], factor), e.mul(carried.numbers[at + 1], factor)}, e.at(to, 32 * i));
        }
      });
    }
  }
};

} // namespace

bool canAttendTile(const AttentionSpec &spec) {
  return spec.format == CacheFormat::Bf16 && spec.width % kDepth == 0 && spec.width <= 128;
}

std::string attendTileKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  using Kind = ArgumentKind;
  std::string name = "attend_tile_" + cacheName(spec) + "_h" + std::to_string(spec.heads) + turnName(spec) + "_x" +
                     std::to_string(llvm::bit_cast<uint32_t>(spec.scale)) + "_" + kernels.getTarget().chip;
  return kernels.define(
      name, {kThreads, /*leastBlocks=*/spec.width <= 64 ? 4 : 2, SharedPlaces(spec).end},
      {Kind::Memory, Kind::Constant, Kind::Memory, Kind::Memory, Kind::Memory, Kind::Number, Kind::Number},
      [&](Emitter &e, ValueRange a) { TileEmitter(e, spec, a).run(); });
}

} // namespace lmopt::nvptx
