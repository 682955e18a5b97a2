// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Access to an opened GGUF file: values converted to what the caller wants, keys and tensors by name, rows as float.
// Tested by test/unit/files/GgufParserTest.cpp.
#include "files/gguf/Gguf.h"

#include "files/gguf/BlockCodes.h"
#include "files/gguf/Dequantize.h"

#include <algorithm>
#include <array>
#include <type_traits>

using namespace lmopt;

std::string_view lmopt::ggufValueTypeName(GgufValueType type) {
  constexpr std::array<std::string_view, 13> names = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                      "bool", "string", "array", "u64", "i64", "f64"};
  size_t index = static_cast<size_t>(type);
  return index < names.size() ? names[index] : "unknown type";
}

template <class T>
static T load(std::string_view bytes) {
  T value;
  bytes.copy(reinterpret_cast<char *>(&value), sizeof(T));
  return value;
}

/// Calls visit with the number in its own C++ type; false for values that are no numbers.
template <class Visit>
static bool visitNumber(GgufValueType type, std::string_view bytes, Visit visit) {
  switch (type) {
  case GgufValueType::U8:
    return visit(load<uint8_t>(bytes)), true;
  case GgufValueType::I8:
    return visit(load<int8_t>(bytes)), true;
  case GgufValueType::U16:
    return visit(load<uint16_t>(bytes)), true;
  case GgufValueType::I16:
    return visit(load<int16_t>(bytes)), true;
  case GgufValueType::U32:
    return visit(load<uint32_t>(bytes)), true;
  case GgufValueType::I32:
    return visit(load<int32_t>(bytes)), true;
  case GgufValueType::F32:
    return visit(load<float>(bytes)), true;
  case GgufValueType::U64:
    return visit(load<uint64_t>(bytes)), true;
  case GgufValueType::I64:
    return visit(load<int64_t>(bytes)), true;
  case GgufValueType::F64:
    return visit(load<double>(bytes)), true;
  case GgufValueType::Bool:
  case GgufValueType::String:
  case GgufValueType::Array:
    return false;
  }
  return false;
}

std::optional<uint64_t> GgufValue::asUnsigned() const {
  std::optional<uint64_t> result;
  visitNumber(valueType, bytes, [&](auto number) {
    if constexpr (std::is_integral_v<decltype(number)>)
      if (number >= 0)
        result = static_cast<uint64_t>(number);
  });
  return result;
}

std::optional<int64_t> GgufValue::asSigned() const {
  std::optional<int64_t> result;
  visitNumber(valueType, bytes, [&](auto number) {
    if constexpr (std::is_integral_v<decltype(number)>)
      if (std::is_signed_v<decltype(number)> || static_cast<uint64_t>(number) <= INT64_MAX)
        result = static_cast<int64_t>(number);
  });
  return result;
}

std::optional<double> GgufValue::asDouble() const {
  std::optional<double> result;
  visitNumber(valueType, bytes, [&](auto number) { result = static_cast<double>(number); });
  return result;
}

std::optional<bool> GgufValue::asBool() const {
  if (valueType != GgufValueType::Bool)
    return std::nullopt;
  return bytes[0] != 0;
}

std::optional<std::string_view> GgufValue::asString() const {
  if (valueType != GgufValueType::String)
    return std::nullopt;
  return bytes;
}

/// Takes `size` bytes off the front of `rest`.
static std::string_view takeFront(std::string_view &rest, size_t size) {
  std::string_view front = rest.substr(0, size);
  rest.remove_prefix(size);
  return front;
}

GgufValue GgufValue::next(std::string_view &rest) const {
  GgufValue element;
  element.valueType = arrayElementType;
  if (arrayElementType == GgufValueType::String) {
    uint64_t length = load<uint64_t>(takeFront(rest, 8));
    element.bytes = takeFront(rest, length);
  } else if (arrayElementType == GgufValueType::Array) {
    element.arrayElementType = load<GgufValueType>(takeFront(rest, 4));
    element.arraySize = load<uint64_t>(takeFront(rest, 8));
    std::string_view inner = rest;
    for (uint64_t i = 0; i < element.arraySize; ++i)
      element.next(inner);
    element.bytes = takeFront(rest, rest.size() - inner.size());
  } else {
    size_t size = 1; // bool
    visitNumber(arrayElementType, rest, [&](auto number) { size = sizeof(number); });
    element.bytes = takeFront(rest, size);
  }
  return element;
}

