// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fuzz-tokenizer-blob: the last line of the input is a text, what stands before it a tokenizer blob. A blob that opens
// must encode and decode the text.
#include "test/fuzz/TokenizerUse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view input(reinterpret_cast<const char *>(data), size);
  size_t line = input.rfind('\n');
  std::string_view text = line == std::string_view::npos ? std::string_view() : input.substr(line + 1);
  lmopt::fuzz::useTokenizer(std::string(input.substr(0, size - text.size() - (line != std::string_view::npos))), text);
  return 0;
}
