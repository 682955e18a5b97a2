// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See GreatestMarks.h.
#include "codegen/ptx/ranking/GreatestMarks.h"

#include "codegen/ptx/ranking/RankKeys.h"

using namespace mlir;

namespace lmopt::nvptx {

namespace {

using Values = Emitter::Values;
using Kind = ArgumentKind;
constexpr int64_t kWarps = MarkedBlock::kWarps, kValues = GreatestMarksSpec::kValues;
constexpr int64_t kDigitBits = 8, kLaneValues = kValues / kWarpLanes;
/// Blocks whose counts a thread asks for at once.
constexpr int64_t kAhead = 8;

// Shared memory: what a warp has counted, [warps][256]; sums of warps; what one thread tells all.
constexpr int64_t kSums = 4 * kWarps * kValues, kTold = kSums + 4 * kWarps, kSharedBytes = kTold + 8;

class RankEmitter {
public:
  RankEmitter(Emitter &e, const GreatestMarksSpec &spec, ValueRange a)
      : e(e), keys(e), spec(spec), block(e, spec.width), scratch(e.atElement(a[1], e.blockY(), spec.scratchBytes())),
        numbers(block.load(e.atElement(a[0], e.blockY(), rowBytes(spec.width, 4)))) {
    for (auto [i, number] : llvm::enumerate(numbers))
      words.push_back(e.select(block.isThere(static_cast<int64_t>(i)), keys.wordOf(number), e.number(0)));
  }

  /// Counts the values of a digit, 0 the highest.
  void count(int64_t digit) {
    Value known = digit ? stateBehind(digit).known : Value();
    Values sums(static_cast<size_t>(kLaneValues), e.number(0));
    for (Value word : words)
      addWord(word, known, kDigitBits * (3 - digit), sums);
    for (int64_t i = 0; i < kLaneValues; ++i)
      e.store(sums[static_cast<size_t>(i)], ofWarp(e.warp(), e.add(e.lane(), i * kWarpLanes)));
    e.barrier();
    Value sum = e.load(e.i32(), ofWarp(e.number(0), e.thread()));
    for (int64_t warp = 1; warp < kWarps; ++warp)
      sum = e.add(sum, e.load(e.i32(), ofWarp(e.number(warp), e.thread())));
    e.store(sum, e.atElement(countsOf(digit, e.block()), e.thread(), 4));
  }

  void mark(Value marks, Value out, int64_t outStride) {
    State state = stateBehind(GreatestMarksSpec::kDigits);
    Value before = equalBefore(state);
    for (auto [i, word] : llvm::enumerate(words)) {
      Value equals = e.ballot(isEqual(word, state)), rank = e.add(before, e.countBits(e.bitAnd(equals, lanesBelow())));
      Value isLeft = e.select(isEqual(word, state), e.less(rank, state.left), block.isFalse());
      auto number = static_cast<int64_t>(i);
      block.store(marks, number, e.select(e.less(state.known, word), isTrue(), isLeft));
      before = e.add(before, e.countBits(equals));
      block.storeNumber(out, outStride, number, numbers[i]);
    }
  }

private:
  Emitter &e;
  RankKeys keys;
  const GreatestMarksSpec &spec;
  MarkedBlock block;
  Value scratch;
  Values numbers, words;

  struct State {
    Value known; ///< the highest bits of the count-th greatest word, as the lowest of this one
    Value left;  ///< of the words with these bits, how many are among the greatest
  };

  Value isTrue() { return arith::ConstantOp::create(e.b, e.loc, e.b.getBoolAttr(true)); }
  Value ofWarp(Value warp, Value value) { return e.at(e.shared(), e.mul(e.add(e.mul(warp, kValues), value), 4)); }
  Value sumOf(Value warp) { return e.at(e.shared(), e.add(e.mul(warp, 4), kSums)); }
  Value countsOf(int64_t digit, Value ofBlock) {
    return e.atElement(e.at(scratch, digit % 2 * spec.countsBytes()), ofBlock, 4 * kValues);
  }
  Value stateAt(int64_t digits) {
    return e.at(scratch, spec.statesOffset() + GreatestMarksSpec::kStateBytes * (digits - 1));
  }

  //===--- Counting ---===//

  // Of 32 words, one a lane: how many have each value, a lane's being i * 32 + lane.
  void addWord(Value word, Value known, int64_t shift, Values &sums) {
    Value all = e.number(-1), digit = e.shr(word, shift);
    Value isMeant = known ? e.ballot(e.equal(e.shr(e.shr(word, shift), kDigitBits), known)) : all;
    Values bits;
    for (int64_t i = 0; i < kDigitBits; ++i)
      bits.push_back(e.ballot(e.equal(e.bitAnd(e.shr(digit, i), 1), e.number(1))));
    for (size_t i = 0; i < 5; ++i) { // a lane's number says which it takes
      Value isSet = e.equal(e.bitAnd(e.shr(e.lane(), static_cast<int64_t>(i)), 1), e.number(1));
      isMeant = e.bitAnd(isMeant, e.select(isSet, bits[i], e.bitXor(bits[i], all)));
    }
    for (size_t value = 0; value < sums.size(); ++value) {
      Value those = isMeant;
      for (size_t i = 0; i < 3; ++i)
        those = e.bitAnd(those, ((value >> i) & 1) != 0 ? bits[5 + i] : e.bitXor(bits[5 + i], all));
      sums[value] = e.add(sums[value], e.countBits(those));
    }
  }

  //===--- What is known behind so many digits ---===//

