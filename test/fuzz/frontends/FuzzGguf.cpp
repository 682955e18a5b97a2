// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzz target fuzz-gguf: any bytes as a GGUF file. What opens is read whole: every value, every tensor, the
// codes of blocks, the configuration. Seeds: corpus/fuzz-gguf, made by make_seeds.py.
#include "files/gguf/BlockCodes.h"
#include "frontends/gguf/Model.h"

#include <cstdlib>

using namespace lmopt;

static void readArray(const GgufValue &array) {
  (void)array.asStrings();
  (void)array.asIntegers();
  (void)array.asDoubles();
  if (array.elementType() == GgufValueType::Array)
    array.forEach([](const GgufValue &element) { readArray(element); });
}

/// The data is there, or the file would not have opened: as many codes as that makes.
static void readCodes(const GgufFile &file, const GgufTensor &tensor) {
  const GgufCodes *format = ggufCodes(static_cast<GgufType>(tensor.type->id));
  if (!format)
    return;
  size_t count = static_cast<size_t>(tensor.rows() * tensor.columns()), groups = count / size_t(format->group);
  std::vector<int8_t> codes(count);
  std::vector<float> scales(groups), minima(groups);
  if (!file.readCodes(tensor, codes.data(), scales.data(), minima.data()))
    std::abort();
  for (int8_t code : codes)
    if (format->entries && (code < 0 || code > 15))
      std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<GgufFile> file = GgufFile::parse({reinterpret_cast<const char *>(data), size}, "fuzz.gguf");
  if (!file) {
    if (file.error().code != kErrorMalformed && file.error().code != kErrorUnsupported)
      std::abort();
    return 0;
  }
  for (auto &[key, value] : file->metadata()) {
    if (file->find(key) != &value)
      std::abort();
    (void)file->findUnsigned(key);
    (void)file->findDouble(key);
    (void)file->findBool(key);
    (void)file->findString(key);
    if (value.isArray())
      readArray(value);
  }
  for (const GgufTensor &tensor : file->tensors()) {
    std::vector<float> row(tensor.columns());
    for (int64_t i = 0; i < tensor.rows() && i < 16; ++i)
      (void)file->decodeRows(tensor, i, 1, row.data());
    (void)file->decodeRows(tensor, tensor.rows() - 1, 1, row.data());
    readCodes(*file, tensor);
  }
  (void)GgufModel::read(*file);
  return 0;
}
