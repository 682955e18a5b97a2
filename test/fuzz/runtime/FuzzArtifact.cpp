// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The artifact reader on any bytes: no code of the artifact runs, nothing beyond the bytes is read, and what it accepts
// can be looked at whole.
#include "lmopt/lmopt.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::vector<uint8_t> copy(data, data + size); // of the exact size, so that ASan sees the end
  lmopt_artifact_t *artifact = nullptr;
  lmopt_error_t error{};
  if (lmopt_artifact_open_memory(copy.data(), copy.size(), &artifact, &error) != LMOPT_OK) {
    if (error.status != LMOPT_ERROR_MALFORMED || !error.message[0])
      std::abort();
    return 0;
  }
  lmopt_artifact_info_t info{};
  info.struct_size = sizeof info;
  if (lmopt_artifact_get_info(artifact, &info, &error) != LMOPT_OK)
    std::abort();
  uint64_t sum = 0;
  for (uint32_t i = 0; i < info.meta_count; ++i) {
    size_t bytes = 0;
    const auto *blob =
        static_cast<const uint8_t *>(lmopt_artifact_meta(artifact, lmopt_artifact_meta_name(artifact, i), &bytes));
    for (size_t j = 0; j < bytes; ++j)
      sum += blob[j];
  }
  volatile uint64_t read = sum;
  (void)read;
  lmopt_artifact_destroy(artifact);
  return 0;
}
