// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reader for GGUF files (versions 2 and 3, little endian): metadata, the table of tensors, and tensor rows as float.
//
//   "GGUF" version(u32) tensors(u64) keys(u64)
//   keys    x { name(string) type(u32) value }                      string = length(u64) + bytes
//   tensors x { name(string) dims(u32) size(u64)[dims] type(u32) offset(u64) }
//   padding to general.alignment, then the data; offsets count from here
//
// In: a mapped file or bytes in memory. Out: views into those bytes; nothing is copied and, but for one record per key
// and tensor (whose bytes the file was seen to hold), nothing is allocated. Every size is checked before it is used.
// From: the GGUF specification of ggml; limits are ours and stricter (see kMax* below).
// Tested by test/unit/frontends/Gguf*Test.cpp, fuzzed by fuzz-gguf.
#ifndef LMOPT_FILES_GGUF_GGUF_H
#define LMOPT_FILES_GGUF_GGUF_H

#include "files/File.h"
#include "files/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lmopt {

/// Limits that honest files keep by a wide margin.
constexpr uint64_t kMaxGgufString = 16 << 20;
constexpr uint64_t kMaxGgufName = 65535;
constexpr uint64_t kMaxGgufKeys = 1 << 16;
constexpr uint64_t kMaxGgufTensors = 1 << 18;
constexpr unsigned kMaxGgufDims = 4;
constexpr unsigned kMaxGgufArrayDepth = 4;
constexpr uint64_t kMaxGgufAlignment = 64 << 10;

/// Types of metadata values, numbered as in the file.
enum class GgufValueType : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };
std::string_view ggufValueTypeName(GgufValueType type);

/// Types of tensor elements, numbered as in the file. Others exist; the reader names them and knows their size where
/// ggml still defines it, but only these are decoded.
enum class GgufType : uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  IQ4_NL = 20,
  IQ4_XS = 23,
  BF16 = 30,
  MXFP4 = 39,
};

/// How a tensor type is stored: rows consist of blocks of `elements` values in `bytes` bytes.
struct GgufTypeInfo {
  std::string_view name; // lower case, as in #lm.gguf<..., q4_1>
  uint32_t id;
  uint32_t elements;
  uint32_t bytes;
  bool decodable;
};
/// Null for numbers that ggml does not (or no longer) define.
const GgufTypeInfo *ggufTypeInfo(uint32_t id);
const GgufTypeInfo *ggufTypeInfo(std::string_view name);
inline const GgufTypeInfo *ggufTypeInfo(GgufType type) { return ggufTypeInfo(static_cast<uint32_t>(type)); }
/// "f32, f16, bf16, ...": for messages.
std::string ggufDecodableTypes();

/// A metadata value: a view into the file. Numbers are read where they lie (unaligned, little endian).
class GgufValue {
public:
  GgufValueType type() const { return valueType; }

  /// Integers of any width whose value is representable; empty for other types.
  std::optional<uint64_t> asUnsigned() const;
  std::optional<int64_t> asSigned() const;
  /// f32 and f64, and integers.
  std::optional<double> asDouble() const;
  std::optional<bool> asBool() const;
  std::optional<std::string_view> asString() const;

  /// Arrays: type and number of elements; the elements themselves by visiting them in order (a cursor over the bytes,
  /// since strings have no fixed size). The array was checked when the file was opened.
  bool isArray() const { return valueType == GgufValueType::Array; }
  GgufValueType elementType() const { return arrayElementType; }
  uint64_t size() const { return arraySize; }
  template <class Visit>
  void forEach(Visit visit) const {
    std::string_view rest = bytes;
    for (uint64_t i = 0; i < arraySize; ++i)
      visit(next(rest));
  }
  /// The elements as strings, signed numbers or doubles; empty when an element has another type.
  std::optional<std::vector<std::string_view>> asStrings() const;
  std::optional<std::vector<int64_t>> asIntegers() const;
  std::optional<std::vector<double>> asDoubles() const;

private:
  friend class GgufParser;
  /// Takes one element off the front of an array's bytes.
  GgufValue next(std::string_view &rest) const;

  GgufValueType valueType = GgufValueType::U8;
  GgufValueType arrayElementType = GgufValueType::U8;
  uint64_t arraySize = 0;
  std::string_view bytes; // the value; for a string its characters, for an array its elements
};

struct GgufTensor {
  std::string_view name;
  const GgufTypeInfo *type;
  std::vector<int64_t> shape; // outermost first (the file counts the other way): a matrix is {rows, columns}
  std::string_view data;

  /// Elements in the last dimension, and how many such rows there are.
  int64_t columns() const { return shape.back(); }
  int64_t rows() const;
};

class GgufFile {
public:
  /// Maps the file at `path`.
  static Result<GgufFile> open(const std::string &path);
  /// Reads from memory that outlives the object; `name` stands for the path in messages.
  static Result<GgufFile> parse(std::string_view bytes, std::string name);
  /// Whether the bytes begin like a GGUF file.
  static bool hasMagic(std::string_view bytes) { return bytes.substr(0, 4) == "GGUF"; }

  const std::string &path() const { return name; }
  uint32_t version() const { return fileVersion; }

  /// Keys in the order of the file.
  const std::vector<std::pair<std::string_view, GgufValue>> &metadata() const { return keys; }
  const GgufValue *find(std::string_view key) const;
  /// Typed access: empty when the key is absent, an error when it has another type or value than asked for.
  Result<std::optional<uint64_t>> findUnsigned(std::string_view key) const;
  Result<std::optional<double>> findDouble(std::string_view key) const;
  Result<std::optional<bool>> findBool(std::string_view key) const;
  Result<std::optional<std::string_view>> findString(std::string_view key) const;

  /// Tensors in the order of the file.
  const std::vector<GgufTensor> &tensors() const { return tensorTable; }
  const GgufTensor *findTensor(std::string_view tensorName) const;

  /// Decodes rows [firstRow, firstRow + rowCount) into `out` (rowCount x columns floats).
  Result<void> decodeRows(const GgufTensor &tensor, int64_t firstRow, int64_t rowCount, float *out) const;
  /// The codes of a tensor in blocks, not decoded: rows x columns codes, one scale (and where the format has minima one
  /// minimum) for each group of them. See BlockCodes.h.
  Result<void> readCodes(const GgufTensor &tensor, int8_t *codes, float *scales, float *minima) const;

  /// See MappedFile::release.
  void release(const GgufTensor &tensor) const {
    if (mapping)
      mapping->release(tensor.data);
  }

private:
  friend class GgufParser;
  explicit GgufFile(std::string name) : name(std::move(name)) {}

  template <class T, class Get>
  Result<std::optional<T>> findAs(std::string_view key, Get get, const char *expected) const;

  std::string name;
  std::optional<MappedFile> mapping;
  uint32_t fileVersion = 0;
  std::vector<std::pair<std::string_view, GgufValue>> keys;
  std::vector<uint32_t> keysByName; // indices into keys, sorted by name
  std::vector<GgufTensor> tensorTable;
  std::vector<uint32_t> tensorsByName;
};

} // namespace lmopt

#endif // LMOPT_FILES_GGUF_GGUF_H
