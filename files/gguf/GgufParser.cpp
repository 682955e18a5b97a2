// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parses the head of a GGUF file into GgufFile. One pass over the bytes with a cursor that never passes their end;
// then the rules that concern the whole: unique names, the alignment, tensors inside the file and apart from each
// other.
//
// In: bytes. Out: GgufFile, or an error with exit code 3 (4 for versions and tensor types that lmopt does not read).
// Cost: O(n log n) in keys and tensors; memory: one record for each of them, and never more records than the bytes that
// remain could hold.
// Tested by test/unit/files/GgufParserTest.cpp and GgufMalformedTest.cpp, fuzzed by fuzz-gguf.
#include "files/gguf/Gguf.h"

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace lmopt;

namespace lmopt {

/// Collects the first error; all reads after it yield zeros, so that callers need to look only where they loop.
class GgufParser {
public:
  explicit GgufParser(GgufFile &file, std::string_view bytes) : file(file), bytes(bytes) {}

  Result<void> parse();

private:
  bool parseHeader(uint64_t &tensorCount, uint64_t &keyCount);
  bool parseKey();
  bool parseValue(GgufValue &value, unsigned depth);
  bool parseArray(GgufValue &value, unsigned depth);
  bool parseTensor();
  bool parseShape(GgufTensor &tensor, uint64_t &elements);
  bool placeTensors();
  bool checkOverlap();
  bool findAlignment(uint64_t &alignment);
  template <class Table, class Name>
  bool indexByName(const Table &table, std::vector<uint32_t> &index, const char *what, Name nameOf);

  /// Records the error, with its place in the file. Always false.
  bool fail(const std::string &message) { return failWith(malformed(message + " (at byte " + place() + ")")); }
  bool failWith(Error failure) {
    if (!error)
      error = Error{failure.code, file.path() + ": " + failure.message};
    return false;
  }
  std::string place() const { return std::to_string(position); }
  uint64_t remaining() const { return bytes.size() - position; }

  template <class T>
  bool readNumber(T &value, const char *what);
  bool readString(std::string_view &text, uint64_t limit, const char *what);

  GgufFile &file;
  std::string_view bytes;
  uint64_t position = 0;
  std::optional<Error> error;
  std::vector<uint64_t> offsets; // of the tensors, relative to the start of the data
};

} // namespace lmopt

/// The size of a value of a fixed-size type; 0 for strings, arrays and unknown types.
static uint64_t fixedSize(GgufValueType type) {
  switch (type) {
  case GgufValueType::U8:
  case GgufValueType::I8:
  case GgufValueType::Bool:
    return 1;
  case GgufValueType::U16:
  case GgufValueType::I16:
    return 2;
  case GgufValueType::U32:
  case GgufValueType::I32:
  case GgufValueType::F32:
    return 4;
  case GgufValueType::U64:
  case GgufValueType::I64:
  case GgufValueType::F64:
    return 8;
  case GgufValueType::String:
  case GgufValueType::Array:
    return 0;
  }
  return 0;
}

template <class T>
bool GgufParser::readNumber(T &value, const char *what) {
  if (remaining() < sizeof(T))
    return fail(std::string("the file ends inside ") + what);
  std::memcpy(&value, bytes.data() + position, sizeof(T));
  position += sizeof(T);
  return true;
}

bool GgufParser::readString(std::string_view &text, uint64_t limit, const char *what) {
  uint64_t length = 0;
  if (!readNumber(length, what))
    return false;
  if (length > limit)
    return fail(std::string(what) + " has length " + std::to_string(length) + ", at most " + std::to_string(limit) +
                " bytes are accepted");
  if (length > remaining())
    return fail(std::string(what) + " has length " + std::to_string(length) + ", but only " +
                std::to_string(remaining()) + " bytes of the file remain");
  text = bytes.substr(position, length);
  position += length;
  return true;
}

bool GgufParser::parseHeader(uint64_t &tensorCount, uint64_t &keyCount) {
  if (!GgufFile::hasMagic(bytes))
    return fail("expected the magic 'GGUF', found " + printable(bytes.substr(0, 4)));
  position = 4;
  if (!readNumber(file.fileVersion, "the header"))
    return false;
  if (file.fileVersion == 0x02000000 || file.fileVersion == 0x03000000)
    return failWith(unsupported("this GGUF file is big endian, lmopt reads little endian files only"));
  if (file.fileVersion == 1)
    return failWith(unsupported("GGUF version 1 is not supported; lmopt reads versions 2 and 3 (convert it again)"));
  if (file.fileVersion != 2 && file.fileVersion != 3)
    return fail("expected GGUF version 2 or 3, found " + std::to_string(file.fileVersion));
  if (!readNumber(tensorCount, "the header") || !readNumber(keyCount, "the header"))
    return false;

  // The smallest tensor record has 33 bytes, the smallest key 14 (both have a name of one character).
  if (keyCount > kMaxGgufKeys || keyCount > remaining() / 14)
    return fail("the header promises " + std::to_string(keyCount) + " metadata keys, the file has " +
                std::to_string(remaining()) + " more bytes and at most " + std::to_string(kMaxGgufKeys) +
                " keys are accepted");
  if (tensorCount > kMaxGgufTensors || tensorCount > remaining() / 33)
    return fail("the header promises " + std::to_string(tensorCount) + " tensors, the file has " +
                std::to_string(remaining()) + " more bytes and at most " + std::to_string(kMaxGgufTensors) +
                " tensors are accepted");
  return true;
}

