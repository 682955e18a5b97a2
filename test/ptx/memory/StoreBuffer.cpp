// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Described in StoreBuffer.h.
#include "test/ptx/memory/StoreBuffer.h"

#include <cstring>

namespace lmopt::ptx {

void StoreBuffer::write(uint64_t address, const void *from, uint32_t size) {
  const auto *bytes = static_cast<const uint8_t *>(from);
  for (uint32_t i = 0; i < size; ++i) {
    Line &line = lines[(address + i) / kLine * kLine];
    uint64_t at = (address + i) % kLine;
    line.bytes[at] = bytes[i];
    line.present |= uint64_t(1) << at;
  }
}

void StoreBuffer::read(uint64_t address, void *into, uint32_t size) const {
  auto *bytes = static_cast<uint8_t *>(into);
  std::memcpy(into, reinterpret_cast<const void *>(address), size);
  for (uint32_t i = 0; i < size; ++i) {
    auto found = lines.find((address + i) / kLine * kLine);
    uint64_t at = (address + i) % kLine;
    if (found != lines.end() && found->second.present >> at & 1)
      bytes[i] = found->second.bytes[at];
  }
}

void StoreBuffer::flushLine(uint64_t address, const Line &line) {
  for (uint64_t at = 0; at < kLine; ++at)
    if (line.present >> at & 1)
      *reinterpret_cast<uint8_t *>(address + at) = line.bytes[at];
}

void StoreBuffer::flush() {
  for (auto &[address, line] : lines)
    flushLine(address, line);
  lines.clear();
}

void StoreBuffer::flush(uint64_t address, uint32_t size) {
  for (uint64_t at = address / kLine * kLine; at < address + size; at += kLine)
    if (auto found = lines.find(at); found != lines.end()) {
      flushLine(at, found->second);
      lines.erase(found);
    }
}

} // namespace lmopt::ptx
