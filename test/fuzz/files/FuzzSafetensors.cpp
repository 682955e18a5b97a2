// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzz target fuzz-safetensors: any bytes as a safetensors file. What opens is decoded whole.
// Seeds: corpus/fuzz-safetensors, made by make_seeds.py.
#include "files/safetensors/Safetensors.h"

#include <cstdlib>

using namespace lmopt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<SafetensorsFile> file = SafetensorsFile::parse({reinterpret_cast<const char *>(data), size}, "fuzz");
  if (!file) {
    if (file.error().code != kErrorMalformed && file.error().code != kErrorUnsupported)
      std::abort();
    return 0;
  }
  for (const SafetensorsTensor &tensor : file->tensors()) {
    if (file->findTensor(tensor.name) != &tensor)
      std::abort();
    std::vector<float> values(tensor.data.size()); // at least one byte an element
    (void)file->decodeRows(tensor, 0, tensor.rows(), values.data());
  }
  return 0;
}
