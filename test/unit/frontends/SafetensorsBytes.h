// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes safetensors files in memory for tests.
#ifndef LMOPT_TEST_UNIT_FRONTENDS_SAFETENSORSBYTES_H
#define LMOPT_TEST_UNIT_FRONTENDS_SAFETENSORSBYTES_H

#include <cstdint>
#include <string>

namespace lmopt::test {

/// Length of the header, header, data.
inline std::string safetensorsBytes(const std::string &header, const std::string &data) {
  uint64_t length = header.size();
  return std::string(reinterpret_cast<const char *>(&length), sizeof(length)) + header + data;
}

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_FRONTENDS_SAFETENSORSBYTES_H
