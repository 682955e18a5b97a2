// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Described in DeviceMemory.h.
#include "test/ptx/memory/DeviceMemory.h"

#include <algorithm>

namespace lmopt::ptx {

/// Bits `first` up to `last` (not included) of one word.
static uint64_t bitsBetween(uint64_t first, uint64_t last) {
  return (~uint64_t(0) << first) & (~uint64_t(0) >> (64 - last));
}

/// Calls `visit(word, bits)` for each word that the bytes have bits in, until it returns false.
template <typename Visit>
static bool forBits(uint64_t offset, uint64_t size, Visit visit) {
  for (uint64_t end = offset + size; offset < end;) {
    uint64_t word = offset / 64, stop = std::min(end, (word + 1) * 64);
    if (!visit(word, bitsBetween(offset - word * 64, stop - word * 64)))
      return false;
    offset = stop;
  }
  return true;
}

bool DeviceMemory::isInitialized(const Allocation &allocation, uint64_t offset, uint64_t size) {
  return forBits(offset, size,
                 [&](uint64_t word, uint64_t bits) { return (allocation.initialized[word] & bits) == bits; });
}

void DeviceMemory::setInitialized(Allocation &allocation, uint64_t offset, uint64_t size) {
  forBits(offset, size, [&](uint64_t word, uint64_t bits) {
    allocation.initialized[word] |= bits;
    return true;
  });
}

void DeviceMemory::add(const void *base, uint64_t size, bool isInitialized, bool isConstant) {
  Allocation allocation;
  allocation.base = reinterpret_cast<uint64_t>(base);
  allocation.size = size;
  allocation.isConstant = isConstant;
  allocation.initialized.assign((size + 63) / 64, isInitialized ? ~uint64_t(0) : 0);
  allocation.pages.resize((size + kShadowPage - 1) / kShadowPage);
  last = nullptr;
  allocations[allocation.base] = std::move(allocation);
}

void DeviceMemory::remove(const void *base) {
  last = nullptr;
  allocations.erase(reinterpret_cast<uint64_t>(base));
}

Allocation *DeviceMemory::search(uint64_t address, uint64_t size) {
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin())
    return nullptr;
  Allocation &found = std::prev(next)->second;
  if (size > found.size || address - found.base > found.size - size)
    return nullptr;
  return last = &found;
}

void DeviceMemory::markInitialized(uint64_t address, uint64_t size) {
  if (Allocation *found = find(address, size))
    setInitialized(*found, address - found->base, size);
}

GranuleShadow &DeviceMemory::granule(Allocation &allocation, uint64_t offset) {
  std::unique_ptr<ShadowPage> &page = allocation.pages[offset / kShadowPage];
  if (!page)
    page = std::make_unique<ShadowPage>();
  if (page->launch != launch)
    *page = ShadowPage{launch, {}};
  return page->granules[offset % kShadowPage / kGranule];
}

} // namespace lmopt::ptx
