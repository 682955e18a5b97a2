// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See AttendRows.h.
#include "codegen/ptx/attention/AttendRows.h"

#include "codegen/Functions.h"
#include "codegen/ptx/Rows.h"

#include "llvm/ADT/bit.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
constexpr int64_t kThreads = AttentionSpec::kThreads, kWarps = kThreads / kWarpLanes, kBlock = AttentionSpec::kBlock;
constexpr float kLog2OfE = 1.44269504088896341F;

/// A row of the table.
struct TableRow {
  Value keys, values, blocks, position;

  TableRow(Emitter &e, Value table, Value row) {
    Value at = e.atElement(table, row, AttentionSpec::kTableBytes);
    keys = e.loadPointer(at), values = e.loadPointer(e.at(at, 8));
    blocks = e.load(e.i32(), e.at(at, 16)), position = e.load(e.i32(), e.at(at, 20));
  }
};

/// Places in shared memory, in bytes.
struct SharedPlaces {
  int64_t queries, scores, greatest, sums, shrinks, keys, values, end;

  explicit SharedPlaces(const AttentionSpec &spec) {
    int64_t heads = 4 * paddedHeads(spec), rows = kBlock * stride(spec);
    queries = 0;
    scores = queries + 4 * spec.group() * spec.width;
    greatest = scores + 4 * spec.group() * kBlock;
    sums = greatest + heads;
    shrinks = sums + heads;
    keys = shrinks + heads;
    values = keys + rows;
    end = values + rows;
  }
  /// LLVM loads four neighbouring numbers at once, also where there are three.
  static int64_t paddedHeads(const AttentionSpec &spec) { return (spec.group() + 3) / 4 * 4; }
  /// 16 bytes more than a row: eight neighbouring rows lie in different banks.
  static int64_t stride(const AttentionSpec &spec) { return 4 * spec.width + 16; }
};

class AttendEmitter {
public:
  AttendEmitter(Emitter &e, const AttentionSpec &spec, ValueRange a)
      : e(e), spec(spec), places(spec), queries(a[0]), parts(a[2]), mostParts(a[3]), shared(e.shared()),
        thread(e.thread()), part(e.block()), kvHead(e.blockY()), row(e.blockZ()), table(e, a[1], row) {}

  void run() {
    Value begin = e.mul(part, AttentionSpec::kPartBlocks);
    Value end = e.add(e.shr(table.position, 6), 1);
    e.ifThen(e.less(begin, end), [&] { attend(begin, e.min(end, e.add(begin, AttentionSpec::kPartBlocks))); });
  }

private:
  Emitter &e;
  const AttentionSpec &spec;
  SharedPlaces places;
  Value queries, parts, mostParts, shared, thread, part, kvHead, row;
  TableRow table;

  int64_t group() const { return spec.group(); }
  /// Threads share the positions of a block in so many groups, each with a thread for every number of a head.
  int64_t groupsOfThreads() const {
    int64_t groups = 1;
    while (2 * groups * spec.width <= kThreads)
      groups *= 2;
    return groups;
  }
  Value place(int64_t offset, Value number, int64_t bytes = 4) {
    return e.at(e.at(shared, offset), e.mul(number, bytes));
  }

  void attend(Value begin, Value end) {
    loadQueries();
    startHeads();
    copyBlock(table.keys, begin, places.keys);
    e.closeCopies();
    copyBlock(table.values, begin, places.values);
    e.closeCopies();
    Values sums(static_cast<size_t>(group()), e.floatOf(0));
    sums =
        e.loop(begin, end, 1, sums, [&](Value block, const Values &carried) { return addBlock(block, end, carried); });
    e.waitForCopies();
    writePart(sums);
  }

  void loadQueries() {
    Value from =
        e.at(e.atElement(queries, row, rowBytes(spec.heads * spec.width, 4)), e.mul(kvHead, 4 * group() * spec.width));
    e.loop(thread, e.number(group() * spec.width / 4), kThreads,
           [&](Value i) { e.storeFour(e.loadFour(e.f32(), e.at(from, e.mul(i, 16))), place(places.queries, i, 16)); });
  }
  void startHeads() {
    e.ifThen(e.less(thread, e.number(SharedPlaces::paddedHeads(spec))), [&] {
      e.store(e.floatOf(-INFINITY), place(places.greatest, thread));
      e.store(e.floatOf(0), place(places.sums, thread));
      e.store(e.floatOf(0), place(places.shrinks, thread));
    });
  }

