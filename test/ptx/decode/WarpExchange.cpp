// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// shfl.sync, vote.sync, match.sync, redux.sync, activemask, elect.sync.
//
// The lanes of the member mask must be together: what hardware would wait for, or leave undefined, is an error here.
// Source: PTX ISA, sections of these names. Tested by test/ptx/unit/WarpTest.cpp.
#include "test/ptx/decode/Decoder.h"
#include "test/ptx/machine/Lanes.h"
#include "test/ptx/machine/Launch.h"

namespace lmopt::ptx {

namespace {
/// The member mask, which all lanes give alike, and which are exactly the lanes that are here.
uint32_t members(Warp &warp, const Instruction &i, uint32_t slot, uint32_t mask) {
  const uint32_t *masks = words(warp, slot);
  forLanes(mask, [&](uint32_t lane) {
    if (masks[lane] != masks[__builtin_ctz(mask)])
      warp.fail(i, "lanes give different member masks", static_cast<int>(lane));
  });
  uint32_t result = masks[__builtin_ctz(mask)];
  if ((result & mask) != mask)
    warp.fail(i, "a lane is here that the member mask does not name", __builtin_ctz(mask & ~result));
  if ((result & mask) != result)
    warp.fail(i, "divergence: a lane of the member mask is not here", __builtin_ctz(result & ~mask));
  return result;
}

enum ShuffleMode : uint8_t { kUp, kDown, kButterfly, kIndex };

/// Source lane and whether it is in range. `bound`: clamp in bits 0-4, segment mask in bits 8-12.
std::pair<uint32_t, bool> shuffleSource(uint8_t mode, uint32_t lane, uint32_t b, uint32_t bound) {
  uint32_t clamp = bound & 31, segment = bound >> 8 & 31;
  uint32_t most = (lane & segment) | (clamp & ~segment), least = lane & segment;
  int source = 0;
  switch (mode) {
  case kUp:
    source = static_cast<int>(lane) - static_cast<int>(b & 31);
    return {static_cast<uint32_t>(source), source >= static_cast<int>(most)};
  case kDown:
    source = static_cast<int>(lane + (b & 31));
    break;
  case kButterfly:
    source = static_cast<int>(lane ^ (b & 31));
    break;
  default:
    source = static_cast<int>(least | (b & 31 & ~segment));
  }
  return {static_cast<uint32_t>(source), source <= static_cast<int>(most)};
}

void runShuffle(Warp &warp, const Instruction &i, uint32_t mask) {
  members(warp, i, i.source[3], mask);
  uint32_t values[kLanes], inRange = 0;
  std::memcpy(values, words(warp, i.source[0]), sizeof values);
  forLanes(mask, [&](uint32_t lane) {
    auto [source, isInRange] =
        shuffleSource(i.option, lane, words(warp, i.source[1])[lane], words(warp, i.source[2])[lane]);
    source = isInRange ? source : lane;
    if (!isActive(mask, source))
      warp.fail(i, "reads lane " + std::to_string(source) + ", which is not here", static_cast<int>(lane));
    words(warp, i.result[0])[lane] = values[source];
    inRange |= static_cast<uint32_t>(isInRange) << lane;
  });
  if (i.result[1] != kNoSlot)
    setPredicate(warp, i.result[1], inRange, mask);
}

void takePairResult(StatementDecoder &s, ScalarType first) {
  const Operand &results = s.takeOperand();
  bool isPair = results.kind == Operand::Kind::Pair;
  s.out.result[0] = s.resultOf(isPair ? results.elements[0] : results, first);
  if (isPair)
    s.out.result[1] = s.resultOf(results.elements[1], ScalarType::Pred);
}

void decodeShuffle(StatementDecoder &s) {
  s.expectOneOf({"sync"});
  s.out.option = static_cast<uint8_t>(s.expectOneOf({"up", "down", "bfly", "idx"}));
  s.type({ScalarType::B32});
  takePairResult(s, ScalarType::B32);
  for (uint32_t &source : s.out.source)
    source = s.source(ScalarType::B32);
  s.out.run = runShuffle;
}

enum VoteMode : uint8_t { kAll, kAny, kUniform, kBallot };

void runVote(Warp &warp, const Instruction &i, uint32_t mask) {
  uint32_t all = members(warp, i, i.source[1], mask), yes = predicateBits(warp, i.source[0]) & mask;
  if (i.option == kBallot)
    return forLanes(mask, [&](uint32_t lane) { words(warp, i.result[0])[lane] = yes; });
  bool result = i.option == kAll ? yes == all : i.option == kAny ? yes != 0 : yes == all || yes == 0;
  setPredicate(warp, i.result[0], result ? kAllLanes : 0, mask);
}

void decodeVote(StatementDecoder &s) {
  s.expectOneOf({"sync"});
  s.out.option = static_cast<uint8_t>(s.expectOneOf({"all", "any", "uni", "ballot"}));
  ScalarType type = s.type({s.out.option == kBallot ? ScalarType::B32 : ScalarType::Pred});
  s.out.result[0] = s.result(type);
  s.out.source[0] = s.predicate();
  s.out.source[1] = s.source(ScalarType::B32);
  s.out.run = runVote;
}

/// match.any: the lanes that have this lane's value.
void runMatch(Warp &warp, const Instruction &i, uint32_t mask) {
  members(warp, i, i.source[1], mask);
  const uint32_t *values = words(warp, i.source[0]);
  uint32_t results[kLanes] = {};
  forLanes(mask, [&](uint32_t lane) {
    forLanes(mask,
             [&](uint32_t other) { results[lane] |= static_cast<uint32_t>(values[other] == values[lane]) << other; });
  });
  blend<uint32_t>(words(warp, i.result[0]), results, mask);
}

void decodeMatch(StatementDecoder &s) {
  s.expectOneOf({"any"});
  s.expectOneOf({"sync"});
  s.type({ScalarType::B32});
  s.out.result[0] = s.result(ScalarType::B32);
  s.out.source[0] = s.source(ScalarType::B32);
  s.out.source[1] = s.source(ScalarType::B32);
  s.out.run = runMatch;
}

enum Reduction : uint8_t { kAdd, kMin, kMax, kAnd, kOr, kXor };

uint32_t reduce(const Instruction &i, uint32_t a, uint32_t b) {
  bool isLess = isSigned(i.type) ? static_cast<int32_t>(a) < static_cast<int32_t>(b) : a < b;
  switch (i.option) {
  case kAdd:
    return a + b;
  case kMin:
    return isLess ? a : b;
  case kMax:
    return isLess ? b : a;
  case kAnd:
    return a & b;
  case kOr:
    return a | b;
  default:
    return a ^ b;
  }
}

void runReduction(Warp &warp, const Instruction &i, uint32_t mask) {
  members(warp, i, i.source[1], mask);
  const uint32_t *values = words(warp, i.source[0]);
  uint32_t result = values[__builtin_ctz(mask)];
  forLanes(mask & (mask - 1), [&](uint32_t lane) { result = reduce(i, result, values[lane]); });
  forLanes(mask, [&](uint32_t lane) { words(warp, i.result[0])[lane] = result; });
}

void decodeReduction(StatementDecoder &s) {
  s.expectOneOf({"sync"});
  s.out.option = static_cast<uint8_t>(s.expectOneOf({"add", "min", "max", "and", "or", "xor"}));
  s.out.type = s.out.option < kAnd ? s.type({ScalarType::U32, ScalarType::S32}) : s.type({ScalarType::B32});
  s.out.result[0] = s.result(ScalarType::B32);
  s.out.source[0] = s.source(ScalarType::B32);
  s.out.source[1] = s.source(ScalarType::B32);
  s.out.run = runReduction;
}

void runActiveMask(Warp &warp, const Instruction &i, uint32_t mask) {
  forLanes(mask, [&](uint32_t lane) { words(warp, i.result[0])[lane] = mask; });
}

void decodeActiveMask(StatementDecoder &s) {
  s.type({ScalarType::B32});
  s.out.result[0] = s.result(ScalarType::B32);
  s.out.run = runActiveMask;
}

/// Any lane may be elected; strict mode takes the last instead of the first.
void runElect(Warp &warp, const Instruction &i, uint32_t mask) {
  uint32_t all = members(warp, i, i.source[0], mask);
  auto leader = static_cast<uint32_t>(warp.launch.isStrict() ? 31 - __builtin_clz(all) : __builtin_ctz(all));
  forLanes(mask, [&](uint32_t lane) { words(warp, i.result[0])[lane] = leader; });
  setPredicate(warp, i.result[1], 1u << leader, mask);
}

void decodeElect(StatementDecoder &s) {
  s.expectOneOf({"sync"});
  if (s.peekOperand().kind != Operand::Kind::Pair)
    s.refuse("expected two results");
  takePairResult(s, ScalarType::B32);
  s.out.source[0] = s.source(ScalarType::B32);
  s.out.run = runElect;
}
} // namespace

void addWarp(StatementTable &table) {
  table["shfl"] = decodeShuffle;
  table["vote"] = decodeVote;
  table["match"] = decodeMatch;
  table["redux"] = decodeReduction;
  table["activemask"] = decodeActiveMask;
  table["elect"] = decodeElect;
}

} // namespace lmopt::ptx
