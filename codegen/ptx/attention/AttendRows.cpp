// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The block of threads that attends to a part of a row's positions; see AttendRows.h.
#include "codegen/ptx/attention/AttendRows.h"
#include "codegen/ptx/attention/CacheAccess.h"
#include "codegen/ptx/attention/HeadEncoder.h"
#include "codegen/ptx/attention/PartSoftmax.h"

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

/// Places in shared memory, in bytes. Two areas take turns at holding a block of keys or of values, as in the cache,
/// rows apart, then the block's scales.
struct SharedPlaces {
  int64_t queries, softmax, areas, areaBytes, end;

  explicit SharedPlaces(const AttentionSpec &spec) {
    queries = 0;
    softmax = queries + 4 * spec.group() * spec.width;
    areas = softmax + PartSoftmax::bytes(spec.group());
    areaBytes = std::max(blockBytes(spec, spec.width), blockBytes(spec, spec.valueWidth()));
    end = areas + 2 * areaBytes;
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
  AttendEmitter(Emitter &e, const AttentionSpec &spec, ValueRange a, bool stores)
      : e(e), spec(spec), a(a), stores(stores), places(spec),
        softmax(e, spec.group(), places.softmax, kThreads, isHalves()), parts(a[3]), mostParts(a[4]),
        shared(e.shared()), thread(e.thread()), part(e.block()), kvHead(e.blockY()), number(e.blockZ()),
        row(e, a[2], number), position(row.position()), queries(a[0]),
        angles(anglesAt(e, spec, a[1], position, row.rope())), cache(e, spec, row.cache(), a[5], a[6]),
        firstNew(stores ? e.sub(position, e.sub(number, row.first())) : e.add(position, 1)) {}

  void run() {
    begin = e.mul(part, AttentionSpec::kPartBlocks);
    Value end = e.min(e.add(e.shr(position, 6), 1), e.add(begin, AttentionSpec::kPartBlocks));
    if (Value first = windowBegin(e, spec, position)) // what lies before it gets no weight: the same bits without it
      begin = e.max(begin, e.shr(first, 6));
    e.ifThen(e.less(begin, end), [&] {
      count = e.sub(end, begin);
      attend();
    });
  }

private:
  Emitter &e;
  const AttentionSpec &spec;
  ValueRange a;
  bool stores;
  SharedPlaces places;
  PartSoftmax softmax;
  Value parts, mostParts, shared, thread, part, kvHead, number;
  DeviceRow row;
  Value position, queries, angles;
  LayerCache cache;
  Value firstNew;               ///< the first position of the sequence that is not in the cache before this step
  Value begin = {}, count = {}; ///< the part's first block, and how many it has

  int64_t group() const { return spec.group(); }
  /// Where groups differ, the head of a smaller one once more in the place of one that there is not: nothing is written
  /// for it.
  Value presentHead(Value head) {
    return spec.isEven() ? head : e.min(head, e.sub(headsOf(e, spec, kvHead), e.number(1)));
  }
  /// Then queries and weights are rounded, too, as by the tile that attends for prompts and by CPUs.
  bool isHalves() const { return spec.format == CacheFormat::Bf16; }
  Value place(Value base, Value number, int64_t bytes = 4) { return e.at(base, e.mul(number, bytes)); }
  Value area(Value stage) { return place(e.at(shared, places.areas), e.bitAnd(stage, 1), places.areaBytes); }
  Value firstPosition(Value block) { return e.mul(e.add(begin, block), kBlock); }

  // All blocks of keys, then all blocks of values: two are always under way.
  void attend() {
    e.rolledLoop(e.number(0), e.number(2), 1, [&](Value stage) { copyStage(stage); });
    loadQueries();
    softmax.start();
    e.loop(e.number(0), count, 1, [&](Value block) {
      waitForStage();
      score(area(block), block);
      freeStage(block);
    });
    softmax.weigh();
    Values sums(static_cast<size_t>(turns() * numbersInWord(spec)), e.floatOf(0));
    sums = e.loop(e.number(0), count, 1, sums, [&](Value block, const Values &carried) {
      waitForStage();
      Value stage = e.add(count, block);
      Values result = addValues(area(stage), block, carried);
      freeStage(stage);
      return result;
    });
    e.waitForCopies();
    writePart(sums);
  }
  void waitForStage() {
    e.waitForCopies(/*pending=*/1);
    e.barrier();
  }
  void freeStage(Value stage) {
    e.barrier();
    copyStage(e.add(stage, 2));
  }
  // Behind the last stage an empty group: waits count groups.
  void copyStage(Value stage) {
    e.ifThenElse(
        e.less(stage, count), [&] { copyBlock(/*isKeys=*/true, stage, stage); },
        [&] {
          Value block = e.sub(stage, count);
          e.ifThen(e.less(block, count), [&] { copyBlock(/*isKeys=*/false, block, stage); });
        });
    e.closeCopies();
  }

  // Scaled before they are rounded to bf16.
  void loadQueries() {
    Value from = e.at(e.atElement(queries, number, rowBytes(spec.heads * spec.width, 4)),
                      e.mul(firstHeadOf(e, spec, kvHead), 4 * spec.width));
    e.loop(thread, e.number(group() * spec.width), kThreads, [&](Value i) {
      Value head = e.at(from, e.mul(presentHead(e.div(i, spec.width)), 4 * spec.width));
      Value query = e.mul(turned(e, spec, head, e.rem(i, spec.width), angles), e.floatOf(spec.scale));
      e.store(isHalves() ? e.asBf16(query) : query, place(e.at(shared, places.queries), i));
    });
  }

  //===--- Blocks of the cache to shared memory ---===//

  void copyBlock(bool isKeys, Value inPart, Value stage) {
    Value block = e.add(begin, inPart), to = area(stage);
    copyOldRows(isKeys ? cache.keys(block, kvHead) : cache.values(block, kvHead), block, to, widthOf(isKeys));
    if (stores)
      makeBlock(isKeys, block, to);
  }
  int64_t widthOf(bool isKeys) const { return isKeys ? spec.width : spec.valueWidth(); }
  Value isKept(Value block, Value inBlock) { return e.less(e.add(e.mul(block, kBlock), inBlock), firstNew); }
  // Positions behind the row's own are zero: nothing may be there yet, and zero weights need finite values.
  void copyOldRows(Value from, Value block, Value to, int64_t width) {
    int64_t chunks = width * spec.elementBytes() / 16;
    if (spec.isCodes())
      copyScales(e.at(from, kBlock * width), block, e.at(to, SharedPlaces::scales(spec, width)));
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
  void copyScales(Value from, Value block, Value to) {
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
  void copyOldScales(Value from, Value block, Value to) {
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
  void makeBlock(bool isKeys, Value block, Value to) {
    Value begin = e.mul(block, kBlock), end = e.min(e.add(position, 1), e.add(begin, kBlock));
    e.rolledLoop(e.add(e.max(begin, firstNew), e.warp()), end, kWarps,
                 [&](Value own) { makePosition(isKeys, own, begin, to); });
  }
  void makePosition(bool isKeys, Value own, Value begin, Value to) {
    int64_t width = widthOf(isKeys);
    Value inBlock = e.sub(own, begin), isRows = e.equal(own, position), block = e.shr(begin, 6);
    Value inShared = place(to, inBlock, SharedPlaces::stride(spec, width));
    Value scales = place(e.at(to, SharedPlaces::scales(spec, width)), inBlock);
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

  //===--- Scores: a thread has one position of a block, and every fourth head ---===//

  static constexpr int64_t kHeadsApart = kThreads / kBlock, kHeadsAtOnce = 4;

  // Some heads at once: each is a chain of its own.
  void score(Value area, Value block) {
    Value inBlock = e.bitAnd(thread, kBlock - 1), first = e.shr(thread, 6);
    for (int64_t head = 0; head < group(); head += kHeadsApart * kHeadsAtOnce) {
      Values heads;
      for (int64_t i = head; i < std::min(group(), head + kHeadsApart * kHeadsAtOnce); i += kHeadsApart)
        heads.push_back(e.add(first, i));
      scoreHeads(heads, area, block, inBlock);
    }
  }
  void scoreHeads(const Values &heads, Value area, Value block, Value inBlock) {
    Values queriesOf;
    for (Value head : heads)
      queriesOf.push_back(place(e.at(shared, places.queries), clamped(head), 4 * spec.width));
    Values scores = products(queriesOf, place(area, inBlock, SharedPlaces::stride(spec, spec.width)));
    Value own = e.add(firstPosition(block), inBlock), isSeen = e.less(own, e.add(position, 1));
    if (Value first = windowBegin(e, spec, position))
      isSeen = e.bitAnd(isSeen, e.less(first, e.add(own, 1)));
    for (size_t i = 0; i < heads.size(); ++i)
      e.ifThen(e.less(heads[i], e.number(group())), [&] {
        Value score = scores[i];
        if (spec.isCodes())
          score = e.mul(score, e.load(e.f32(), place(e.at(area, SharedPlaces::scales(spec, spec.width)), inBlock)));
        score = cappedScore(e, spec, score);
        if (spec.isBiased())
          score = biasedScore(e, spec, a.back(), e.add(firstHeadOf(e, spec, kvHead), presentHead(heads[i])),
                              e.sub(own, position), score);
        Value to = softmax.score(heads[i], e.add(e.mul(block, kBlock), inBlock));
        e.store(e.select(isSeen, score, e.floatOf(-INFINITY)), to);
      });
  }
  Value clamped(Value head) { return e.min(head, e.number(group() - 1)); }

  Values products(const Values &queriesOf, Value key) {
    int64_t times = numbersInWord(spec); // a number of the query is so much wider
    return e.loop(e.number(0), e.number(spec.width * spec.elementBytes()), 16, Values(queriesOf.size(), e.floatOf(0)),
                  [&](Value offset, const Values &carried) {
                    Values k, result;
                    for (Value word : e.loadWords(e.at(key, offset)))
                      k.append(cacheNumbers(e, spec, word));
                    for (auto [from, sum] : llvm::zip_equal(queriesOf, carried)) {
                      Values q;
                      for (size_t i = 0; i < k.size(); i += 4)
                        q.append(e.loadFour(e.f32(), e.at(e.at(from, e.mul(offset, times)), 4 * int64_t(i))));
                      result.push_back(chained(q, k, sum));
                    }
                    return result;
                  });
  }
  // One product after another; of halves the second of a pair comes first, as vdpbf16ps has it.
  Value chained(const Values &x, const Values &y, Value sum) {
    for (size_t i = 0; i < x.size(); ++i)
      sum = e.fma(x[inOrder(i)], y[inOrder(i)], sum);
    return sum;
  }
  size_t inOrder(size_t i) const { return i ^ (isHalves() ? 1 : 0); }

  //===--- Weighted sums: a thread has a word of the values of one head, or of some ---===//

  int64_t words() const { return spec.valueWidth() / numbersInWord(spec); }
  int64_t items() const { return group() * words(); }
  int64_t turns() const { return (items() + kThreads - 1) / kThreads; }
  /// Threads beyond the last item do what that one does; nothing is written for them.
  Value item(int64_t turn) { return e.min(e.add(thread, turn * kThreads), e.number(items() - 1)); }

  // Four positions at a time; those that are not there have no weight, and values of zero.
  Values addValues(Value area, Value block, const Values &sums) {
    Value inPart = e.mul(block, kBlock), seen = e.sub(e.add(position, 1), firstPosition(block));
    return e.loop(e.number(0), e.min(seen, e.number(kBlock)), 4, sums, [&](Value inBlock, const Values &carried) {
      Values result;
      for (int64_t turn = 0; turn < turns(); ++turn) {
        Value head = e.div(item(turn), words()), column = e.mul(e.rem(item(turn), words()), 4);
        Values weights = e.loadFour(e.f32(), softmax.score(head, e.add(inPart, inBlock)));
        Values own = Values(
            ArrayRef(carried).slice(static_cast<size_t>(turn * numbersInWord(spec)), size_t(numbersInWord(spec))));
        for (size_t i = 0; i < weights.size(); ++i)
          own = added(weights[inOrder(i)], valuesOf(area, column, e.add(inBlock, int64_t(inOrder(i)))), own);
        result.append(own);
      }
      return result;
    });
  }
  Values added(Value weight, const Values &values, const Values &sums) {
    Values result;
    for (auto [value, sum] : llvm::zip_equal(values, sums))
      result.push_back(e.fma(weight, value, sum));
    return result;
  }
  Values valuesOf(Value area, Value column, Value inBlock) {
    Value from = e.at(place(area, inBlock, SharedPlaces::stride(spec, spec.valueWidth())), column);
    Values values = cacheNumbers(e, spec, e.load(e.i32(), from));
    if (!spec.isCodes())
      return values;
    Value scale = e.load(e.f32(), place(e.at(area, SharedPlaces::scales(spec, spec.valueWidth())), inBlock));
    return Values(llvm::map_range(values, [&](Value value) { return e.mul(value, scale); }));
  }

  void writePart(const Values &sums) {
    int64_t numbers = numbersInWord(spec);
    for (int64_t turn = 0; turn < turns(); ++turn) {
      Value own = e.add(thread, turn * kThreads), head = e.div(own, words());
      e.ifThen(isWritten(e.less(own, e.number(items())), head), [&] {
        Value to = e.at(partOf(head), e.mul(e.rem(own, words()), 4 * numbers));
        for (int64_t i = 0; i < numbers; ++i)
          e.store(sums[static_cast<size_t>(turn * numbers + i)], e.at(to, 4 * i));
      });
    }
    e.ifThen(isWritten(e.less(thread, e.number(group())), thread), [&] {
      Value behind = e.at(partOf(thread), 4 * spec.valueWidth());
      e.store(softmax.greatest(thread), behind);
      e.store(softmax.sum(thread), e.at(behind, 4));
    });
  }
  Value isWritten(Value isThere, Value head) {
    return spec.isEven() ? isThere : e.bitAnd(isThere, e.less(head, headsOf(e, spec, kvHead)));
  }
  Value partOf(Value head) {
    Value ofHead = e.add(e.mul(number, spec.heads), e.add(firstHeadOf(e, spec, kvHead), head));
    return e.atElement(parts, e.add(e.mul(ofHead, mostParts), part), 4 * spec.partFloats());
  }
};

} // namespace

std::string attendRowsKernel(KernelLibrary &kernels, const AttentionSpec &spec, bool stores) {
  using Kind = ArgumentKind;
  std::string name = std::string(stores ? "attend_new_rows_" : "attend_rows_") + cacheName(spec) + headsName(spec) +
                     maskName(spec) + turnName(spec) + "_x" + std::to_string(llvm::bit_cast<uint32_t>(spec.scale)) +
                     "_" + kernels.getTarget().chip;
  SmallVector<Kind> kinds = {Kind::Memory, Kind::Constant, Kind::Memory, Kind::Memory,
                             Kind::Number, Kind::Number,   Kind::Number};
  if (stores)
    kinds.append(2, Kind::Memory);
  if (spec.isBiased())
    kinds.push_back(Kind::Constant);
  return kernels.define(name, {kThreads, /*leastBlocks=*/1, SharedPlaces(spec).end}, kinds,
                        [=](Emitter &e, ValueRange a) { AttendEmitter(e, spec, a, stores).run(); });
}

} // namespace lmopt::nvptx
