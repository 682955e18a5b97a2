// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a block has stored to global memory and not yet released, in strict mode: others see it only after flush().
//
// The memory model allows weak stores to stay unseen until a release; a block sees its own at once. Atomics and relaxed
// stores go to memory directly, after the bytes they touch were flushed.
// Source: PTX ISA, chapter "Memory Consistency Model". Tested by test/ptx/unit/StrictTest.cpp.
#ifndef LMOPT_TEST_PTX_MEMORY_STOREBUFFER_H
#define LMOPT_TEST_PTX_MEMORY_STOREBUFFER_H

#include <cstdint>
#include <unordered_map>

namespace lmopt::ptx {

class StoreBuffer {
public:
  void write(uint64_t address, const void *from, uint32_t size);
  /// Memory as the block sees it.
  void read(uint64_t address, void *into, uint32_t size) const;
  void flush();
  void flush(uint64_t address, uint32_t size);
  bool empty() const { return lines.empty(); }

private:
  static constexpr uint64_t kLine = 64;
  struct Line {
    uint64_t present = 0; // one bit a byte
    uint8_t bytes[kLine];
  };
  static void flushLine(uint64_t address, const Line &line);

  std::unordered_map<uint64_t, Line> lines; // by address
};

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_MEMORY_STOREBUFFER_H
