// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The JSON header of a safetensors file, parsed as it streams by (no document is built: a header of 100 MB would become
// gigabytes). In: the header's text. Out: tensors without their data, their offsets, the metadata; or what is wrong.
// Tested by test/unit/files/SafetensorsTest.cpp.
#ifndef LMOPT_FILES_SAFETENSORS_HEADER_H
#define LMOPT_FILES_SAFETENSORS_HEADER_H

#include "files/safetensors/Safetensors.h"

namespace lmopt {

struct SafetensorsHeader {
  std::vector<SafetensorsTensor> tensors;
  std::vector<std::pair<uint64_t, uint64_t>> offsets; // begin and end, parallel to tensors
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// `path` is for messages only.
Result<SafetensorsHeader> parseSafetensorsHeader(std::string_view text, const std::string &path);

} // namespace lmopt

#endif // LMOPT_FILES_SAFETENSORS_HEADER_H
