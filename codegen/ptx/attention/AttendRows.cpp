// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The block of threads that attends to a part of a row's positions; see AttendRows.h.
#include "codegen/ptx/attention/AttendRows.h"
#include "codegen/ptx/attention/CacheAccess.h"
#include "codegen/ptx/attention/HeadEncoder.h"
#include "codegen/ptx/attention/OnlineSoftmax.h"

#include "codegen/ptx/Rows.h"

#include "llvm/ADT/bit.h"

#include <algorithm>

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kThreads = AttentionSpec::kThreads, kWarps = kThreads / kWarpLanes, kBlock = AttentionSpec::kBlock;

/// Numbers of the cache in a word of 32 bits.
int64_t numbersInWord(const AttentionSpec &spec) { return 4 / spec.elementBytes(); }

/// Threads share the positions of a block in so many groups, each with a thread for every word of a head.
int64_t groupsOfThreads(const AttentionSpec &spec) {
  int64_t groups = 1, words = spec.valueWidth() / numbersInWord(spec);
  while (2 * groups * words <= kThreads && groups < kBlock)
    groups *= 2;
  return groups;
}

/// Places in shared memory, in bytes. Keys and values lie there as in the cache, rows apart, then the block's scales.
struct SharedPlaces {
  int64_t queries, softmax, keys, values, end;

  explicit SharedPlaces(const AttentionSpec &spec) {
    queries = 0;
    softmax = queries + 4 * spec.group() * spec.width;
    keys = softmax + OnlineSoftmax::bytes(spec.group());
    values = keys + blockBytes(spec, spec.width);
    // Groups of threads meet where keys and values were.
    end = std::max(values + blockBytes(spec, spec.valueWidth()), keys + 4 * groupsOfThreads(spec) * spec.valueWidth());
  }
  /// An odd number of 16 bytes: eight neighbouring rows lie in different banks.
  static int64_t stride(const AttentionSpec &spec, int64_t width) {
    return 16 * (width * spec.elementBytes() / 16 | 1);
  }
  static int64_t scales(const AttentionSpec &spec, int64_t width) { return kBlock * stride(spec, width); }
  static int64_t blockBytes(const AttentionSpec &spec, int64_t width) {
    return scales(spec, width) + (spec.isCodes() ? 16 * kWarpLanes : 0);
  }
};

class AttendEmitter {
public:
  AttendEmitter(Emitter &e, const AttentionSpec &spec, ValueRange a)
      : e(e), spec(spec), a(a), stores(a.size() > 7), places(spec),
        softmax(e, spec.group(), places.softmax, kThreads, isHalves()), parts(a[3]), mostParts(a[4]),
        shared(e.shared()), thread(e.thread()), part(e.block()), kvHead(e.blockY()), number(e.blockZ()),
        row(e, a[2], number), position(row.position()), queries(a[0]),
        angles(anglesAt(e, spec, a[1], position, row.rope())), cache(e, spec, row.cache(), a[5], a[6]),
        firstNew(stores ? e.sub(position, e.sub(number, row.first())) : e.add(position, 1)) {}

  void run() {
    Value begin = e.mul(part, AttentionSpec::kPartBlocks);
    Value end = e.add(e.shr(position, 6), 1);
    e.ifThen(e.less(begin, end), [&] { attend(begin, e.min(end, e.add(begin, AttentionSpec::kPartBlocks))); });
  }

private:
  Emitter &e;
  const AttentionSpec &spec;
  ValueRange a;
  bool stores;
  SharedPlaces places;
  OnlineSoftmax softmax;
  Value parts, mostParts, shared, thread, part, kvHead, number;
  DeviceRow row;
  Value position, queries, angles;
  LayerCache cache;
  Value firstNew; ///< the first position of the sequence that is not in the cache before this step

  int64_t group() const { return spec.group(); }
  /// Where groups differ, the head of a smaller one once more in the place of one that there is not: nothing is written
  /// for it.
  Value presentHead(Value head) {
    return spec.isEven() ? head : e.min(head, e.sub(headsOf(e, spec, kvHead), e.number(1)));
  }
  /// Then queries and weights are rounded, too, as by the tile that attends for prompts and by CPUs.
  bool isHalves() const { return spec.format == CacheFormat::Bf16; }
  Value place(int64_t offset, Value number, int64_t bytes = 4) {
    return e.at(e.at(shared, offset), e.mul(number, bytes));
  }
  Value isSeen(Value block, Value inBlock) { // whether this row sees a position
    return e.less(e.add(e.mul(block, kBlock), inBlock), e.add(position, 1));
  }

