// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Described in MemoryAccess.h.
#include "test/ptx/machine/MemoryAccess.h"

#include "test/ptx/machine/Lanes.h"

namespace lmopt::ptx {

void laneAddresses(Warp &warp, const AddressOperand &operand, uint64_t *addresses) {
  if (operand.slot == kNoSlot) {
    std::fill_n(addresses, kLanes, operand.offset);
  } else if (operand.isWide) {
    const uint64_t *base = wideWords(warp, operand.slot);
    for (uint32_t l = 0; l < kLanes; ++l)
      addresses[l] = base[l] + operand.offset;
  } else {
    const uint32_t *base = words(warp, operand.slot);
    for (uint32_t l = 0; l < kLanes; ++l)
      addresses[l] = static_cast<uint32_t>(base[l] + operand.offset);
  }
}

static std::string hexadecimal(uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

void MemoryAccess::checkAlignment(uint32_t mask, const uint64_t *addresses) {
  if (!warp.launch.checks.alignment || bytes == 1)
    return;
  forLanes(mask, [&](uint32_t lane) {
    if (addresses[lane] % bytes)
      warp.fail(instruction, "address " + hexadecimal(addresses[lane]) + " is no multiple of " + std::to_string(bytes),
                static_cast<int>(lane));
  });
}

void MemoryAccess::resolve(StateSpace space, uint32_t mask, const uint64_t *addresses, uint8_t **pointers) {
  checkAlignment(mask, addresses);
  if (isWrite(kind))
    ++warp.launch.progress;
  switch (space) {
  case StateSpace::Shared:
    return sharedLanes(mask, addresses, pointers);
  case StateSpace::Global:
  case StateSpace::Constant:
    return globalLanes(mask, addresses, pointers);
  case StateSpace::Local:
    return localLanes(mask, addresses, pointers);
  case StateSpace::Parameter:
    return parameterLanes(mask, addresses, pointers);
  case StateSpace::Generic:
    return genericLanes(mask, addresses, pointers);
  }
}

/// A generic address says its space in its upper 16 bits. Lanes of one instruction may differ.
void MemoryAccess::genericLanes(uint32_t mask, const uint64_t *addresses, uint8_t **pointers) {
  constexpr std::pair<uint64_t, StateSpace> kWindows[] = {{kSharedWindow, StateSpace::Shared},
                                                          {kLocalWindow, StateSpace::Local},
                                                          {kParameterWindow, StateSpace::Parameter}};
  uint64_t inside[kLanes];
  for (const auto &entry : kWindows) {
    uint64_t window = entry.first;
    uint32_t here = 0;
    forLanes(mask, [&](uint32_t lane) {
      bool isHere = addresses[lane] >> 48 == window >> 48;
      here |= static_cast<uint32_t>(isHere) << lane;
      inside[lane] = addresses[lane] - window;
    });
    mask &= ~here;
    if (here)
      resolve(entry.second, here, inside, pointers);
  }
  if (mask)
    globalLanes(mask, addresses, pointers);
}

uint8_t *MemoryAccess::shared(uint64_t address, uint32_t size, int lane, bool isAsync) {
  SharedMemory &memory = warp.block.shared;
  if (address < kSharedStart || size > memory.size() || address - kSharedStart > memory.size() - size)
    warp.fail(instruction,
              "shared address " + hexadecimal(address) + " is outside of the block's " + std::to_string(memory.size()) +
                  " bytes, which begin at " + hexadecimal(kSharedStart),
              lane);
  auto offset = static_cast<uint32_t>(address - kSharedStart);
  const Checks &checks = warp.launch.checks;
  const char *wrong = nullptr;
  bool races = checks.races && !isAtomic(kind);
  if (needsValue(kind))
    wrong = memory.read(warp.observer, offset, size, races, checks.uninitialized);
  if (!wrong && isAsync && races && checks.proxyFences)
    wrong = memory.checkFence(warp.observer, offset, size);
  if (!wrong && isWrite(kind))
    wrong = memory.write(warp.observer, offset, size, races);
  if (wrong)
    warp.fail(instruction, std::string(wrong) + ", offset " + std::to_string(offset), lane);
  return memory.at(offset);
}

void MemoryAccess::sharedLanes(uint32_t mask, const uint64_t *addresses, uint8_t **pointers) {
  countSharedAccess(warp.launch.counters, mask, addresses, bytes);
  forRanges(mask, addresses, bytes,
            [&](uint64_t address, uint64_t size, int lane) { shared(address, static_cast<uint32_t>(size), lane); });
  uint8_t *base = warp.block.shared.at(0);
  forLanes(mask, [&](uint32_t lane) { pointers[lane] = base + (addresses[lane] - kSharedStart); });
}

void MemoryAccess::globalLanes(uint32_t mask, const uint64_t *addresses, uint8_t **pointers) {
  countGlobalAccess(warp.launch.counters, mask, addresses, bytes, isWrite(kind));
  forRanges(mask, addresses, bytes, [&](uint64_t address, uint64_t size, int lane) {
    if (warp.launch.device.memory.contains(address, size))
      return checkGlobal(address, size, lane);
    for (uint64_t at = address; at < address + size; at += bytes) // neighbours in address space need not be in one
      checkGlobal(at, bytes, lane);
  });
  forLanes(mask, [&](uint32_t lane) { pointers[lane] = reinterpret_cast<uint8_t *>(addresses[lane]); });
}

void MemoryAccess::checkGlobal(uint64_t address, uint64_t size, int lane) {
  DeviceMemory &memory = warp.launch.device.memory;
  if (Allocation *whole = memory.find(address, size))
    return checkPart(*whole, address, size, lane);
  // Pages that were mapped one after the other are neighbours, and a range may cross from one to the next.
  while (size > 0) {
    Allocation *first = memory.find(address, 1);
    if (!first)
      warp.fail(instruction, "address " + hexadecimal(address) + " is outside of every allocation", lane);
    uint64_t part = std::min(size, first->base + first->size - address);
    checkPart(*first, address, part, lane);
    address += part;
    size -= part;
  }
}

void MemoryAccess::checkPart(Allocation &allocation, uint64_t address, uint64_t size, int lane) {
  if (allocation.isConstant && isWrite(kind))
    warp.fail(instruction, "write to constant memory", lane);
  uint64_t offset = address - allocation.base;
  const Checks &checks = warp.launch.checks;
  if (checks.uninitialized && needsValue(kind) && !DeviceMemory::isInitialized(allocation, offset, size))
    warp.fail(instruction,
              "read of device memory that nobody has written, at byte " + std::to_string(offset) +
                  " of an allocation of " + std::to_string(allocation.size),
              lane);
  if (isWrite(kind))
    DeviceMemory::setInitialized(allocation, offset, size);
  if ((checks.races || checks.readOnly) && !allocation.isConstant)
    checkGranules(allocation, offset, size, lane);
}

void MemoryAccess::checkGranules(Allocation &allocation, uint64_t offset, uint64_t size, int lane) {
  for (uint64_t end = offset + size; offset < end;) {
    uint64_t inside = offset % kGranule, count = std::min<uint64_t>(end - offset, kGranule - inside);
    auto bits = static_cast<uint16_t>(((1u << count) - 1) << inside);
    checkGranule(warp.launch.device.memory.granule(allocation, offset), bits, lane);
    offset += count;
  }
}

void MemoryAccess::checkGranule(GranuleShadow &granule, uint16_t bits, int lane) {
  const Launch &launch = warp.launch;
  uint32_t me = warp.agentInGrid(), now = warp.knowledge.own[warp.index];
  if (kind == AccessKind::ReadOnly && launch.checks.readOnly && (granule.written & bits))
    warp.fail(instruction, "ld.global.nc of memory that this launch has written", lane);
  bool atomic = isAtomic(kind);
  if (launch.checks.races && (granule.writerMask & bits) && granule.writer != me && !(atomic && granule.isAtomic) &&
      !launch.isOrdered(warp, granule.writer, granule.writerClock))
    warp.fail(instruction,
              "race: access to global memory that another warp has written in this launch, not ordered "
              "by a barrier or by release and acquire",
              lane);
  if (!isWrite(kind)) {
    if (atomic)
      return;
    bool same = granule.reader == me && granule.readerClock == now;
    granule.readerMask = static_cast<uint16_t>(same ? granule.readerMask | bits : bits);
    granule.reader = me;
    granule.readerClock = now;
    return;
  }
  if (launch.checks.races && (granule.readerMask & bits) && granule.reader != me &&
      !launch.isOrdered(warp, granule.reader, granule.readerClock))
    warp.fail(instruction,
              "race: write to global memory that another warp has read in this launch, not ordered by a "
              "barrier or by release and acquire",
              lane);
  bool same = granule.writer == me && granule.writerClock == now && granule.isAtomic == atomic;
  granule.writerMask = static_cast<uint16_t>(same ? granule.writerMask | bits : bits);
  granule.writer = me;
  granule.writerClock = now;
  granule.isAtomic = atomic;
  granule.written |= bits;
}

void MemoryAccess::localLanes(uint32_t mask, const uint64_t *addresses, uint8_t **pointers) {
  uint32_t size = warp.launch.kernel.localBytes;
  forLanes(mask, [&](uint32_t lane) {
    if (bytes > size || addresses[lane] > size - bytes)
      warp.fail(instruction,
                "local address " + hexadecimal(addresses[lane]) + " is outside of the thread's " +
                    std::to_string(size) + " bytes",
                static_cast<int>(lane));
    size_t offset = size_t(warp.index * kLanes + lane) * size + addresses[lane];
    uint8_t *known = warp.block.localWritten.data() + offset;
    if (needsValue(kind) && warp.launch.checks.uninitialized)
      for (uint32_t i = 0; i < bytes; ++i)
        if (!known[i])
          warp.fail(instruction, "read of local memory that nobody has written", static_cast<int>(lane));
    if (isWrite(kind))
      std::fill_n(known, bytes, uint8_t(1));
    pointers[lane] = warp.block.local.data() + offset;
  });
}

void MemoryAccess::parameterLanes(uint32_t mask, const uint64_t *addresses, uint8_t **pointers) {
  std::vector<uint8_t> &parameters = warp.launch.parameters;
  forLanes(mask, [&](uint32_t lane) {
    if (isWrite(kind))
      warp.fail(instruction, "write to a parameter", static_cast<int>(lane));
    if (bytes > parameters.size() || addresses[lane] > parameters.size() - bytes)
      warp.fail(instruction, "address outside of the kernel's parameters", static_cast<int>(lane));
    pointers[lane] = parameters.data() + addresses[lane];
  });
}

/// Lanes whose bytes together fill the banks once go together: 32 of up to 4 bytes, 16 of 8, 8 of 16.
static uint32_t wavefrontsOf(uint32_t lanes, const uint64_t *addresses, uint32_t bytes) {
  uint64_t touched[kLanes];
  uint32_t count = 0, perLane = std::max(bytes / 4, 1u);
  forLanes(lanes, [&](uint32_t lane) {
    for (uint32_t i = 0; i < perLane; ++i)
      touched[count++] = addresses[lane] / 4 + i;
  });
  std::sort(touched, touched + count);
  uint32_t banks[32] = {}, worst = 0;
  for (uint32_t i = 0; i < count; ++i)
    if (i == 0 || touched[i] != touched[i - 1])
      worst = std::max(worst, ++banks[touched[i] % 32]);
  return worst;
}

void countSharedAccess(Counters &counters, uint32_t mask, const uint64_t *addresses, uint32_t bytes) {
  uint32_t lanes = bytes <= 4 ? 32 : std::max(128 / bytes, 1u);
  uint32_t ranges = 0, phases = 0, wavefronts = 0;
  forRanges(mask, addresses, bytes, [&](uint64_t, uint64_t, int) { ++ranges; });
  for (uint32_t first = 0; first < kLanes; first += lanes) {
    uint32_t here = mask & ((lanes == 32 ? kAllLanes : (1u << lanes) - 1) << first);
    phases += here != 0;
    wavefronts += ranges == 1 ? here != 0 : wavefrontsOf(here, addresses, bytes);
  }
  counters.sharedWavefronts += wavefronts;
  counters.sharedIdealWavefronts += phases;
}

void countGlobalAccess(Counters &counters, uint32_t mask, const uint64_t *addresses, uint32_t bytes, bool isStore) {
  uint64_t sectors[kLanes];
  uint32_t count = 0;
  forLanes(mask, [&](uint32_t lane) { sectors[count++] = addresses[lane] / 32; });
  if (!std::is_sorted(sectors, sectors + count))
    std::sort(sectors, sectors + count);
  auto distinct = static_cast<uint64_t>(std::unique(sectors, sectors + count) - sectors);
  (isStore ? counters.globalStoreRequests : counters.globalLoadRequests) += 1;
  (isStore ? counters.globalStoreSectors : counters.globalLoadSectors) += distinct;
  (isStore ? counters.globalStoreBytes : counters.globalLoadBytes) += uint64_t(count) * bytes;
}

} // namespace lmopt::ptx
