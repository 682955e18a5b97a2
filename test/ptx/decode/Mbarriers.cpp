// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mbarrier: init, inval, arrive (expect_tx), expect_tx, test_wait, try_wait.
//
// A phase is complete when all arrivals and all expected bytes have come; whoever sees that knows what those who
// arrived knew. A wait that fails lets others run. In strict mode bulk copies come no earlier than somebody waits for
// them, and not at the first try. Source: PTX ISA, "mbarrier". Tested by test/ptx/unit/AsyncTest.cpp.
#include "test/ptx/decode/MemoryOperands.h"
#include "test/ptx/machine/Lanes.h"
#include "test/ptx/machine/MemoryAccess.h"

namespace lmopt::ptx {

namespace {
/// Offsets of the mbarriers that the lanes name, as checked reads of 8 bytes (`isInit`: writes).
template <typename Visit>
void forMbarriers(Warp &warp, const Instruction &i, uint32_t mask, bool isInit, Visit visit) {
  uint64_t addresses[kLanes];
  laneAddresses(warp, i.address, addresses);
  forLanes(mask, [&](uint32_t lane) {
    uint64_t address = addresses[lane];
    if (i.space == StateSpace::Generic) {
      if (address >> 48 != kSharedWindow >> 48)
        warp.fail(i, "an mbarrier is in shared memory", static_cast<int>(lane));
      address -= kSharedWindow;
    }
    if (address % 8)
      warp.fail(i, "the address of an mbarrier is a multiple of 8", static_cast<int>(lane));
    MemoryAccess(warp, i, 8, isInit ? AccessKind::Write : AccessKind::Read).shared(address, 8, static_cast<int>(lane));
    visit(lane, static_cast<uint32_t>(address - kSharedStart));
  });
}

void runInit(Warp &warp, const Instruction &i, uint32_t mask) {
  forMbarriers(warp, i, mask, true, [&](uint32_t lane, uint32_t offset) {
    int64_t count = words(warp, i.source[0])[lane];
    if (count < 1 || count > kMostArrivals)
      warp.fail(i, "an mbarrier counts 1 to 1048575 arrivals", static_cast<int>(lane));
    Mbarrier mbarrier;
    mbarrier.expected = mbarrier.pending = count;
    warp.block.mbarriers[offset] = mbarrier;
  });
}

void runInvalidate(Warp &warp, const Instruction &i, uint32_t mask) {
  forMbarriers(warp, i, mask, true, [&](uint32_t, uint32_t offset) {
    warp.block.mbarrierAt(warp, i, offset);
    warp.block.mbarriers.erase(offset);
  });
}

void expect(Warp &warp, const Instruction &i, Mbarrier &mbarrier, uint32_t lane) {
  mbarrier.transactions += words(warp, i.source[0])[lane];
  if (mbarrier.transactions > kMostArrivals)
    warp.fail(i, "an mbarrier expects at most 1048575 bytes", static_cast<int>(lane));
}

void runExpect(Warp &warp, const Instruction &i, uint32_t mask) {
  forMbarriers(warp, i, mask, false,
               [&](uint32_t lane, uint32_t offset) { expect(warp, i, warp.block.mbarrierAt(warp, i, offset), lane); });
}

/// `flag`: the operand is a number of bytes, not of arrivals.
void runArrive(Warp &warp, const Instruction &i, uint32_t mask) {
  forMbarriers(warp, i, mask, false, [&](uint32_t lane, uint32_t offset) {
    Mbarrier &mbarrier = warp.block.mbarrierAt(warp, i, offset);
    int64_t count = i.source[0] == kNoSlot || i.flag ? 1 : words(warp, i.source[0])[lane];
    if (i.flag)
      expect(warp, i, mbarrier, lane);
    if (count < 1 || count > mbarrier.pending)
      warp.fail(i, "more arrivals than the phase of the mbarrier expects", static_cast<int>(lane));
    if (i.result[0] != kNoSlot)
      wideWords(warp, i.result[0])[lane] = mbarrier.phase;
    mbarrier.pending -= count;
    mbarrier.arriving.join(warp.knowledge);
    warp.block.checkPhase(mbarrier);
  });
  warp.tick();
}

/// Strict: the wait has to be asked more than once.
void letCopiesArrive(Warp &warp, uint32_t offset) {
  if (warp.launch.isStrict() && warp.block.hasCopiesFor(offset) && warp.launch.draw(3) == 0)
    warp.block.deliver(offset);
}

/// `flag`: the operand is the parity of the phase that is waited for, else the state that an arrival gave.
void runWait(Warp &warp, const Instruction &i, uint32_t mask) {
  uint32_t complete = 0;
  forMbarriers(warp, i, mask, false, [&](uint32_t lane, uint32_t offset) {
    letCopiesArrive(warp, offset);
    Mbarrier &mbarrier = warp.block.mbarrierAt(warp, i, offset);
    bool isComplete = i.flag ? (mbarrier.phase & 1) != (words(warp, i.source[0])[lane] & 1)
                             : mbarrier.phase != wideWords(warp, i.source[0])[lane];
    complete |= static_cast<uint32_t>(isComplete) << lane;
    if (isComplete)
      warp.learn(mbarrier.complete);
    else
      warp.yielded = true;
  });
  setPredicate(warp, i.result[0], complete, mask);
}

void takeSemantics(StatementDecoder &s, const char *order) {
  if (s.take(order) || s.take("relaxed"))
    s.expectOneOf({"cta", "cluster"});
}

void takeObject(StatementDecoder &s) {
  s.out.space = takeSpace(s);
  if (s.out.space != StateSpace::Shared && s.out.space != StateSpace::Generic)
    s.refuse("an mbarrier is in shared memory");
  s.type({ScalarType::B64});
}

void decodeArrive(StatementDecoder &s) {
  s.out.flag = s.take("expect_tx");
  takeSemantics(s, "release");
  takeObject(s);
  if (s.peekOperand().kind != Operand::Kind::Address)
    s.out.result[0] = s.result(ScalarType::B64);
  s.out.address = s.address(s.out.space);
  if (s.out.flag || s.operandsLeft())
    s.out.source[0] = s.source(ScalarType::U32);
  s.out.run = runArrive;
}

void decodeWait(StatementDecoder &s) {
  s.out.flag = s.take("parity");
  takeSemantics(s, "acquire");
  takeObject(s);
  s.out.result[0] = s.result(ScalarType::Pred);
  s.out.address = s.address(s.out.space);
  s.out.source[0] = s.source(s.out.flag ? ScalarType::U32 : ScalarType::B64);
  if (s.operandsLeft())
    s.source(ScalarType::U32); // for how long hardware may wait
  s.out.run = runWait;
}

void decodeMbarrier(StatementDecoder &s) {
  enum { kInit, kInval, kArrive, kExpect, kTest, kTry };
  switch (s.expectOneOf({"init", "inval", "arrive", "expect_tx", "test_wait", "try_wait"})) {
  case kInit:
    takeObject(s);
    s.out.address = s.address(s.out.space);
    s.out.source[0] = s.source(ScalarType::U32);
    s.out.run = runInit;
    return;
  case kInval:
    takeObject(s);
    s.out.address = s.address(s.out.space);
    s.out.run = runInvalidate;
    return;
  case kExpect:
    takeSemantics(s, "relaxed");
    takeObject(s);
    s.out.address = s.address(s.out.space);
    s.out.source[0] = s.source(ScalarType::U32);
    s.out.run = runExpect;
    return;
  case kArrive:
    return decodeArrive(s);
  default:
    return decodeWait(s);
  }
}
} // namespace

void addMbarrier(StatementTable &table) { table["mbarrier"] = decodeMbarrier; }

} // namespace lmopt::ptx