  void attend(Value begin, Value end) {
    loadQueries();
    softmax.start();
    copyKeys(begin);
    e.closeCopies();
    copyValues(begin);
    e.closeCopies();
    Values sums(static_cast<size_t>(group() * numbersInWord(spec)), e.floatOf(0));
    sums =
        e.loop(begin, end, 1, sums, [&](Value block, const Values &carried) { return addBlock(block, end, carried); });
    e.waitForCopies();
    writePart(sums);
  }

  void loadQueries() {
    Value from = e.at(e.atElement(queries, number, rowBytes(spec.heads * spec.width, 4)),
                      e.mul(firstHeadOf(e, spec, kvHead), 4 * spec.width));
    e.loop(thread, e.number(group() * spec.width), kThreads, [&](Value i) {
      Value head = e.at(from, e.mul(presentHead(e.div(i, spec.width)), 4 * spec.width));
      Value query = turned(e, spec, head, e.rem(i, spec.width), angles);
      e.store(isHalves() ? e.asBf16(query) : query, place(places.queries, i));
    });
  }

  //===--- Blocks of the cache to shared memory ---===//

  void copyKeys(Value block) {
    copyBlock(cache.keys(block, kvHead), block, places.keys, spec.width);
    if (stores)
      makeBlock(/*isKeys=*/true, block, places.keys);
  }
  void copyValues(Value block) {
    copyBlock(cache.values(block, kvHead), block, places.values, spec.valueWidth());
    if (stores)
      makeBlock(/*isKeys=*/false, block, places.values);
  }
  Value isKept(Value block, Value inBlock) { return e.less(e.add(e.mul(block, kBlock), inBlock), firstNew); }
  // Positions behind the row's own are zero: nothing may be there yet, and zero weights need finite values.
  void copyBlock(Value from, Value block, int64_t to, int64_t width) {
    int64_t chunks = width * spec.elementBytes() / 16;
    if (spec.isCodes())
      copyScales(e.at(from, kBlock * width), block, to + SharedPlaces::scales(spec, width));
    e.loop(thread, e.number(kBlock * chunks), kThreads, [&](Value i) {
      Value inBlock = e.div(i, chunks), chunk = e.rem(i, chunks), kept = isKept(block, inBlock);
      auto copy = [&] {
        Value row = place(to, inBlock, SharedPlaces::stride(spec, width));
        e.copyAsync(e.at(row, e.mul(chunk, 16)), e.at(from, e.mul(i, 16)), e.select(kept, e.number(16), e.number(0)));
      };
      stores ? e.ifThen(isOld(block, inBlock, kept), copy) : copy();
    });
  }
  /// Not made here: kept before, or behind the row's position.
  Value isOld(Value block, Value inBlock, Value kept) {
    Value behind = e.less(position, e.add(e.mul(block, kBlock), inBlock));
    return arith::OrIOp::create(e.b, e.loc, kept, behind);
  }
  // A whole warp, so that nothing diverges; its second half writes zeros behind the scales.
  void copyScales(Value from, Value block, int64_t to) {
    if (stores)
      return copyOldScales(from, block, to);
    e.ifThen(e.less(thread, e.number(kWarpLanes)), [&] {
      Value seen = e.sub(firstNew, e.add(e.mul(block, kBlock), e.mul(thread, 4)));
      Value bytes = e.mul(e.max(e.min(seen, e.number(4)), e.number(0)), 4);
      bytes = e.select(e.less(thread, e.number(kBlock / 4)), bytes, e.number(0));
      e.copyAsync(place(to, thread, 16), e.at(from, e.mul(thread, 16)), bytes);
    });
  }
  // One by one: those that are made lie between.
  void copyOldScales(Value from, Value block, int64_t to) {
    e.ifThen(e.less(thread, e.number(kBlock)), [&] {
      Value kept = isKept(block, thread);
      e.ifThen(isOld(block, thread, kept), [&] {
        Value scale = e.ifThen(kept, Values{e.floatOf(0)},
                               [&] { return Values{e.load(e.f32(), e.at(from, e.mul(thread, 4)))}; })[0];
        e.store(scale, place(to, thread));
      });
    });
  }

  //===--- Positions of this step: made from the rows' keys and values, a warp each ---===//

