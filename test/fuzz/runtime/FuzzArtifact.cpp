// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The artifact reader on any bytes: no code of the artifact runs, nothing beyond the bytes is read, and what it accepts
// can be looked at whole. Each input is tried twice, the second time with checksums that are right, so that they hide
// nothing from the fuzzer.
#include "lmopt/lmopt.h"
#include "test/Reseal.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

static uint64_t readAll(const lmopt_artifact_t *artifact) {
  lmopt_artifact_info_t info{};
  info.struct_size = sizeof info;
  if (lmopt_artifact_get_info(artifact, &info, nullptr) != LMOPT_OK)
    std::abort();
  uint64_t sum = 0;
  for (uint32_t i = 0; i < info.meta_count; ++i) {
    size_t bytes = 0;
    const auto *blob =
        static_cast<const uint8_t *>(lmopt_artifact_meta(artifact, lmopt_artifact_meta_name(artifact, i), &bytes));
    for (size_t j = 0; j < bytes; ++j)
      sum += blob[j];
  }
  return sum;
}

/// Kernels of the architectures that the names of blobs tell.
static uint64_t readKernels(const lmopt_artifact_t *artifact) {
  uint64_t sum = 0;
  for (uint32_t i = 0; const char *blob = lmopt_artifact_meta_name(artifact, i); ++i) {
    const char *architecture = std::strchr(blob, '.');
    uint32_t count = 0;
    if (!architecture || lmopt_artifact_count_kernels(artifact, architecture + 1, &count, nullptr) != LMOPT_OK)
      continue;
    for (uint32_t kernel = 0; kernel < count; ++kernel) {
      lmopt_kernel_info_t info{};
      info.struct_size = sizeof info;
      if (lmopt_artifact_get_kernel(artifact, architecture + 1, kernel, &info, nullptr) != LMOPT_OK)
        std::abort();
      sum += std::strlen(info.name);
    }
  }
  return sum;
}

static void use(const lmopt_artifact_t *artifact) {
  volatile uint64_t read = readAll(artifact) + readKernels(artifact);
  (void)read;
  lmopt_error_t error{};
  lmopt_tokenizer_t *tokenizer = nullptr;
  if (lmopt_artifact_tokenizer(artifact, &tokenizer, &error) != LMOPT_OK && !error.message[0])
    std::abort();
  lmopt_tokenizer_destroy(tokenizer);
  if (lmopt_artifact_verify(artifact, &error) != LMOPT_OK && !error.message[0])
    std::abort();
}

static void tryBytes(const std::string &bytes) {
  std::vector<char> copy(bytes.begin(), bytes.end()); // of the exact size, so that ASan sees the end
  lmopt_artifact_t *artifact = nullptr;
  lmopt_error_t error{};
  if (lmopt_artifact_open_memory(copy.data(), copy.size(), &artifact, &error) != LMOPT_OK) {
    if (error.status != LMOPT_ERROR_MALFORMED || !error.message[0])
      std::abort();
    return;
  }
  use(artifact);
  lmopt_artifact_destroy(artifact);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string bytes(reinterpret_cast<const char *>(data), size);
  tryBytes(bytes);
  tryBytes(lmopt::test::resealed(bytes));
  return 0;
}