  // Positions behind the row's own are zero.
  void copyBlock(Value cache, Value block, int64_t to) {
    int64_t chunks = spec.width / 4;
    Value from = e.atElement(cache, e.add(e.mul(kvHead, table.blocks), block), kBlock * 4 * spec.width);
    e.loop(thread, e.number(kBlock * chunks), kThreads, [&](Value i) {
      Value position = e.div(i, chunks), chunk = e.rem(i, chunks);
      Value isOurs = e.less(e.add(e.mul(block, kBlock), position), e.add(table.position, 1));
      e.copyAsync(e.at(place(to, position, SharedPlaces::stride(spec)), e.mul(chunk, 16)), e.at(from, e.mul(i, 16)),
                  e.select(isOurs, e.number(16), e.number(0)));
    });
  }
  void copyNext(Value cache, Value block, Value end, int64_t to) {
    Value next = e.add(block, 1);
    e.ifThen(e.less(next, end), [&] { copyBlock(cache, next, to); });
    e.closeCopies(); // behind the last block an empty group: waits count groups
  }

  Values addBlock(Value block, Value end, const Values &sums) {
    e.waitForCopies(/*pending=*/1); // the keys
    e.barrier();
    score(block);
    e.barrier();
    copyNext(table.keys, block, end, places.keys);
    weigh();
    e.waitForCopies(/*pending=*/1); // the values
    e.barrier();
    Values result = addValues(sums);
    e.barrier();
    copyNext(table.values, block, end, places.values);
    return result;
  }

  // A thread has one position, and every fourth head.
  void score(Value block) {
    Value position = e.bitAnd(thread, kBlock - 1), first = e.shr(thread, 6);
    Value isOurs = e.less(e.add(e.mul(block, kBlock), position), e.add(table.position, 1));
    for (int64_t turn = 0; turn * kWarps / 2 < group(); ++turn) {
      Value head = e.add(first, turn * kWarps / 2);
      e.ifThen(e.less(head, e.number(group())), [&] {
        Value number = e.mul(product(head, position), e.floatOf(spec.scale * kLog2OfE));
        e.store(e.select(isOurs, number, e.floatOf(-INFINITY)),
                place(places.scores, e.add(e.mul(head, kBlock), position)));
      });
    }
  }
  Value product(Value head, Value position) {
    Value query = place(places.queries, head, 4 * spec.width);
    Value key = place(places.keys, position, SharedPlaces::stride(spec));
    Values sums = e.loop(
        e.number(0), e.number(4 * spec.width), 16, Values(4, e.floatOf(0)), [&](Value offset, const Values &carried) {
          Values result, q = e.loadFour(e.f32(), e.at(query, offset)), k = e.loadFour(e.f32(), e.at(key, offset));
          for (size_t i = 0; i < 4; ++i)
            result.push_back(e.fma(q[i], k[i], carried[i]));
          return result;
        });
    return e.add(e.add(sums[0], sums[1]), e.add(sums[2], sums[3]));
  }

  // A warp has a head: weights of the block's positions, what sums so far shrink by.
  void weigh() {
    for (int64_t turn = 0; turn * kWarps < group(); ++turn) {
      Value head = e.add(e.warp(), turn * kWarps);
      e.ifThen(e.less(head, e.number(group())), [&] { weighHead(head); });
    }
  }
  Value acrossWarp(Value own, llvm::function_ref<Value(Value, Value)> combine) {
    return e.acrossLanes(own, {16, 8, 4, 2, 1}, combine);
  }
  void weighHead(Value head) {
    Value low = place(places.scores, e.add(e.mul(head, kBlock), e.lane())), high = e.at(low, 4 * kWarpLanes);
    Value first = e.load(e.f32(), low), second = e.load(e.f32(), high);
    Value before = e.load(e.f32(), place(places.greatest, head));
    Value greatest = acrossWarp(e.max(first, second), [&](Value a, Value c) { return e.max(a, c); });
    greatest = e.max(greatest, before);
    first = functions::exp2(e, e.sub(first, greatest), false);
    second = functions::exp2(e, e.sub(second, greatest), false);
    e.store(first, low);
    e.store(second, high);
    Value sum = acrossWarp(e.add(first, second), [&](Value a, Value c) { return e.add(a, c); });
    Value shrink = functions::exp2(e, e.sub(before, greatest), false);
    Value all = e.fma(e.load(e.f32(), place(places.sums, head)), shrink, sum);
    e.ifThen(e.equal(e.lane(), e.number(0)), [&] {
      e.store(greatest, place(places.greatest, head));
      e.store(all, place(places.sums, head));
      e.store(shrink, place(places.shrinks, head));
    });
  }

