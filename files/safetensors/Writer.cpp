// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes safetensors files: all offsets follow from the shapes, so the header comes first and the data stream after it.
// Tested by test/unit/files/SafetensorsTest.cpp (round trip, also against a file of the reference implementation).
#include "files/safetensors/Safetensors.h"

#include <nlohmann/json.hpp>

using namespace lmopt;
using nlohmann::json;

/// The header as JSON, keys in the order of the data (the reference reader does not ask for any order), padded with
/// blanks so that the data begin at a multiple of 64 bytes. Adds the bytes of all tensors to `total`.
static Result<std::string> makeHeader(const std::vector<SafetensorsWriter::Tensor> &tensors,
                                      const std::vector<std::pair<std::string, std::string>> &metadata,
                                      uint64_t &total) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  for (const auto &[key, value] : metadata)
    header["__metadata__"][key] = value;
  for (const SafetensorsWriter::Tensor &tensor : tensors) {
    const SafetensorsType *type = safetensorsType(tensor.type);
    uint64_t size = type ? type->bytes : 0;
    bool good = type && tensor.shape.size() <= kMaxSafetensorsRank;
    for (int64_t dim : tensor.shape)
      good &= dim >= 0 && !__builtin_mul_overflow(size, static_cast<uint64_t>(dim), &size);
    uint64_t begin = total;
    good = good && !__builtin_add_overflow(total, size, &total) && !header.contains(tensor.name);
    if (!good)
      return Error{kErrorInternal, "tensor " + printable(tensor.name) +
                                       " cannot be written: bad dtype, bad shape or a name used twice"};
    header[tensor.name] = {{"dtype", tensor.type}, {"shape", tensor.shape}, {"data_offsets", {begin, total}}};
  }
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.append((64 - (text.size() + 8) % 64) % 64, ' ');
  return text;
}

Result<SafetensorsWriter> SafetensorsWriter::create(const std::string &path, const std::vector<Tensor> &tensors,
                                                    const std::vector<std::pair<std::string, std::string>> &metadata) {
  uint64_t total = 0;
  Result<std::string> header = makeHeader(tensors, metadata, total);
  if (!header)
    return Error{header.error().code, path + ": " + header.error().message};
  Result<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return file.error();
  uint64_t length = header->size();
  if (Result<void> written = file->write(&length, sizeof(length)); !written)
    return written.error();
  if (Result<void> written = file->write(*header); !written)
    return written.error();
  return SafetensorsWriter(file.take(), path, total);
}

Result<void> SafetensorsWriter::append(const void *data, uint64_t size) {
  if (size > missing)
    return Error{kErrorInternal, path + ": more data than the header promises"};
  missing -= size;
  return file.write(data, size);
}

Result<void> SafetensorsWriter::finish() {
  if (missing)
    return Error{kErrorInternal, path + ": " + std::to_string(missing) + " bytes of data are missing"};
  return file.commit();
}
