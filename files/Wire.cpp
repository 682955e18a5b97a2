// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of Wire.h.
#include "files/Wire.h"

#include "files/File.h"

using namespace lmopt;

static constexpr uint64_t kMostNumber = (1u << 29) - 1; // of a field

Error WireReader::bad(const std::string &what) const {
  return malformed(path + ": byte " + std::to_string(size - rest.size()) + ": " + what);
}

/// Seven bits a byte, the low ones first; the highest bit says that more follow.
bool WireReader::readNumber(uint64_t &value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
    uint8_t byte = static_cast<uint8_t>(rest.front());
    rest.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (!(byte & 0x80))
      return true;
  }
  return false;
}

bool WireReader::readFixed(size_t bytes, uint64_t &value) {
  value = 0;
  if (rest.size() < bytes)
    return false;
  for (size_t i = 0; i < bytes; ++i)
    value |= static_cast<uint64_t>(static_cast<uint8_t>(rest[i])) << 8 * i;
  rest.remove_prefix(bytes);
  return true;
}

Result<bool> WireReader::next(WireField &field) {
  uint64_t key, length;
  if (rest.empty())
    return false;
  if (!readNumber(key))
    return bad("the key of a field has no end");
  uint64_t number = key >> 3;
  if (!number || number > kMostNumber)
    return bad("a field has the number " + std::to_string(number));
  field.number = static_cast<uint32_t>(number);
  field.type = static_cast<WireType>(key & 7);
  std::string place = "field " + std::to_string(number);
  switch (field.type) {
  case WireType::Number:
    return readNumber(field.value) ? Result<bool>(true) : bad(place + ": its number has no end");
  case WireType::Eight:
  case WireType::Four:
    return readFixed(field.type == WireType::Eight ? 8 : 4, field.value) ? Result<bool>(true)
                                                                         : bad(place + ": the file ends inside of it");
  case WireType::Bytes:
    if (!readNumber(length) || length > rest.size())
      return bad(place + ": it is longer than what is left");
    field.bytes = rest.substr(0, length);
    rest.remove_prefix(length);
    return true;
  }
  return bad(place + " has the wire type " + std::to_string(key & 7) + "; expected 0, 1, 2 or 5");
}
