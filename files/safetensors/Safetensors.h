// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reader and writer for safetensors files.
//
//   length of the header (u64) | header (JSON) | data
//   header: { "__metadata__": { string: string }, NAME: { "dtype": ..., "shape": [...], "data_offsets": [begin, end] }
//   }
//
// In: a mapped file or bytes in memory. Out: the table of tensors as views into them, rows as float on demand.
// The rules are those of the reference implementation: header at most 100 MB and beginning with '{', no duplicate keys,
// offsets contiguous from 0 to the end of the file without holes or overlap, size = shape x dtype, no overflow.
// Tested by test/unit/frontends/Safetensors*Test.cpp, fuzzed by fuzz-safetensors.
#ifndef LMOPT_FILES_SAFETENSORS_SAFETENSORS_H
#define LMOPT_FILES_SAFETENSORS_SAFETENSORS_H

#include "files/AtomicFile.h"
#include "files/File.h"
#include "files/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lmopt {

constexpr uint64_t kMaxSafetensorsHeader = 100000000;
constexpr size_t kMaxSafetensorsRank = 8;

/// A dtype of the format. Only f32, f16, bf16 and i8 are decoded; the others are known by their size.
struct SafetensorsType {
  std::string_view name; // as in the file: "F32"
  uint32_t bytes;
  bool decodable;
};
/// Null for names the format does not define (or whose elements are smaller than a byte).
const SafetensorsType *safetensorsType(std::string_view name);

struct SafetensorsTensor {
  std::string name;
  const SafetensorsType *type = nullptr;
  std::vector<int64_t> shape; // outermost first; empty for a scalar
  std::string_view data;

  /// Elements in the last dimension, and how many such rows there are (1 and 1 for a scalar).
  int64_t columns() const { return shape.empty() ? 1 : shape.back(); }
  int64_t rows() const;
};

class SafetensorsFile {
public:
  /// Maps the file at `path`.
  static Result<SafetensorsFile> open(const std::string &path);
  /// Reads from memory that outlives the object; `name` stands for the path in messages.
  static Result<SafetensorsFile> parse(std::string_view bytes, std::string name);

  const std::string &path() const { return name; }
  /// Sorted by name.
  const std::vector<SafetensorsTensor> &tensors() const { return tensorTable; }
  const SafetensorsTensor *findTensor(std::string_view tensorName) const;
  const std::vector<std::pair<std::string, std::string>> &metadata() const { return metadataTable; }
  /// Empty when there is none of that name.
  std::string_view findMetadata(std::string_view key) const;

  /// Decodes rows [firstRow, firstRow + rowCount) into `out` (rowCount x columns floats); i8 codes become their values.
  Result<void> decodeRows(const SafetensorsTensor &tensor, int64_t firstRow, int64_t rowCount, float *out) const;
  /// See MappedFile::release.
  void release(const SafetensorsTensor &tensor) const {
    if (mapping)
      mapping->release(tensor.data);
  }

private:
  explicit SafetensorsFile(std::string name) : name(std::move(name)) {}
  Result<void> placeTensors(std::string_view data, std::vector<std::pair<uint64_t, uint64_t>> &offsets);

  std::string name;
  std::optional<MappedFile> mapping;
  std::vector<SafetensorsTensor> tensorTable;
  std::vector<std::pair<std::string, std::string>> metadataTable;
};

/// Writes a file tensor by tensor, so that the data never have to be in memory together. The file appears under its
/// name only with finish().
class SafetensorsWriter {
public:
  struct Tensor {
    std::string name;
    std::string_view type; // "F32", "F16", "BF16", "I8", ...
    std::vector<int64_t> shape;
  };

  static Result<SafetensorsWriter> create(const std::string &path, const std::vector<Tensor> &tensors,
                                          const std::vector<std::pair<std::string, std::string>> &metadata = {});

  /// The data of all tensors, in the order given to create(), in pieces of any size.
  Result<void> append(const void *data, uint64_t size);
  /// Makes the file durable and visible; an error when the data do not have the promised size.
  Result<void> finish();

private:
  SafetensorsWriter(AtomicFile file, std::string path, uint64_t missing)
      : file(std::move(file)), path(std::move(path)), missing(missing) {}

  AtomicFile file;
  std::string path;
  uint64_t missing; // bytes still to come
};

} // namespace lmopt

#endif // LMOPT_FILES_SAFETENSORS_SAFETENSORS_H
