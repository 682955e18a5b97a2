// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ld, st, cvta, prefetch and createpolicy. Source: PTX ISA, "Data Movement and Conversion Instructions".
// Tested by test/ptx/unit/MemoryTest.cpp.
#include "test/ptx/decode/KernelDecoder.h"
#include "test/ptx/decode/MemoryOperands.h"
#include "test/ptx/machine/Lanes.h"
#include "test/ptx/machine/MemoryAccess.h"

namespace lmopt::ptx {

Ordering takeOrdering(StatementDecoder &s, std::initializer_list<Ordering> allowed, Ordering otherwise) {
  Ordering found = otherwise;
  bool hasScope = true;
  if (s.take("relaxed"))
    found = Ordering::Relaxed;
  else if (s.take("acquire"))
    found = Ordering::Acquire;
  else if (s.take("release"))
    found = Ordering::Release;
  else if (s.take("acq_rel"))
    found = Ordering::AcquireRelease;
  else
    hasScope = false;
  if (hasScope && std::find(allowed.begin(), allowed.end(), found) == allowed.end())
    s.refuse("this memory order is not one of this instruction");
  return found;
}

void takeScope(StatementDecoder &s) { s.out.isBlockScope = s.takeOneOf({"cta", "gpu", "sys", "cluster"}) == 0; }

StateSpace takeSpace(StatementDecoder &s) {
  switch (
      s.takeOneOf({"global", "shared", "shared::cta", "shared::cluster", "const", "local", "param", "param::entry"})) {
  case 0:
    return StateSpace::Global;
  case 1:
  case 2:
  case 3: // clusters are of one block, whose own addresses are the cluster's too
    return StateSpace::Shared;
  case 4:
    return StateSpace::Constant;
  case 5:
    return StateSpace::Local;
  case 6:
  case 7:
    return StateSpace::Parameter;
  default:
    return StateSpace::Generic;
  }
}

/// Hints change times only. True if one of them takes a policy as an operand.
bool takeCacheHints(StatementDecoder &s) {
  bool hasPolicy = false;
  for (;;) {
    if (s.take("L2::cache_hint"))
      hasPolicy = true;
    else if (s.takeOneOf({"ca", "cg", "cs", "lu", "cv", "wb", "wt", "L1::evict_normal", "L1::evict_unchanged",
                          "L1::evict_first", "L1::evict_last", "L1::no_allocate", "L2::evict_normal", "L2::evict_first",
                          "L2::evict_last", "L2::64B", "L2::128B", "L2::256B"}) < 0)
      return hasPolicy;
  }
}

void takePolicy(StatementDecoder &s, bool hasPolicy) {
  if (hasPolicy)
    s.source(ScalarType::B64);
}

namespace {
constexpr std::initializer_list<ScalarType> kMemoryTypes = {
    ScalarType::B8,  ScalarType::B16, ScalarType::B32, ScalarType::B64, ScalarType::U8,
    ScalarType::U16, ScalarType::U32, ScalarType::U64, ScalarType::S8,  ScalarType::S16,
    ScalarType::S32, ScalarType::S64, ScalarType::F32, ScalarType::F64};

uint64_t synchronizationAddress(StateSpace space, uint64_t address) {
  return space == StateSpace::Shared ? kSharedWindow + address : address;
}

/// What an ordered access means for what warps know of each other.
void synchronize(Warp &warp, const Instruction &i, uint32_t mask, const uint64_t *addresses, bool isLoad) {
  bool isBlockScope = i.isBlockScope || i.space == StateSpace::Shared;
  forLanes(mask, [&](uint32_t lane) {
    uint64_t address = synchronizationAddress(i.space, addresses[lane]);
    if (isLoad && i.ordering == Ordering::Acquire)
      warp.launch.acquire(warp, address, isBlockScope);
    else if (isLoad)
      warp.launch.relaxedRead(warp, address, isBlockScope);
    else if (i.ordering == Ordering::Release)
      warp.launch.release(warp, address, isBlockScope);
    else
      warp.launch.relaxedWrite(warp, address, isBlockScope);
  });
}

AccessKind kindOfLoad(Ordering ordering) {
  return ordering == Ordering::Weak       ? AccessKind::Read
         : ordering == Ordering::ReadOnly ? AccessKind::ReadOnly
                                          : AccessKind::AtomicRead;
}

bool isDeviceSpace(StateSpace space) { return space == StateSpace::Global || space == StateSpace::Generic; }

/// One element of each lane: memory -> register, widened by the type's sign.
template <typename T>
void loadElement(Warp &warp, const Instruction &i, uint32_t mask, uint8_t *const *pointers, unsigned element,
                 uint32_t slot) {
  bool isWide = i.wideElements >> element & 1;
  forLanes(mask, [&](uint32_t lane) {
    T value;
    std::memcpy(&value, pointers[lane] + element * sizeof(T), sizeof(T));
    if (isWide)
      wideWords(warp, slot)[lane] = static_cast<uint64_t>(static_cast<int64_t>(value));
    else if constexpr (sizeof(T) <= 4)
      words(warp, slot)[lane] = static_cast<uint32_t>(static_cast<int32_t>(value));
  });
}

using ElementMover = void (*)(Warp &, const Instruction &, uint32_t, uint8_t *const *, unsigned, uint32_t);

ElementMover loaderOf(ScalarType type) {
  switch (type) {
  case ScalarType::S8:
    return loadElement<int8_t>;
  case ScalarType::S16:
    return loadElement<int16_t>;
  case ScalarType::S32:
    return loadElement<int32_t>;
  default:
    break;
  }
  switch (sizeOf(type)) {
  case 1:
    return loadElement<uint8_t>;
  case 2:
    return loadElement<uint16_t>;
  case 4:
    return loadElement<uint32_t>;
  default:
    return loadElement<uint64_t>;
  }
}

/// In strict mode a block sees its own stores, which are not in memory yet.
void viewStores(Warp &warp, uint32_t mask, uint8_t **pointers, uint32_t bytes, uint8_t (*view)[kMostVectorBytes]) {
  forLanes(mask, [&](uint32_t lane) {
    warp.block.stores.read(reinterpret_cast<uint64_t>(pointers[lane]), view[lane], bytes);
    pointers[lane] = view[lane];
  });
}

/// 16-bit registers hold zeros above their value, whatever was loaded.
void clearUpperHalves(Warp &warp, const Instruction &i, uint32_t mask) {
  for (unsigned e = 0; e < i.elements; ++e)
    if (i.option >> e & 1)
      forLanes(mask,
               [&](uint32_t lane) { words(warp, warp.launch.kernel.slots[i.results.first + e])[lane] &= 0xffff; });
}

void runLoad(Warp &warp, const Instruction &i, uint32_t mask) {
  uint64_t addresses[kLanes];
  uint8_t *pointers[kLanes];
  laneAddresses(warp, i.address, addresses);
  uint32_t bytes = i.elementBytes * i.elements;
  MemoryAccess(warp, i, bytes, kindOfLoad(i.ordering)).resolve(i.space, mask, addresses, pointers);
  bool isOrdered = i.ordering >= Ordering::Relaxed;
  uint8_t view[kLanes][kMostVectorBytes];
  if (!warp.block.stores.empty() && isDeviceSpace(i.space))
    viewStores(warp, mask, pointers, bytes, view);
  ElementMover load = loaderOf(i.type);
  for (unsigned e = 0; e < i.elements; ++e)
    load(warp, i, mask, pointers, e, warp.launch.kernel.slots[i.results.first + e]);
  if (i.option)
    clearUpperHalves(warp, i, mask);
  if (!isOrdered)
    return;
  synchronize(warp, i, mask, addresses, true);
  warp.yielded = true; // it may be waiting for another
}

void gatherElements(Warp &warp, const Instruction &i, uint32_t lane, uint8_t *into) {
  for (unsigned e = 0; e < i.elements; ++e) {
    uint32_t slot = warp.launch.kernel.slots[i.sources.first + e];
    uint64_t value = i.wideElements >> e & 1 ? wideWords(warp, slot)[lane] : words(warp, slot)[lane];
    std::memcpy(into + e * i.elementBytes, &value, i.elementBytes);
  }
}

/// Only weak stores may stay unseen; others go to memory, and so does what the block has stored there before.
void storeLane(Warp &warp, const Instruction &i, uint8_t *pointer, const uint8_t *value, uint32_t bytes) {
  auto address = reinterpret_cast<uint64_t>(pointer);
  bool isDevice =
      isDeviceSpace(i.space) && warp.launch.isStrict() && warp.launch.device.memory.contains(address, bytes);
  if (isDevice && i.ordering == Ordering::Weak)
    return warp.block.stores.write(address, value, bytes);
  if (isDevice)
    warp.block.stores.flush(address, bytes);
  std::memcpy(pointer, value, bytes);
}

void runStore(Warp &warp, const Instruction &i, uint32_t mask) {
  uint64_t addresses[kLanes];
  uint8_t *pointers[kLanes];
  laneAddresses(warp, i.address, addresses);
  uint32_t bytes = i.elementBytes * i.elements;
  bool isWeak = i.ordering == Ordering::Weak;
  MemoryAccess(warp, i, bytes, isWeak ? AccessKind::Write : AccessKind::AtomicWrite)
      .resolve(i.space, mask, addresses, pointers);
  if (!isWeak)
    synchronize(warp, i, mask, addresses, false);
  forLanes(mask, [&](uint32_t lane) {
    uint8_t value[kMostVectorBytes];
    gatherElements(warp, i, lane, value);
    storeLane(warp, i, pointers[lane], value, bytes);
  });
}

unsigned takeVector(StatementDecoder &s, bool hasEight) {
  int position = s.takeOneOf({"v2", "v4", "v8"});
  if (position == 2 && !hasEight)
    s.refuse(".v8 is for 32-bit types");
  return position < 0 ? 1 : 2u << position;
}

void takeElements(StatementDecoder &s, unsigned count) {
  s.out.elements = static_cast<uint8_t>(count);
  s.out.type = s.type(kMemoryTypes);
  s.out.elementBytes = static_cast<uint8_t>(sizeOf(s.out.type));
  if (sizeOf(s.out.type) * count > kMostVectorBytes)
    s.refuse("a vector of more than 32 bytes");
}

void decodeLoad(StatementDecoder &s) {
  bool isVolatile = s.take("volatile");
  bool isWeak = s.take("weak");
  s.out.ordering =
      takeOrdering(s, {Ordering::Relaxed, Ordering::Acquire}, isVolatile ? Ordering::Relaxed : Ordering::Weak);
  if ((isVolatile || isWeak) && s.out.ordering >= Ordering::Acquire)
    s.refuse("two memory orders");
  if (s.out.ordering >= Ordering::Relaxed && !isVolatile)
    takeScope(s);
  s.out.space = takeSpace(s);
  bool hasPolicy = takeCacheHints(s);
  if (s.take("nc")) {
    if (s.out.space != StateSpace::Global || s.out.ordering != Ordering::Weak)
      s.refuse(".nc is for weak loads of global memory");
    s.out.ordering = Ordering::ReadOnly;
  }
  hasPolicy |= takeCacheHints(s);
  unsigned count = takeVector(s, true);
  takeElements(s, count);
  unsigned position = 0;
  for (const Operand &element : s.vector(count)) {
    bool isWide = false;
    s.wideResultOf(element, s.out.type, isWide);
    s.out.wideElements |= static_cast<uint8_t>(isWide << position);
    bool isHalf = sizeOf(s.registerType(element)) == 2;
    s.out.option |= static_cast<uint8_t>((isHalf && isSigned(s.out.type)) << position);
    ++position;
  }
  s.out.address = s.address(s.out.space);
  takePolicy(s, hasPolicy);
  s.out.run = runLoad;
}

void decodeStore(StatementDecoder &s) {
  bool isVolatile = s.take("volatile");
  bool isWeak = s.take("weak");
  s.out.ordering =
      takeOrdering(s, {Ordering::Relaxed, Ordering::Release}, isVolatile ? Ordering::Relaxed : Ordering::Weak);
  if ((isVolatile || isWeak) && s.out.ordering >= Ordering::Acquire)
    s.refuse("two memory orders");
  if (s.out.ordering >= Ordering::Relaxed && !isVolatile)
    takeScope(s);
  s.out.space = takeSpace(s);
  if (s.out.space == StateSpace::Constant || s.out.space == StateSpace::Parameter)
    s.refuse("no stores to this state space");
  bool hasPolicy = takeCacheHints(s);
  unsigned count = takeVector(s, true);
  takeElements(s, count);
  s.out.address = s.address(s.out.space);
  unsigned position = 0;
  for (const Operand &element : s.vector(count)) {
    bool isWide = false;
    s.wideSourceOf(element, s.out.type, isWide);
    s.out.wideElements |= static_cast<uint8_t>(isWide << position++);
  }
  takePolicy(s, hasPolicy);
  s.out.run = runStore;
}

/// Adds a window's base, or takes it away. Device memory is the same in both.
void runConvertAddress(Warp &warp, const Instruction &i, uint32_t mask) {
  auto base = static_cast<uint64_t>(i.immediate);
  forLanes(mask, [&](uint32_t lane) {
    uint64_t value = wideWords(warp, i.source[0])[lane];
    wideWords(warp, i.result[0])[lane] = i.flag ? value - base : value + base;
  });
}

void decodeConvertAddress(StatementDecoder &s) {
  s.out.flag = s.take("to");
  StateSpace space = takeSpace(s);
  if (space == StateSpace::Generic)
    s.refuse("a state space is missing");
  s.type({ScalarType::U64});
  uint64_t base = space == StateSpace::Shared      ? kSharedWindow
                  : space == StateSpace::Local     ? kLocalWindow
                  : space == StateSpace::Parameter ? kParameterWindow
                                                   : 0;
  s.out.immediate = static_cast<int64_t>(base);
  s.out.result[0] = s.result(ScalarType::U64);
  s.out.source[0] = s.source(ScalarType::U64);
  s.out.run = runConvertAddress;
}

void runNothing(Warp &, const Instruction &, uint32_t) {}

/// An address that is fetched ahead must exist; when it arrives is not seen.
void decodePrefetch(StatementDecoder &s) {
  StateSpace space = takeSpace(s);
  s.expectOneOf({"L1", "L2", "L2::evict_last", "L2::evict_normal"});
  s.out.address = s.address(space);
  s.out.run = runNothing;
}

void runPolicy(Warp &warp, const Instruction &i, uint32_t mask) {
  forLanes(mask, [&](uint32_t lane) { wideWords(warp, i.result[0])[lane] = 0; });
}

void decodePolicy(StatementDecoder &s) {
  if (!s.take("fractional"))
    s.refuse("only fractional policies are known");
  s.expectOneOf({"L2::evict_last", "L2::evict_normal", "L2::evict_first", "L2::evict_unchanged"});
  s.takeOneOf({"L2::evict_first", "L2::evict_unchanged"});
  s.type({ScalarType::B64});
  s.out.result[0] = s.result(ScalarType::B64);
  if (s.operandsLeft())
    s.takeOperand(); // the fraction
  s.out.run = runPolicy;
}
} // namespace

void addMemory(StatementTable &table) {
  table["ld"] = decodeLoad;
  table["st"] = decodeStore;
  table["cvta"] = decodeConvertAddress;
  table["prefetch"] = decodePrefetch;
  table["createpolicy"] = decodePolicy;
}

} // namespace lmopt::ptx
