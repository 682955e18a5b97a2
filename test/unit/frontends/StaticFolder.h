// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A folder of static embeddings: tensors with chosen bytes.
#ifndef LMOPT_TEST_UNIT_FRONTENDS_STATICFOLDER_H
#define LMOPT_TEST_UNIT_FRONTENDS_STATICFOLDER_H

#include "files/safetensors/Safetensors.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <gtest/gtest.h>

namespace lmopt::test {

/// The bytes of numbers as they lie in memory.
template <class T>
std::string bytesOfNumbers(const std::vector<T> &numbers) {
  return std::string(reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(T));
}

struct StaticFolder : TemporaryFolder {
  struct Tensor {
    std::string name;
    const char *type;
    std::vector<int64_t> shape;
    std::string bytes;
  };

  void writeTensors(const std::vector<Tensor> &tensors, const std::string &file = "model.safetensors") const {
    std::vector<SafetensorsWriter::Tensor> headers;
    for (const Tensor &tensor : tensors)
      headers.push_back({tensor.name, tensor.type, tensor.shape});
    Result<SafetensorsWriter> writer = SafetensorsWriter::create(*this / file, headers);
    ASSERT_TRUE(writer) << writer.error().message;
    for (const Tensor &tensor : tensors)
      ASSERT_TRUE(writer->append(tensor.bytes.data(), tensor.bytes.size()));
    ASSERT_TRUE(writer->finish());
  }
};

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_FRONTENDS_STATICFOLDER_H
