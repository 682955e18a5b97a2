// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes the checksums of a changed artifact right again, so that tests and the fuzzer reach what lies behind them. In:
// any bytes. Out: the same, with new checksums where a list of them is found (its magic is looked for from the end) and
// its ranges are inside. Used by test/unit/runtime and test/fuzz/runtime.
#ifndef LMOPT_TEST_RESEAL_H
#define LMOPT_TEST_RESEAL_H

#include "lmopt/abi.h"
#include "runtime/src/artifact/checksum.h"

#include <cstring>
#include <string>
#include <string_view>

namespace lmopt::test {

template <class T>
T load(const std::string &bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

template <class T>
void store(std::string &bytes, size_t offset, const T &value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

/// Where the list of checksums begins, or npos.
inline size_t findChecksums(const std::string &bytes) {
  uint64_t magic = LMOPT_CHECKSUMS_MAGIC;
  size_t at = bytes.rfind(std::string_view(reinterpret_cast<const char *>(&magic), sizeof magic));
  return at == bytes.npos || bytes.size() - at < sizeof(lmopt_checksums_header_t) ? bytes.npos : at;
}

inline std::string resealed(std::string bytes) {
  size_t at = findChecksums(bytes);
  if (at == bytes.npos)
    return bytes;
  auto header = load<lmopt_checksums_header_t>(bytes, at);
  size_t first = at + sizeof header;
  if (header.count > (bytes.size() - first) / sizeof(lmopt_checksum_t))
    return bytes;
  for (size_t i = 0; i < header.count; ++i) {
    size_t place = first + i * sizeof(lmopt_checksum_t);
    auto part = load<lmopt_checksum_t>(bytes, place);
    if (part.offset > at || part.size > at - part.offset)
      continue;
    part.checksum = lmoptp_checksum_of(bytes.data() + part.offset, part.size);
    store(bytes, place, part);
  }
  header.self = 0;
  store(bytes, at, header);
  header.self = lmoptp_checksum_of(bytes.data() + at, sizeof header + header.count * sizeof(lmopt_checksum_t));
  store(bytes, at, header);
  return bytes;
}

} // namespace lmopt::test

#endif