  State stateBehind(int64_t digits) {
    State before = {e.number(0), e.number(spec.count)};
    if (digits > 1)
      before = loadState(stateAt(digits - 1));
    Value own = countAll(digits - 1), above = e.sub(fromHereOn(own), own);
    // The one value with which the count is reached, from the greatest on.
    Value reaches = e.less(e.add(above, own), before.left);
    e.ifThen(e.select(e.less(above, before.left), e.equal(reaches, block.isFalse()), block.isFalse()), [&] {
      Value told = e.at(e.shared(), kTold);
      e.store(e.add(e.shl(before.known, kDigitBits), e.thread()), told);
      e.store(e.sub(before.left, above), e.at(told, 4));
    });
    e.barrier();
    State state = loadState(e.at(e.shared(), kTold));
    if (digits < GreatestMarksSpec::kDigits)
      e.ifThen(e.equal(e.add(e.block(), e.thread()), e.number(0)), [&] {
        e.store(state.known, stateAt(digits));
        e.store(state.left, e.at(stateAt(digits), 4));
      });
    return state;
  }
  State loadState(Value from) { return {e.load(e.i32(), from), e.load(e.i32(), e.at(from, 4))}; }

  /// How many words of the row have the value that is this thread's number.
  Value countAll(int64_t digit) {
    Value start = e.number(0), end = e.number(spec.blocks());
    return e.loop(start, end, kAhead, {start}, [&](Value first, const Values &so) {
      Values loaded;
      for (int64_t i = 0; i < kAhead; ++i) {
        Value other = e.add(first, i), isThere = e.less(other, end);
        Value from = countsOf(digit, e.select(isThere, other, start));
        loaded.push_back(e.select(isThere, e.load(e.i32(), e.atElement(from, e.thread(), 4)), start));
      }
      Value sum = so[0];
      for (Value one : loaded)
        sum = e.add(sum, one);
      return Values{sum};
    })[0];
  }
  /// The sum over threads from this one on.
  Value fromHereOn(Value own) {
    for (int64_t step = 1; step < kWarpLanes; step *= 2) {
      Value other = e.ofLane(own, e.bitAnd(e.add(e.lane(), step), kWarpLanes - 1));
      own = e.add(own, e.select(e.less(e.add(e.lane(), step), e.number(kWarpLanes)), other, e.number(0)));
    }
    e.ifThen(e.equal(e.lane(), e.number(0)), [&] { e.store(own, sumOf(e.warp())); });
    e.barrier();
    for (int64_t warp = 1; warp < kWarps; ++warp) {
      Value other = e.load(e.i32(), sumOf(e.number(warp)));
      own = e.add(own, e.select(e.less(e.warp(), e.number(warp)), other, e.number(0)));
    }
    return own;
  }

  //===--- Marking ---===//

  Value lanesBelow() { return e.sub(e.shl(e.number(1), e.lane()), e.number(1)); }
  /// Nothing is no number, even if it is the count-th greatest.
  Value isEqual(Value word, const State &state) {
    return e.select(e.equal(word, state.known), e.less(e.number(0), word), block.isFalse());
  }
  /// How many words before those of this warp equal the count-th greatest.
  Value equalBefore(const State &state) {
    Value value = e.bitAnd(state.known, kValues - 1), own = e.number(0);
    for (Value word : words)
      own = e.add(own, e.countBits(e.ballot(isEqual(word, state))));
    e.ifThen(e.equal(e.lane(), e.number(0)), [&] { e.store(own, sumOf(e.warp())); });
    e.barrier();
    Value before = e.loop(e.number(0), e.block(), 1, {e.number(0)}, [&](Value other, const Values &so) {
      Value from = countsOf(GreatestMarksSpec::kDigits - 1, other);
      return Values{e.add(so[0], e.load(e.i32(), e.atElement(from, value, 4)))};
    })[0];
    for (int64_t warp = 0; warp + 1 < kWarps; ++warp) {
      Value other = e.load(e.i32(), sumOf(e.number(warp)));
      before = e.add(before, e.select(e.less(e.number(warp), e.warp()), other, e.number(0)));
    }
    return before;
  }
};

std::string nameOf(const std::string &what, const GreatestMarksSpec &spec, const KernelLibrary &kernels) {
  return what + "_n" + std::to_string(spec.width) + "_of" + std::to_string(spec.count) + "_" + kernels.getTarget().chip;
}
constexpr KernelShape kShape = {MarkedBlock::kThreads, /*leastBlocks=*/2, kSharedBytes};
} // namespace

std::string rankDigitKernel(KernelLibrary &kernels, const GreatestMarksSpec &spec, int64_t digit) {
  return kernels.define(nameOf("rank_digit" + std::to_string(digit), spec, kernels), kShape,
                        {Kind::Memory, Kind::Memory},
                        [=](Emitter &e, ValueRange a) { RankEmitter(e, spec, a).count(digit); });
}

std::string greatestMarksKernel(KernelLibrary &kernels, const GreatestMarksSpec &spec, int64_t outStride) {
  return kernels.define(nameOf("greatest_marks_to" + std::to_string(outStride), spec, kernels), kShape,
                        {Kind::Memory, Kind::Memory, Kind::Memory, Kind::Memory}, [=](Emitter &e, ValueRange a) {
                          Value marks = e.atElement(a[2], e.blockY(), MarkedBlock::bytesOf(spec.width));
                          RankEmitter(e, spec, a).mark(marks, e.atElement(a[3], e.blockY(), outStride), outStride);
                        });
}

} // namespace lmopt::nvptx