  // Mostly one position, of one warp.
  void makeBlock(bool isKeys, Value block, int64_t to) {
    Value begin = e.mul(block, kBlock), end = e.min(e.add(position, 1), e.add(begin, kBlock));
    e.rolledLoop(e.add(e.max(begin, firstNew), e.warp()), end, kWarps,
                 [&](Value own) { makePosition(isKeys, own, begin, to); });
  }
  void makePosition(bool isKeys, Value own, Value begin, int64_t to) {
    int64_t width = isKeys ? spec.width : spec.valueWidth();
    Value inBlock = e.sub(own, begin), isRows = e.equal(own, position), block = e.shr(begin, 6);
    Value inShared = place(to, inBlock, SharedPlaces::stride(spec, width));
    Value scales = place(to + SharedPlaces::scales(spec, width), inBlock);
    Value kept = isKeys ? cache.keys(block, kvHead) : cache.values(block, kvHead);
    Value inCache = e.atElement(kept, inBlock, width * spec.elementBytes());
    auto put = [&](Value i, Value bits) {
      e.store(bits, e.at(inShared, e.mul(i, spec.elementBytes())), spec.elementBytes());
      e.ifThen(isRows, [&] { e.store(bits, e.at(inCache, e.mul(i, spec.elementBytes())), spec.elementBytes()); });
    };
    HeadEncoder(e, spec, width).encode(numbersOf(isKeys, own, width), put, [&](Value scale) {
      e.store(scale, scales);
      e.ifThen(isRows, [&] { e.store(scale, e.at(e.at(kept, kBlock * width), e.mul(inBlock, 4))); });
    });
  }
  /// What this kv head has of the row at a position of the step.
  std::function<Value(Value)> numbersOf(bool isKeys, Value own, int64_t width) {
    Value from = e.sub(number, e.sub(position, own));
    Value ofRow = e.atElement(a[isKeys ? 7 : 8], from, rowBytes(spec.kvHeads * width, 4));
    Value head = e.at(ofRow, e.mul(kvHead, 4 * width));
    if (!isKeys)
      return [=](Value i) { return e.load(e.f32(), e.at(head, e.mul(i, 4))); };
    Value angles = anglesAt(e, spec, a[1], own, row.rope());
    return [=](Value i) { return turned(e, spec, head, i, angles); };
  }
  void copyNext(Value block, Value end, const std::function<void(Value)> &copy) {
    Value next = e.add(block, 1);
    e.ifThen(e.less(next, end), [&] { copy(next); });
    e.closeCopies(); // behind the last block an empty group: waits count groups
  }

  Values addBlock(Value block, Value end, const Values &sums) {
    e.waitForCopies(/*pending=*/1); // the keys
    e.barrier();
    score(block);
    e.barrier();
    copyNext(block, end, [&](Value next) { copyKeys(next); });
    softmax.weigh();
    e.waitForCopies(/*pending=*/1); // the values
    e.barrier();
    Values result = addValues(sums);
    e.barrier();
    copyNext(block, end, [&](Value next) { copyValues(next); });
    return result;
  }

  //===--- Scores and weights ---===//

  // A thread has one position, and every fourth head.
  void score(Value block) {
    Value inBlock = e.bitAnd(thread, kBlock - 1), first = e.shr(thread, 6);
    for (int64_t turn = 0; turn * kWarps / 2 < group(); ++turn) {
      Value head = e.add(first, turn * kWarps / 2);
      e.ifThen(e.less(head, e.number(group())), [&] {
        Value score = e.mul(product(head, inBlock), e.floatOf(spec.scale * OnlineSoftmax::kLog2OfE));
        if (spec.isCodes())
          score = e.mul(score, e.load(e.f32(), place(places.keys + SharedPlaces::scales(spec, spec.width), inBlock)));
        e.store(e.select(isSeen(block, inBlock), score, e.floatOf(-INFINITY)), softmax.weights(head, inBlock));
      });
    }
  }
  Value product(Value head, Value inBlock) {
    Value query = place(places.queries, head, 4 * spec.width);
    Value key = place(places.keys, inBlock, SharedPlaces::stride(spec, spec.width));
    int64_t times = numbersInWord(spec); // a number of the query is so much wider
    Values sums = e.loop(e.number(0), e.number(spec.width * spec.elementBytes()), 16, Values(4, e.floatOf(0)),
                         [&](Value offset, const Values &carried) {
                           Values result = carried, k;
                           for (Value word : e.loadWords(e.at(key, offset)))
                             k.append(cacheNumbers(e, spec, word));
                           for (size_t i = 0; i < k.size(); i += 4) {
                             Value four = e.at(e.at(query, e.mul(offset, times)), 4 * static_cast<int64_t>(i));
                             for (auto [j, q] : llvm::enumerate(e.loadFour(e.f32(), four)))
                               result[j] = e.fma(q, k[i + j], result[j]);
                           }
                           return result;
                         });
    return e.add(e.add(sums[0], sums[1]), e.add(sums[2], sums[3]));
  }

