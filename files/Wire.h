// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The wire format of protocol buffers, read without their library: the fields of one message, in order.
//
// In: bytes of a stranger. Out: field by field its number and its value; a nested message is bytes, to be read by a
// reader of its own, so that depth is the caller's. Nothing is copied. Groups, which no file that lmopt reads has, are
// malformed. Source: Protocol Buffers, "Encoding". Tested by test/unit/files/WireTest.cpp, fuzzed by
// fuzz-tokenizer-model.
#ifndef LMOPT_FILES_WIRE_H
#define LMOPT_FILES_WIRE_H

#include "files/Status.h"

#include <cstdint>
#include <string_view>

namespace lmopt {

enum class WireType : uint8_t { Number = 0, Eight = 1, Bytes = 2, Four = 5 };

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::Number;
  uint64_t value = 0;     // of Number, Eight and Four
  std::string_view bytes; // of Bytes
};

class WireReader {
public:
  /// `path`: for messages, with what the message is.
  WireReader(std::string_view bytes, std::string path) : rest(bytes), size(bytes.size()), path(std::move(path)) {}

  /// False at the end of the message.
  Result<bool> next(WireField &field);

private:
  bool readNumber(uint64_t &value);
  bool readFixed(size_t bytes, uint64_t &value);
  Error bad(const std::string &what) const;

  std::string_view rest;
  size_t size;
  std::string path;
};

} // namespace lmopt

#endif // LMOPT_FILES_WIRE_H