bool GgufParser::parseValue(GgufValue &value, unsigned depth) {
  if (value.valueType == GgufValueType::Array)
    return parseArray(value, depth);
  if (value.valueType == GgufValueType::String)
    return readString(value.bytes, kMaxGgufString, "a string");
  uint64_t size = fixedSize(value.valueType);
  if (size == 0)
    return fail("unknown type of metadata value: " + std::to_string(static_cast<uint32_t>(value.valueType)));
  if (remaining() < size)
    return fail("the file ends inside a metadata value");
  value.bytes = bytes.substr(position, size);
  position += size;
  if (value.valueType == GgufValueType::Bool && static_cast<unsigned char>(value.bytes[0]) > 1)
    return fail("expected a bool (0 or 1), found " + std::to_string(static_cast<unsigned char>(value.bytes[0])));
  return true;
}

bool GgufParser::parseArray(GgufValue &value, unsigned depth) {
  if (depth >= kMaxGgufArrayDepth)
    return fail("arrays are nested deeper than " + std::to_string(kMaxGgufArrayDepth));
  if (!readNumber(value.arrayElementType, "an array") || !readNumber(value.arraySize, "an array"))
    return false;
  // An element takes at least: its fixed size; the length of a string; type and length of an array.
  uint64_t size = fixedSize(value.arrayElementType);
  uint64_t least = size                                              ? size
                   : value.arrayElementType == GgufValueType::String ? 8
                   : value.arrayElementType == GgufValueType::Array  ? 12
                                                                     : 0;
  if (least == 0)
    return fail("unknown type of array elements: " + std::to_string(static_cast<uint32_t>(value.arrayElementType)));
  if (value.arraySize > remaining() / least)
    return fail("an array promises " + std::to_string(value.arraySize) + " elements, but only " +
                std::to_string(remaining()) + " bytes of the file remain");

  uint64_t start = position;
  if (size && value.arrayElementType != GgufValueType::Bool) {
    position += size * value.arraySize;
  } else {
    GgufValue element;
    for (uint64_t i = 0; i < value.arraySize; ++i) {
      element.valueType = value.arrayElementType;
      if (!parseValue(element, depth + 1))
        return false;
    }
  }
  value.bytes = bytes.substr(start, position - start);
  return true;
}

bool GgufParser::parseKey() {
  std::string_view key;
  GgufValue value;
  if (!readString(key, kMaxGgufName, "the name of a metadata key"))
    return false;
  if (key.empty())
    return fail("a metadata key has an empty name");
  if (!readNumber(value.valueType, "the type of a metadata value") || !parseValue(value, 0)) {
    error->message += ", key " + printable(key);
    return false;
  }
  file.keys.emplace_back(key, value);
  return true;
}

bool GgufParser::parseShape(GgufTensor &tensor, uint64_t &elements) {
  uint32_t dims = 0;
  if (!readNumber(dims, "the number of dimensions of a tensor"))
    return false;
  if (dims < 1 || dims > kMaxGgufDims)
    return fail("expected 1 to " + std::to_string(kMaxGgufDims) + " dimensions, found " + std::to_string(dims));
  elements = 1;
  tensor.shape.resize(dims);
  for (uint32_t i = 0; i < dims; ++i) {
    uint64_t size = 0;
    if (!readNumber(size, "the shape of a tensor"))
      return false;
    // 2^60 elements: far beyond any file, and no later product with a block size can overflow.
    if (size == 0 || size > INT64_MAX || __builtin_mul_overflow(elements, size, &elements) || elements >> 60)
      return fail("dimension " + std::to_string(i) + " has the impossible size " + std::to_string(size));
    tensor.shape[dims - 1 - i] = static_cast<int64_t>(size);
  }
  return true;
}

