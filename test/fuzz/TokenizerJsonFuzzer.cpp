// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fuzz-tokenizer-json: any bytes as tokenizer.json. What is accepted must open, encode, and decode. A line "\n\0\n"
// (three bytes) parts the file from a tokenizer_config.json.
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/fuzz/TokenizerUse.h"

using namespace lmopt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view text(reinterpret_cast<const char *>(data), size), config;
  static constexpr std::string_view kLine("\n\0\n", 3);
  if (size_t at = text.find(kLine); at != std::string_view::npos) {
    config = text.substr(at + kLine.size());
    text = text.substr(0, at);
  }
  TokenizerOptions options;
  options.maxLength = size % 3 ? 0 : 8;
  Result<std::string> blob = buildTokenizerFromJson(text, config, options);
  if (!blob) {
    bool expected = blob.error().code == kErrorMalformed || blob.error().code == kErrorUnsupported;
    if (!expected || blob.error().message.empty())
      abort();
    return 0;
  }
  if (!fuzz::useTokenizer(*blob, "ab 12 don't [CLS] \xFF 世界 e\u0301<s>"))
    abort(); // the writer made what the reader refuses
  return 0;
}