  //===--- Weighted sums: a thread has a word of the values, of the positions of its group ---===//

  int64_t words() const { return spec.valueWidth() / numbersInWord(spec); }
  // What threads beyond the last group compute is never looked at; their reads stay within the block's rows.
  Values addValues(const Values &sums) {
    int64_t positions = kBlock / groupsOfThreads(spec);
    Values shrunk;
    for (auto [i, sum] : llvm::enumerate(sums)) {
      int64_t head = static_cast<int64_t>(i) / numbersInWord(spec);
      shrunk.push_back(e.mul(sum, softmax.shrink(e.number(head))));
    }
    Value first = e.mul(e.rem(e.div(thread, words()), groupsOfThreads(spec)), positions);
    Value column = e.at(e.at(shared, places.values), e.mul(e.rem(thread, words()), 4));
    return e.loop(first, e.add(first, positions), 1, shrunk, [&](Value inBlock, const Values &carried) {
      Values values = valuesOf(column, inBlock), result;
      for (int64_t head = 0; head < group(); ++head) {
        Value weight = e.load(e.f32(), softmax.weights(head, inBlock));
        for (Value value : values)
          result.push_back(e.fma(weight, value, carried[result.size()]));
      }
      return result;
    });
  }
  Values valuesOf(Value column, Value inBlock) {
    int64_t stride = SharedPlaces::stride(spec, spec.valueWidth());
    Values values = cacheNumbers(e, spec, e.load(e.i32(), e.at(column, e.mul(inBlock, stride))));
    if (!spec.isCodes())
      return values;
    Value scale = e.load(e.f32(), place(places.values + SharedPlaces::scales(spec, spec.valueWidth()), inBlock));
    return Values(llvm::map_range(values, [&](Value value) { return e.mul(value, scale); }));
  }

  // Groups of threads meet, head by head; nobody has looked at the keys since the last barrier.
  void writePart(const Values &sums) {
    int64_t numbers = numbersInWord(spec);
    Value inGroups = e.less(thread, e.number(groupsOfThreads(spec) * words()));
    for (int64_t head = 0; head < group(); ++head) {
      if (head)
        e.barrier();
      Values ofHead(ArrayRef(sums).slice(static_cast<size_t>(head * numbers), static_cast<size_t>(numbers)));
      e.ifThen(inGroups, [&] { e.storeRun(ofHead, place(places.keys, thread, 4 * numbers)); });
      e.barrier();
      Value writes = e.less(thread, e.number(spec.valueWidth()));
      if (!spec.isEven()) // all threads agree on the second
        writes = arith::AndIOp::create(e.b, e.loc, writes, e.less(e.number(head), headsOf(e, spec, kvHead)));
      e.ifThen(writes, [&] { writeNumber(head); });
    }
  }
  void writeNumber(int64_t head) {
    Value sum = e.load(e.f32(), place(places.keys, thread));
    for (int64_t i = 1; i < groupsOfThreads(spec); ++i)
      sum = e.add(sum, e.load(e.f32(), place(places.keys, e.add(thread, i * spec.valueWidth()))));
    Value ofHead = e.add(e.mul(number, spec.heads), e.add(firstHeadOf(e, spec, kvHead), head));
    Value to = e.atElement(parts, e.add(e.mul(ofHead, mostParts), part), 4 * spec.partFloats());
    e.store(sum, e.at(to, e.mul(thread, 4)));
    e.ifThen(e.equal(thread, e.number(0)), [&] {
      e.store(softmax.greatest(e.number(head)), e.at(to, 4 * spec.valueWidth()));
      e.store(softmax.sum(e.number(head)), e.at(to, 4 * spec.valueWidth() + 4));
    });
  }
};

} // namespace

std::string attendRowsKernel(KernelLibrary &kernels, const AttentionSpec &spec, bool stores) {
  using Kind = ArgumentKind;
  std::string name = std::string(stores ? "attend_new_rows_" : "attend_rows_") + cacheName(spec) + headsName(spec) +
                     turnName(spec) + "_x" + std::to_string(llvm::bit_cast<uint32_t>(spec.scale)) + "_" +
                     kernels.getTarget().chip;
  SmallVector<Kind> kinds = {Kind::Memory, Kind::Constant, Kind::Memory, Kind::Memory,
                             Kind::Number, Kind::Number,   Kind::Number};
  if (stores)
    kinds.append(2, Kind::Memory);
  return kernels.define(name, {kThreads, /*leastBlocks=*/1, SharedPlaces(spec).end}, kinds,
                        [=](Emitter &e, ValueRange a) { AttendEmitter(e, spec, a).run(); });
}

} // namespace lmopt::nvptx