  Value number() { return e.rem(thread, spec.width); }
  Value ownGroup() { return e.div(thread, spec.width); }
  // What threads beyond the last group compute is never looked at; their reads stay within the block's rows.
  Values addValues(const Values &sums) {
    int64_t positions = kBlock / groupsOfThreads();
    Values shrunk;
    for (auto [head, sum] : llvm::enumerate(sums))
      shrunk.push_back(e.mul(sum, e.load(e.f32(), e.at(shared, places.shrinks + 4 * static_cast<int64_t>(head)))));
    Value own = e.rem(ownGroup(), groupsOfThreads());
    Value first = e.mul(own, positions);
    Value column = e.at(e.at(shared, places.values), e.mul(number(), 4));
    return e.loop(first, e.add(first, positions), 1, shrunk, [&](Value position, const Values &carried) {
      Value value = e.load(e.f32(), e.at(column, e.mul(position, SharedPlaces::stride(spec))));
      Values result;
      for (auto [head, sum] : llvm::enumerate(carried)) {
        Value weight = e.load(e.f32(), place(places.scores + 4 * kBlock * static_cast<int64_t>(head), position));
        result.push_back(e.fma(weight, value, sum));
      }
      return result;
    });
  }

  // Groups of threads meet in the place of the keys, head by head.
  void writePart(const Values &sums) {
    Value inGroups = e.less(thread, e.number(groupsOfThreads() * spec.width));
    for (int64_t head = 0; head < group(); ++head) {
      e.barrier();
      e.ifThen(inGroups, [&] { e.store(sums[static_cast<size_t>(head)], place(places.keys, thread)); });
      e.barrier();
      e.ifThen(e.less(thread, e.number(spec.width)), [&] { writeNumber(head); });
    }
  }
  void writeNumber(int64_t head) {
    Value sum = e.load(e.f32(), place(places.keys, thread));
    for (int64_t i = 1; i < groupsOfThreads(); ++i)
      sum = e.add(sum, e.load(e.f32(), place(places.keys, e.add(thread, i * spec.width))));
    Value number = e.add(e.mul(row, spec.heads), e.add(e.mul(kvHead, group()), head));
    Value to = e.atElement(parts, e.add(e.mul(number, mostParts), part), 4 * spec.partFloats());
    e.store(sum, e.at(to, e.mul(thread, 4)));
    e.ifThen(e.equal(thread, e.number(0)), [&] {
      e.store(e.load(e.f32(), e.at(shared, places.greatest + 4 * head)), e.at(to, 4 * spec.width));
      e.store(e.load(e.f32(), e.at(shared, places.sums + 4 * head)), e.at(to, 4 * spec.width + 4));
    });
  }
};

//===--- Keys and values ---===//

class StoreEmitter {
public:
  StoreEmitter(Emitter &e, const AttentionSpec &spec, ValueRange a)
      : e(e), spec(spec), a(a), row(e.block()), table(e, a[4], row) {}

  void run() {
    Value angles = e.atElement(a[3], table.position, 4 * spec.rotary);
    Value queries = e.atElement(a[0], row, bytesOf(spec.heads)), turned = e.atElement(a[5], row, bytesOf(spec.heads));
    each(spec.heads, [&](Value head, Value i) {
      Value offset = e.mul(e.add(e.mul(head, spec.width), i), 4);
      e.store(turn(e.at(queries, e.mul(head, 4 * spec.width)), i, angles), e.at(turned, offset));
    });
    Value keys = e.atElement(a[1], row, bytesOf(spec.kvHeads)), values = e.atElement(a[2], row, bytesOf(spec.kvHeads));
    each(spec.kvHeads, [&](Value head, Value i) {
      Value from = e.mul(head, 4 * spec.width);
      e.store(turn(e.at(keys, from), i, angles), inCache(table.keys, head, i));
      e.store(e.load(e.f32(), e.at(e.at(values, from), e.mul(i, 4))), inCache(table.values, head, i));
    });
  }

private:
  Emitter &e;
  const AttentionSpec &spec;
  ValueRange a;
  Value row;
  TableRow table;

