// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Described in SharedMemory.h.
#include "test/ptx/memory/SharedMemory.h"

namespace lmopt::ptx {

namespace {
constexpr const char *kUninitialized = "read of shared memory that nobody has written";
constexpr const char *kPending = "access to shared memory while an asynchronous copy to it is under way";
constexpr const char *kReadRace = "race: read of shared memory that another warp has written without a barrier between";
constexpr const char *kWriteRace =
    "race: write to shared memory that another warp has written without a barrier between";
constexpr const char *kReuseRace = "race: write to shared memory that another warp has read without a barrier between";
constexpr const char *kNoFence = "asynchronous read of shared memory without fence.proxy.async after it was written";
} // namespace

void SharedMemory::begin(uint32_t size, uint32_t baseClock) {
  bytes.assign(size, 0xcd);
  bool again = baseClock <= clockOf(base); // the clocks began anew
  base = makeEpoch((1u << kAgentBits) - 1, baseClock);
  for (std::vector<uint32_t> *shadow : {&writer, &reader, &earlierReader}) {
    if (again)
      shadow->clear();
    shadow->resize(size, 0);
  }
}

static uint32_t greatest(const uint32_t *epochs, uint32_t count) {
  uint32_t result = 0;
  for (uint32_t i = 0; i < count; ++i)
    result = std::max(result, epochs[i]);
  return result;
}

static uint32_t least(const uint32_t *epochs, uint32_t count) {
  uint32_t result = ~0u;
  for (uint32_t i = 0; i < count; ++i)
    result = std::min(result, epochs[i]);
  return result;
}

const char *SharedMemory::read(const Observer &who, uint32_t offset, uint32_t size, bool races, bool uninitialized) {
  if (uninitialized && least(&writer[offset], size) <= base)
    return kUninitialized;
  if (!races)
    return nullptr;
  if (greatest(&writer[offset], size) > who.ordered || greatest(&reader[offset], size) > who.ordered)
    return readSlowly(who, offset, size, uninitialized);
  std::fill_n(&reader[offset], size, who.epoch());
  return nullptr;
}

const char *SharedMemory::readSlowly(const Observer &who, uint32_t offset, uint32_t size, bool uninitialized) {
  for (uint32_t i = offset; i < offset + size; ++i) {
    if (agentOf(writer[i]) == kPendingAgent && writer[i] > base)
      return kPending;
    if (writer[i] > base && !who.knows(writer[i]))
      return kReadRace;
    addReader(who, i);
  }
  return nullptr;
}

void SharedMemory::addReader(const Observer &who, uint32_t byte) {
  if (!who.knows(reader[byte]))
    earlierReader[byte] = reader[byte];
  reader[byte] = who.epoch();
}

const char *SharedMemory::write(const Observer &who, uint32_t offset, uint32_t size, bool races) {
  if (races && (greatest(&writer[offset], size) > who.ordered || greatest(&reader[offset], size) > who.ordered ||
                greatest(&earlierReader[offset], size) > who.ordered))
    if (const char *wrong = writeSlowly(who, offset, size))
      return wrong;
  std::fill_n(&writer[offset], size, who.epoch());
  return nullptr;
}

const char *SharedMemory::writeSlowly(const Observer &who, uint32_t offset, uint32_t size) {
  for (uint32_t i = offset; i < offset + size; ++i) {
    if (agentOf(writer[i]) == kPendingAgent && writer[i] > base)
      return kPending;
    if (writer[i] > base && !who.knows(writer[i]))
      return kWriteRace;
    for (uint32_t epoch : {reader[i], earlierReader[i]})
      if (epoch > base && !who.knows(epoch))
        return kReuseRace;
  }
  return nullptr;
}

const char *SharedMemory::checkFence(const Observer &who, uint32_t offset, uint32_t size) {
  for (uint32_t i = offset; i < offset + size; ++i) {
    uint32_t agent = agentOf(writer[i]);
    if (agent != kAsyncAgent && clockOf(writer[i]) > who.knowledge->fenced[agent])
      return kNoFence;
  }
  return nullptr;
}

void SharedMemory::setWriter(uint32_t offset, uint32_t size, uint32_t epoch) {
  std::fill_n(&writer[offset], size, epoch);
}

} // namespace lmopt::ptx
