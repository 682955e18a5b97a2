// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens safetensors files: header, then the rules that concern all tensors together; decodes rows.
// Tested by test/unit/files/SafetensorsTest.cpp.
#include "files/safetensors/Safetensors.h"

#include "files/gguf/Dequantize.h"
#include "files/safetensors/Header.h"

#include <algorithm>
#include <cstring>
#include <numeric>

using namespace lmopt;

const SafetensorsType *lmopt::safetensorsType(std::string_view name) {
  static constexpr SafetensorsType types[] = {
      {"F32", 4, true},      {"F16", 2, true},      {"BF16", 2, true},     {"I8", 1, true},   {"BOOL", 1, false},
      {"U8", 1, false},      {"F8_E5M2", 1, false}, {"F8_E4M3", 1, false}, {"I16", 2, false}, {"U16", 2, false},
      {"F8_E8M0", 1, false}, {"I32", 4, false},     {"U32", 4, false},     {"F64", 8, false}, {"I64", 8, false},
      {"U64", 8, false},     {"C64", 8, false},
  };
  for (const SafetensorsType &type : types)
    if (type.name == name)
      return &type;
  return nullptr;
}

int64_t SafetensorsTensor::rows() const {
  int64_t count = 1;
  for (size_t i = 0; i + 1 < shape.size(); ++i)
    count *= shape[i];
  return count;
}

/// The bytes that shape and dtype ask for; empty on overflow.
static std::optional<uint64_t> byteSize(const std::vector<int64_t> &shape, const SafetensorsType &type) {
  uint64_t size = type.bytes;
  for (int64_t dim : shape)
    if (__builtin_mul_overflow(size, static_cast<uint64_t>(dim), &size))
      return std::nullopt;
  return size;
}

/// Checks the offsets against shapes and file, in the order of the data, and gives the tensors their bytes.
Result<void> SafetensorsFile::placeTensors(std::string_view data, std::vector<std::pair<uint64_t, uint64_t>> &offsets) {
  std::vector<uint32_t> order(tensorTable.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return offsets[a] < offsets[b]; });
  uint64_t expected = 0;
  for (uint32_t i : order) {
    SafetensorsTensor &tensor = tensorTable[i];
    auto [begin, end] = offsets[i];
    std::string where = name + ": tensor " + printable(tensor.name) + ": ";
    if (begin != expected || end < begin)
      return malformed(where + "its data begin at " + std::to_string(begin) + " and end at " + std::to_string(end) +
                       ", expected to begin at " + std::to_string(expected) + " (no hole, no overlap)");
    std::optional<uint64_t> size = byteSize(tensor.shape, *tensor.type);
    if (!size || *size != end - begin)
      return malformed(where + "shape and dtype " + std::string(tensor.type->name) + " need " +
                       (size ? std::to_string(*size) : "impossibly many") + " bytes, the header gives it " +
                       std::to_string(end - begin));
    if (end > data.size())
      return malformed(where + "its data end at " + std::to_string(end) + ", the file has " +
                       std::to_string(data.size()) + " bytes of data (is it truncated?)");
    tensor.data = data.substr(begin, end - begin);
    expected = end;
  }
  if (expected != data.size())
    return malformed(name + ": " + std::to_string(data.size() - expected) + " bytes after the last tensor");
  return {};
}

/// Sorts by name and refuses names that appear twice.
template <class Entry, class Name>
static const Entry *sortAndFindDuplicate(std::vector<Entry> &entries, Name nameOf) {
  std::sort(entries.begin(), entries.end(), [&](auto &a, auto &b) { return nameOf(a) < nameOf(b); });
  auto twice =
      std::adjacent_find(entries.begin(), entries.end(), [&](auto &a, auto &b) { return nameOf(a) == nameOf(b); });
  return twice == entries.end() ? nullptr : &*twice;
}

Result<SafetensorsFile> SafetensorsFile::parse(std::string_view bytes, std::string name) {
  SafetensorsFile file(std::move(name));
  const std::string &path = file.name;
  uint64_t length = 0;
  if (bytes.size() < sizeof(length))
    return malformed(path + ": the file has " + std::to_string(bytes.size()) +
                     " bytes, a safetensors file has at least 8");
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length > kMaxSafetensorsHeader)
    return malformed(path + ": the header has length " + std::to_string(length) + ", at most " +
                     std::to_string(kMaxSafetensorsHeader) + " is accepted (is this a safetensors file?)");
  if (length > bytes.size() - sizeof(length))
    return malformed(path + ": the header has length " + std::to_string(length) + ", but only " +
                     std::to_string(bytes.size() - sizeof(length)) + " bytes follow");
  std::string_view text = bytes.substr(sizeof(length), length);
  if (text.empty() || text[0] != '{')
    return malformed(path + ": expected a header that begins with '{', found " + printable(text.substr(0, 1)));

  Result<SafetensorsHeader> header = parseSafetensorsHeader(text, path);
  if (!header)
    return header.error();
  file.tensorTable = std::move(header->tensors);
  file.metadataTable = std::move(header->metadata);
  if (Result<void> placed = file.placeTensors(bytes.substr(sizeof(length) + length), header->offsets); !placed)
    return placed.error();
  if (auto *twice = sortAndFindDuplicate(file.tensorTable, [](auto &tensor) -> auto & { return tensor.name; }))
    return malformed(path + ": tensor " + printable(twice->name) + " appears twice");
  if (auto *twice = sortAndFindDuplicate(file.metadataTable, [](auto &entry) -> auto & { return entry.first; }))
    return malformed(path + ": __metadata__ key " + printable(twice->first) + " appears twice");
  return file;
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string &path) {
  Result<MappedFile> mapping = MappedFile::open(path);
  if (!mapping)
    return mapping.error();
  Result<SafetensorsFile> file = parse(mapping->bytes(), path);
  if (file)
    file->mapping = mapping.take();
  return file;
}

std::string_view SafetensorsFile::findMetadata(std::string_view key) const {
  for (const auto &[name, value] : metadataTable)
    if (name == key)
      return value;
  return {};
}

const SafetensorsTensor *SafetensorsFile::findTensor(std::string_view tensorName) const {
  auto found = std::lower_bound(tensorTable.begin(), tensorTable.end(), tensorName,
                                [](const SafetensorsTensor &tensor, std::string_view n) { return tensor.name < n; });
  return found != tensorTable.end() && found->name == tensorName ? &*found : nullptr;
}

Result<void> SafetensorsFile::decodeRows(const SafetensorsTensor &tensor, int64_t firstRow, int64_t rowCount,
                                         float *out) const {
  if (!tensor.type->decodable)
    return unsupported(name + ": tensor " + printable(tensor.name) + " has dtype " + std::string(tensor.type->name) +
                       ", which lmopt does not decode; supported are F32, F16, BF16 and I8");
  if (firstRow < 0 || rowCount < 0 || firstRow > tensor.rows() - rowCount)
    return Error{kErrorInternal, name + ": tensor " + printable(tensor.name) + ": rows beyond its end were asked for"};
  uint64_t count = static_cast<uint64_t>(rowCount) * tensor.columns();
  const char *data = tensor.data.data() + static_cast<uint64_t>(firstRow) * tensor.columns() * tensor.type->bytes;
  if (tensor.type->name == "F32")
    std::memcpy(out, data, count * sizeof(float));
  else if (tensor.type->name == "F16")
    decodeHalf(data, count, out);
  else if (tensor.type->name == "BF16")
    decodeBfloat16(data, count, out);
  else
    std::copy_n(reinterpret_cast<const int8_t *>(data), count, out);
  return {};
}