  int64_t bytesOf(int64_t heads) const { return rowBytes(heads * spec.width, 4); }
  void each(int64_t heads, const std::function<void(Value, Value)> &body) {
    e.loop(e.thread(), e.number(heads * spec.width), kThreads,
           [&](Value i) { body(e.div(i, spec.width), e.rem(i, spec.width)); });
  }
  Value inCache(Value cache, Value head, Value i) {
    Value block = e.add(e.mul(head, table.blocks), e.shr(table.position, 6));
    Value within = e.add(e.mul(e.bitAnd(table.position, kBlock - 1), spec.width), i);
    return e.at(e.atElement(cache, block, kBlock * 4 * spec.width), e.mul(within, 4));
  }
  // a cos - b sin for the first half of what is turned, b cos + a sin for the second.
  Value turn(Value vector, Value i, Value angles) {
    Value own = e.load(e.f32(), e.at(vector, e.mul(i, 4)));
    if (!spec.rotary)
      return own;
    int64_t half = spec.rotary / 2;
    return e.ifThen(e.less(i, e.number(spec.rotary)), Values{own}, [&] {
      Value isFirst = e.less(i, e.number(half)), pair = e.select(isFirst, i, e.sub(i, e.number(half)));
      Value other = e.load(e.f32(), e.at(vector, e.mul(e.select(isFirst, e.add(i, half), pair), 4)));
      Value angle = e.at(angles, e.mul(pair, 8));
      Value cosine = e.load(e.f32(), angle), sine = e.load(e.f32(), e.at(angle, 4));
      sine = e.select(isFirst, e.sub(e.floatOf(0), sine), sine);
      return Values{e.fma(own, cosine, e.mul(other, sine))};
    })[0];
  }
};

//===--- Parts ---===//

void joinParts(Emitter &e, const AttentionSpec &spec, ValueRange a) {
  Value row = e.block(), mostParts = a[3];
  Value count = e.add(e.div(TableRow(e, a[1], row).position, kBlock * AttentionSpec::kPartBlocks), 1);
  e.loop(e.thread(), e.number(spec.heads * spec.width), kThreads, [&](Value i) {
    Value first = e.mul(e.add(e.mul(row, spec.heads), e.div(i, spec.width)), mostParts);
    auto at = [&](Value part) { return e.atElement(a[0], e.add(first, part), 4 * spec.partFloats()); };
    Value greatest = e.loop(e.number(0), count, 1, Values{e.floatOf(-INFINITY)}, [&](Value part, const Values &so) {
      return Values{e.max(e.load(e.f32(), e.at(at(part), 4 * spec.width)), so[0])};
    })[0];
    Values sums = e.loop(e.number(0), count, 1, Values(2, e.floatOf(0)), [&](Value part, const Values &so) {
      Value from = at(part), scores = e.at(from, 4 * spec.width);
      Value weight = functions::exp2(e, e.sub(e.load(e.f32(), scores), greatest), false);
      Value number = e.load(e.f32(), e.at(from, e.mul(e.rem(i, spec.width), 4)));
      return Values{e.fma(weight, number, so[0]), e.fma(weight, e.load(e.f32(), e.at(scores, 4)), so[1])};
    });
    e.store(e.div(sums[0], sums[1]), e.at(e.atElement(a[2], row, rowBytes(spec.heads * spec.width, 4)), e.mul(i, 4)));
  });
}

std::string nameOf(const char *what, const AttentionSpec &spec, const Target &target) {
  return std::string(what) + "_f32_h" + std::to_string(spec.heads) + "_kv" + std::to_string(spec.kvHeads) + "_d" +
         std::to_string(spec.width) + "_" + target.chip;
}

} // namespace

std::string storeKeysValuesKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  using Kind = ArgumentKind;
  std::string name = nameOf("store_kv", spec, kernels.getTarget()) + "_turn" + std::to_string(spec.rotary);
  return kernels.define(name, {kThreads},
                        {Kind::Memory, Kind::Memory, Kind::Memory, Kind::Constant, Kind::Memory, Kind::Memory},
                        [&](Emitter &e, ValueRange a) { StoreEmitter(e, spec, a).run(); });
}

std::string attendRowsKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  using Kind = ArgumentKind;
  std::string name =
      nameOf("attend_rows", spec, kernels.getTarget()) + "_x" + std::to_string(llvm::bit_cast<uint32_t>(spec.scale));
  return kernels.define(name, {kThreads, /*leastBlocks=*/1, SharedPlaces(spec).end},
                        {Kind::Memory, Kind::Memory, Kind::Memory, Kind::Number},
                        [&](Emitter &e, ValueRange a) { AttendEmitter(e, spec, a).run(); });
}

std::string joinPartsKernel(KernelLibrary &kernels, const AttentionSpec &spec) {
  using Kind = ArgumentKind;
  return kernels.define(nameOf("join_parts", spec, kernels.getTarget()), {kThreads},
                        {Kind::Memory, Kind::Memory, Kind::Memory, Kind::Number},
                        [&](Emitter &e, ValueRange a) { joinParts(e, spec, a); });
}

} // namespace lmopt::nvptx