bool GgufParser::parseTensor() {
  GgufTensor tensor{};
  uint64_t elements = 0, offset = 0;
  uint32_t type = 0;
  if (!readString(tensor.name, kMaxGgufName, "the name of a tensor"))
    return false;
  if (tensor.name.empty())
    return fail("a tensor has an empty name");
  if (!parseShape(tensor, elements) || !readNumber(type, "the type of a tensor") ||
      !readNumber(offset, "the offset of a tensor")) {
    error->message += ", tensor " + printable(tensor.name);
    return false;
  }
  tensor.type = ggufTypeInfo(type);
  if (!tensor.type && type >= 256)
    return fail("tensor " + printable(tensor.name) + " has the impossible type " + std::to_string(type));
  if (!tensor.type)
    return failWith(unsupported("tensor " + printable(tensor.name) + " has type " + std::to_string(type) +
                                ", which lmopt does not know; supported are " + ggufDecodableTypes()));
  if (tensor.columns() % tensor.type->elements != 0)
    return fail("tensor " + printable(tensor.name) + " has rows of " + std::to_string(tensor.columns()) +
                " elements, type " + std::string(tensor.type->name) + " needs a multiple of " +
                std::to_string(tensor.type->elements));
  // Only the size is known yet: where the data begin depends on what follows.
  uint64_t size = elements / tensor.type->elements * tensor.type->bytes;
  if (size > bytes.size())
    return fail("tensor " + printable(tensor.name) + " needs " + std::to_string(size) + " bytes, the whole file has " +
                std::to_string(bytes.size()));
  tensor.data = bytes.substr(0, size);
  offsets.push_back(offset);
  file.tensorTable.push_back(std::move(tensor));
  return true;
}

bool GgufParser::findAlignment(uint64_t &alignment) {
  Result<std::optional<uint64_t>> key = file.findUnsigned("general.alignment");
  if (!key) {
    error = key.error(); // names the file already
    return false;
  }
  alignment = key->value_or(32);
  if (alignment == 0 || alignment > kMaxGgufAlignment || (alignment & (alignment - 1)))
    return fail("general.alignment is " + std::to_string(alignment) + ", expected a power of two up to " +
                std::to_string(kMaxGgufAlignment));
  return true;
}

bool GgufParser::placeTensors() {
  uint64_t alignment = 0;
  if (!findAlignment(alignment))
    return false;
  if (file.tensorTable.empty())
    return true;
  uint64_t start = (position + alignment - 1) / alignment * alignment;
  if (start > bytes.size())
    return fail("the file ends before the tensor data, which begin at byte " + std::to_string(start));
  uint64_t available = bytes.size() - start;
  for (size_t i = 0; i < offsets.size(); ++i) {
    GgufTensor &tensor = file.tensorTable[i];
    uint64_t offset = offsets[i], size = tensor.data.size();
    if (offset % alignment)
      return fail("tensor " + printable(tensor.name) + " begins at offset " + std::to_string(offset) +
                  ", expected a multiple of the alignment " + std::to_string(alignment));
    if (offset > available || size > available - offset)
      return fail("tensor " + printable(tensor.name) + " needs " + std::to_string(size) + " bytes at offset " +
                  std::to_string(offset) + ", the file has " + std::to_string(available) +
                  " bytes of tensor data (is it truncated?)");
    tensor.data = bytes.substr(start + offset, size);
  }
  return checkOverlap();
}

bool GgufParser::checkOverlap() {
  std::vector<uint32_t> order(offsets.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return offsets[a] < offsets[b]; });
  for (size_t i = 1; i < order.size(); ++i) {
    const GgufTensor &before = file.tensorTable[order[i - 1]], &after = file.tensorTable[order[i]];
    if (before.data.data() + before.data.size() > after.data.data())
      return fail("tensors " + printable(before.name) + " and " + printable(after.name) + " overlap");
  }
  return true;
}

template <class Table, class Name>
bool GgufParser::indexByName(const Table &table, std::vector<uint32_t> &index, const char *what, Name nameOf) {
  index.resize(table.size());
  std::iota(index.begin(), index.end(), 0);
  std::sort(index.begin(), index.end(), [&](uint32_t a, uint32_t b) { return nameOf(table[a]) < nameOf(table[b]); });
  for (size_t i = 1; i < index.size(); ++i)
    if (nameOf(table[index[i]]) == nameOf(table[index[i - 1]]))
      return fail(std::string(what) + " " + printable(nameOf(table[index[i]])) + " appears twice");
  return true;
}

Result<void> GgufParser::parse() {
  uint64_t tensorCount = 0, keyCount = 0;
  bool good = parseHeader(tensorCount, keyCount);
  for (uint64_t i = 0; good && i < keyCount; ++i)
    good = parseKey();
  good = good && indexByName(file.keys, file.keysByName, "metadata key", [](auto &key) { return key.first; });
  for (uint64_t i = 0; good && i < tensorCount; ++i)
    good = parseTensor();
  good = good && indexByName(file.tensorTable, file.tensorsByName, "tensor", [](auto &tensor) { return tensor.name; });
  good = good && placeTensors();
  if (!good)
    return *error;
  return {};
}

Result<GgufFile> GgufFile::parse(std::string_view bytes, std::string name) {
  GgufFile file(std::move(name));
  if (Result<void> parsed = GgufParser(file, bytes).parse(); !parsed)
    return parsed.error();
  return file;
}

Result<GgufFile> GgufFile::open(const std::string &path) {
  Result<MappedFile> mapping = MappedFile::open(path);
  if (!mapping)
    return mapping.error();
  Result<GgufFile> file = parse(mapping->bytes(), path);
  if (file)
    file->mapping = mapping.take();
  return file;
}
