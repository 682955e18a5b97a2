// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cp.async (per lane, waited for by groups) and cp.async.bulk (one range, waited for at an mbarrier).
//
// What is written counts as under way until it is waited for, and touching it before is an error; in strict mode the
// data themselves arrive only then. Source: PTX ISA, "Asynchronous Data Copy". Tested by test/ptx/unit/AsyncTest.cpp.
#include "test/ptx/decode/MemoryOperands.h"
#include "test/ptx/machine/Lanes.h"
#include "test/ptx/machine/MemoryAccess.h"

namespace lmopt::ptx {

namespace {
constexpr uint32_t kPendingEpoch = makeEpoch(kPendingAgent, kMostClock + 1);

void moveData(Warp &warp, const PendingCopy &copy) {
  uint8_t *into = warp.block.shared.at(copy.shared);
  if (copy.bytes)
    std::memcpy(into, reinterpret_cast<const void *>(copy.source), copy.bytes);
  std::fill_n(into + copy.bytes, copy.size - copy.bytes, uint8_t(0));
}

uint32_t bytesToCopy(Warp &warp, const Instruction &i, uint32_t lane) {
  if (i.source[0] == kNoSlot)
    return i.elementBytes;
  uint32_t bytes = words(warp, i.source[0])[lane];
  if (bytes > i.elementBytes)
    warp.fail(i, "copies more bytes than it writes", static_cast<int>(lane));
  return bytes;
}

/// Checks and counts both sides. Only lanes that copy something need a source.
void checkSides(Warp &warp, const Instruction &i, uint32_t mask, const uint64_t *into, const uint64_t *from) {
  uint8_t *pointers[kLanes];
  MemoryAccess(warp, i, i.elementBytes, AccessKind::Write).resolve(StateSpace::Shared, mask, into, pointers);
  MemoryAccess source(warp, i, i.elementBytes, AccessKind::Read);
  uint32_t whole = 0;
  forLanes(mask, [&](uint32_t lane) {
    uint32_t bytes = bytesToCopy(warp, i, lane);
    whole |= static_cast<uint32_t>(bytes == i.elementBytes) << lane;
    if (bytes && bytes < i.elementBytes)
      source.checkGlobal(from[lane], bytes, static_cast<int>(lane));
  });
  if (whole)
    source.resolve(StateSpace::Global, whole, from, pointers);
}

void runCopy(Warp &warp, const Instruction &i, uint32_t mask) {
  uint64_t into[kLanes], from[kLanes];
  laneAddresses(warp, i.address, into);
  laneAddresses(warp, i.address2, from);
  checkSides(warp, i, mask, into, from);
  forLanes(mask, [&](uint32_t lane) {
    PendingCopy copy{static_cast<uint32_t>(into[lane] - kSharedStart), from[lane], bytesToCopy(warp, i, lane),
                     i.elementBytes};
    warp.block.stores.flush(copy.source, copy.bytes);
    if (!warp.launch.isStrict())
      moveData(warp, copy);
    warp.block.shared.setWriter(copy.shared, copy.size, kPendingEpoch);
    warp.openCopies.push_back(copy);
  });
}

void arrive(Warp &warp, const std::vector<PendingCopy> &copies) {
  for (const PendingCopy &copy : copies) {
    if (warp.launch.isStrict())
      moveData(warp, copy);
    warp.block.shared.setWriter(copy.shared, copy.size, warp.observer.epoch());
  }
}

void runCommit(Warp &warp, const Instruction &i, uint32_t mask) {
  warp.requireAllLanes(i, mask | ~warp.groupMask());
  warp.committedCopies.push_back(std::move(warp.openCopies));
  warp.openCopies.clear();
}

/// Until at most so many groups are under way. Groups of a warp are those of its lanes: they must commit together.
void runWait(Warp &warp, const Instruction &i, uint32_t mask) {
  warp.requireAllLanes(i, mask | ~warp.groupMask());
  while (warp.committedCopies.size() > static_cast<size_t>(i.immediate)) {
    arrive(warp, warp.committedCopies.front());
    warp.committedCopies.pop_front();
  }
  if (!i.flag)
    return;
  arrive(warp, warp.openCopies);
  warp.openCopies.clear();
}

void decodeCopy(StatementDecoder &s, bool isWholeLine) {
  if (takeSpace(s) != StateSpace::Shared || takeSpace(s) != StateSpace::Global)
    s.refuse("copies go from global to shared memory");
  bool hasPolicy = takeCacheHints(s);
  s.out.address = s.address(StateSpace::Shared);
  s.out.address2 = s.address(StateSpace::Global);
  int64_t size = s.immediate(4, 16);
  if ((size != 4 && size != 8 && size != 16) || (isWholeLine && size != 16))
    s.refuse("copies are of 4, 8 or 16 bytes, with .cg of 16");
  s.out.elementBytes = static_cast<uint8_t>(size);
  if (s.operandsLeft() > (hasPolicy ? 1u : 0u))
    s.out.source[0] = s.source(ScalarType::U32);
  takePolicy(s, hasPolicy);
  s.out.run = runCopy;
}

void decodeGroups(StatementDecoder &s, int which) {
  s.out.run = which == 0 ? runCommit : runWait;
  s.out.flag = which == 2;
  s.out.immediate = which == 1 ? s.immediate(0, 1 << 20) : 0;
}

/// Sizes and addresses are multiples of 16: hardware would fault or corrupt.
void checkBulk(Warp &warp, const Instruction &i, const BulkCopy &copy, uint64_t into, int lane) {
  if (copy.bytes % 16 || copy.source % 16 || into % 16 || copy.bytes == 0)
    warp.fail(i, "a bulk copy of " + std::to_string(copy.bytes) + " bytes: size and addresses are multiples of 16",
              lane);
  MemoryAccess(warp, i, 16, AccessKind::Write).shared(into, copy.bytes, lane);
  MemoryAccess(warp, i, 16, AccessKind::Read).checkGlobal(copy.source, copy.bytes, lane);
}

void countBulk(Counters &counters, uint32_t bytes) {
  ++counters.globalLoadRequests;
  counters.globalLoadSectors += (bytes + 31) / 32;
  counters.globalLoadBytes += bytes;
}

/// Bulk copies take shared addresses in either form.
uint64_t sharedAddress(uint64_t address) {
  return address >> 48 == kSharedWindow >> 48 ? address - kSharedWindow : address;
}

void runBulk(Warp &warp, const Instruction &i, uint32_t mask) {
  uint64_t into[kLanes], from[kLanes];
  laneAddresses(warp, i.address, into);
  laneAddresses(warp, i.address2, from);
  forLanes(mask, [&](uint32_t lane) {
    auto mbarrier = static_cast<uint32_t>(words(warp, i.source[1])[lane] + i.immediate - kSharedStart);
    BulkCopy copy{static_cast<uint32_t>(sharedAddress(into[lane]) - kSharedStart), from[lane],
                  words(warp, i.source[0])[lane], mbarrier};
    checkBulk(warp, i, copy, sharedAddress(into[lane]), static_cast<int>(lane));
    warp.block.mbarrierAt(warp, i, mbarrier);
    countBulk(warp.launch.counters, copy.bytes);
    warp.block.stores.flush(copy.source, copy.bytes);
    warp.block.start(warp, copy);
  });
}

/// The third address: as a base that counts as a source, and an offset.
void takeMbarrier(StatementDecoder &s) {
  const Operand &operand = s.takeOperand();
  if (operand.kind != Operand::Kind::Address || operand.elements.empty())
    s.refuse("expected the address of an mbarrier");
  Operand base = operand.elements[0];
  bool isWide = false;
  s.out.source[1] = s.wideSourceOf(base, ScalarType::U32, isWide);
  if (isWide)
    s.refuse("the address of an mbarrier has 32 bits here");
  s.out.immediate = static_cast<int64_t>(operand.value - (base.kind == Operand::Kind::Symbol ? base.value : 0));
}

void decodeBulk(StatementDecoder &s) {
  if (s.take("prefetch")) {
    s.expectOneOf({"L2"});
    s.expectOneOf({"global"});
    s.out.address = s.address(StateSpace::Global);
    s.out.source[0] = s.source(ScalarType::U32);
    s.out.run = [](Warp &, const Instruction &, uint32_t) {};
    return;
  }
  if (takeSpace(s) != StateSpace::Shared || takeSpace(s) != StateSpace::Global)
    s.refuse("bulk copies from global to shared memory only");
  s.expectOneOf({"mbarrier::complete_tx::bytes"});
  bool hasPolicy = takeCacheHints(s);
  s.out.address = s.address(StateSpace::Shared);
  s.out.address2 = s.address(StateSpace::Global);
  s.out.source[0] = s.source(ScalarType::U32);
  takeMbarrier(s);
  takePolicy(s, hasPolicy);
  s.out.run = runBulk;
}

void decodeAsync(StatementDecoder &s) {
  s.expectOneOf({"async"});
  if (int which = s.takeOneOf({"commit_group", "wait_group", "wait_all"}); which >= 0)
    return decodeGroups(s, which);
  if (s.take("bulk"))
    return decodeBulk(s);
  decodeCopy(s, s.expectOneOf({"ca", "cg"}) == 1);
}
} // namespace

void addAsync(StatementTable &table) { table["cp"] = decodeAsync; }

} // namespace lmopt::ptx