/// All elements converted by `get`; empty when one does not convert.
template <class T, class Get>
static std::optional<std::vector<T>> convertAll(const GgufValue &array, Get get) {
  if (!array.isArray())
    return std::nullopt;
  std::vector<T> result;
  result.reserve(array.size()); // at most the bytes of the file times sizeof(T)
  bool good = true;
  array.forEach([&](const GgufValue &element) {
    std::optional<T> converted = good ? get(element) : std::nullopt;
    good = converted.has_value();
    if (good)
      result.push_back(*converted);
  });
  return good ? std::optional(std::move(result)) : std::nullopt;
}

std::optional<std::vector<std::string_view>> GgufValue::asStrings() const {
  return convertAll<std::string_view>(*this, [](const GgufValue &value) { return value.asString(); });
}

std::optional<std::vector<int64_t>> GgufValue::asIntegers() const {
  return convertAll<int64_t>(*this, [](const GgufValue &value) { return value.asSigned(); });
}

std::optional<std::vector<double>> GgufValue::asDoubles() const {
  return convertAll<double>(*this, [](const GgufValue &value) { return value.asDouble(); });
}

int64_t GgufTensor::rows() const {
  int64_t count = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i)
    count *= shape[i];
  return count;
}

/// Binary search for `name` in an index sorted by name.
template <class Table, class Name>
static auto findByName(const Table &table, const std::vector<uint32_t> &index, std::string_view name, Name nameOf)
    -> decltype(table.data()) {
  auto found = std::lower_bound(index.begin(), index.end(), name,
                                [&](uint32_t i, std::string_view wanted) { return nameOf(table[i]) < wanted; });
  return found != index.end() && nameOf(table[*found]) == name ? &table[*found] : nullptr;
}

const GgufValue *GgufFile::find(std::string_view key) const {
  const auto *found = findByName(keys, keysByName, key, [](auto &entry) { return entry.first; });
  return found ? &found->second : nullptr;
}

const GgufTensor *GgufFile::findTensor(std::string_view tensorName) const {
  return findByName(tensorTable, tensorsByName, tensorName, [](auto &tensor) { return tensor.name; });
}

template <class T, class Get>
Result<std::optional<T>> GgufFile::findAs(std::string_view key, Get get, const char *expected) const {
  const GgufValue *value = find(key);
  if (!value)
    return std::optional<T>();
  std::optional<T> converted = get(*value);
  if (!converted)
    return malformed(name + ": metadata key " + printable(key) + ": expected " + expected + ", found " +
                     std::string(ggufValueTypeName(value->type())) +
                     (value->asSigned() ? " " + std::to_string(*value->asSigned()) : ""));
  return converted;
}

Result<std::optional<uint64_t>> GgufFile::findUnsigned(std::string_view key) const {
  return findAs<uint64_t>(key, [](const GgufValue &value) { return value.asUnsigned(); }, "a non-negative integer");
}

Result<std::optional<double>> GgufFile::findDouble(std::string_view key) const {
  return findAs<double>(key, [](const GgufValue &value) { return value.asDouble(); }, "a number");
}

Result<std::optional<bool>> GgufFile::findBool(std::string_view key) const {
  return findAs<bool>(key, [](const GgufValue &value) { return value.asBool(); }, "a bool");
}

Result<std::optional<std::string_view>> GgufFile::findString(std::string_view key) const {
  return findAs<std::string_view>(key, [](const GgufValue &value) { return value.asString(); }, "a string");
}

Result<void> GgufFile::decodeRows(const GgufTensor &tensor, int64_t firstRow, int64_t rowCount, float *out) const {
  if (!tensor.type->decodable)
    return unsupported(name + ": tensor " + printable(tensor.name) + " has type " + std::string(tensor.type->name) +
                       ", which lmopt does not decode; supported are " + ggufDecodableTypes());
  if (firstRow < 0 || rowCount < 0 || firstRow > tensor.rows() - rowCount)
    return Error{kErrorInternal, name + ": tensor " + printable(tensor.name) + ": rows beyond its end were asked for"};
  uint64_t rowBlocks = tensor.columns() / tensor.type->elements;
  const char *data = tensor.data.data() + firstRow * rowBlocks * tensor.type->bytes;
  dequantize(static_cast<GgufType>(tensor.type->id), data, rowCount * rowBlocks, out);
  return {};
}

Result<void> GgufFile::readCodes(const GgufTensor &tensor, int8_t *codes, float *scales, float *minima) const {
  auto type = static_cast<GgufType>(tensor.type->id);
  if (!ggufCodes(type))
    return unsupported(name + ": tensor " + printable(tensor.name) + " has type " + std::string(tensor.type->name) +
                       ", which has no codes to keep; these have: " + ggufTypesWithCodes());
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): bytes, counted by the next argument
  splitBlocks(type, tensor.data.data(), tensor.rows() * tensor.columns() / tensor.type->elements, codes, scales,
              minima);
  return {};
}
