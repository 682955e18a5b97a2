// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// atom and red. Lanes of a warp that meet at one address go in the order of their numbers (strict mode: backwards).
// Source: PTX ISA, "atom", "red". Tested by test/ptx/unit/AtomicTest.cpp.
#include "test/ptx/decode/MemoryOperands.h"
#include "test/ptx/machine/Lanes.h"
#include "test/ptx/machine/MemoryAccess.h"

namespace lmopt::ptx {

namespace {
enum Operation : uint8_t { kAdd, kMin, kMax, kAnd, kOr, kXor, kExchange, kCompareAndSwap, kIncrement, kDecrement };

template <typename T>
T applyOperation(uint8_t operation, T old, T b, T c) {
  if constexpr (std::is_integral_v<T>) {
    switch (operation) {
    case kAnd:
      return old & b;
    case kOr:
      return old | b;
    case kXor:
      return old ^ b;
    case kCompareAndSwap:
      return old == b ? c : old;
    case kIncrement:
      return old >= b ? T(0) : static_cast<T>(old + 1);
    case kDecrement:
      return old == 0 || old > b ? b : static_cast<T>(old - 1);
    default:
      break;
    }
  }
  switch (operation) {
  case kMin:
    return b < old ? b : old;
  case kMax:
    return old < b ? b : old;
  case kExchange:
    return b;
  default:
    if constexpr (std::is_signed_v<T> && std::is_integral_v<T>)
      return static_cast<T>(static_cast<std::make_unsigned_t<T>>(old) + static_cast<std::make_unsigned_t<T>>(b));
    else
      return old + b;
  }
}

template <typename T>
void atomicLane(Warp &warp, const Instruction &i, uint32_t lane, uint8_t *pointer) {
  T old, b = load<T>(lanesOf<T>(warp, i.source[0])[lane]);
  T c = i.source[1] == kNoSlot ? T() : load<T>(lanesOf<T>(warp, i.source[1])[lane]);
  std::memcpy(&old, pointer, sizeof old);
  T now = applyOperation(i.option, old, b, c);
  std::memcpy(pointer, &now, sizeof now);
  if (i.result[0] != kNoSlot)
    lanesOf<T>(warp, i.result[0])[lane] = store<T>(old);
}

void order(Warp &warp, const Instruction &i, uint32_t mask, const uint64_t *addresses, bool before) {
  bool isBlockScope = i.isBlockScope || i.space == StateSpace::Shared;
  bool acquires = i.ordering == Ordering::Acquire || i.ordering == Ordering::AcquireRelease;
  bool releases = i.ordering == Ordering::Release || i.ordering == Ordering::AcquireRelease;
  forLanes(mask, [&](uint32_t lane) {
    uint64_t address = i.space == StateSpace::Shared ? kSharedWindow + addresses[lane] : addresses[lane];
    if (before && releases)
      warp.launch.release(warp, address, isBlockScope);
    else if (before)
      warp.launch.relaxedWrite(warp, address, isBlockScope);
    else if (acquires)
      warp.launch.acquire(warp, address, isBlockScope);
    else
      warp.launch.relaxedRead(warp, address, isBlockScope);
  });
}

template <typename T>
void runAtomic(Warp &warp, const Instruction &i, uint32_t mask) {
  uint64_t addresses[kLanes];
  uint8_t *pointers[kLanes];
  laneAddresses(warp, i.address, addresses);
  MemoryAccess(warp, i, sizeof(T), AccessKind::AtomicUpdate).resolve(i.space, mask, addresses, pointers);
  ++warp.launch.counters.atomics;
  order(warp, i, mask, addresses, true);
  forLanes(mask,
           [&](uint32_t lane) { warp.block.stores.flush(reinterpret_cast<uint64_t>(pointers[lane]), sizeof(T)); });
  if (warp.launch.isStrict())
    for (uint32_t lane = kLanes; lane-- > 0;)
      isActive(mask, lane) ? atomicLane<T>(warp, i, lane, pointers[lane]) : void();
  else
    forLanes(mask, [&](uint32_t lane) { atomicLane<T>(warp, i, lane, pointers[lane]); });
  order(warp, i, mask, addresses, false);
}

/// Which types an operation has.
Handler handlerFor(ScalarType type, uint8_t operation) {
  bool isBitwise = operation >= kAnd && operation <= kCompareAndSwap;
  bool isCounter = operation == kIncrement || operation == kDecrement;
  switch (type) {
  case ScalarType::B32:
    return isBitwise ? runAtomic<uint32_t> : nullptr;
  case ScalarType::B64:
    return isBitwise ? runAtomic<uint64_t> : nullptr;
  case ScalarType::U32:
    return operation <= kMax || isCounter || operation >= kExchange ? runAtomic<uint32_t> : nullptr;
  case ScalarType::S32:
    return operation <= kMax ? runAtomic<int32_t> : nullptr;
  case ScalarType::U64:
    return operation <= kMax || operation == kExchange || operation == kCompareAndSwap ? runAtomic<uint64_t> : nullptr;
  case ScalarType::S64:
    return operation == kMin || operation == kMax ? runAtomic<int64_t> : nullptr;
  case ScalarType::F32:
    return operation == kAdd ? runAtomic<float> : nullptr;
  case ScalarType::F64:
    return operation == kAdd ? runAtomic<double> : nullptr;
  default:
    return nullptr;
  }
}

template <bool kHasResult>
void decodeAtomic(StatementDecoder &s) {
  s.out.ordering = takeOrdering(s, {Ordering::Relaxed, Ordering::Acquire, Ordering::Release, Ordering::AcquireRelease},
                                Ordering::Relaxed);
  takeScope(s);
  s.out.space = takeSpace(s);
  if (s.out.space > StateSpace::Shared)
    s.refuse("no atomics in this state space");
  s.out.option =
      static_cast<uint8_t>(s.expectOneOf({"add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"}));
  if (!kHasResult && (s.out.option == kExchange || s.out.option == kCompareAndSwap))
    s.refuse("red has no such operation");
  ScalarType type = s.type({ScalarType::B32, ScalarType::B64, ScalarType::U32, ScalarType::U64, ScalarType::S32,
                            ScalarType::S64, ScalarType::F32, ScalarType::F64});
  s.out.run = handlerFor(type, s.out.option);
  if (!s.out.run)
    s.refuse("no such operation for this type");
  if (kHasResult)
    s.out.result[0] = s.result(type);
  s.out.address = s.address(s.out.space);
  s.out.source[0] = s.source(type);
  if (s.out.option == kCompareAndSwap)
    s.out.source[1] = s.source(type);
}
} // namespace

void addAtomics(StatementTable &table) {
  table["atom"] = decodeAtomic<true>;
  table["red"] = decodeAtomic<false>;
}

} // namespace lmopt::ptx
