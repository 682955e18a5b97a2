// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fuzz-tokenizer-json: any bytes as tokenizer.json. What is accepted must open, encode, and decode. Lines "\n\0\n"
// (three bytes) part the file from a tokenizer_config.json, that from a special_tokens_map.json, and that from an
// added_tokens.json. The number of bytes chooses the rest of the options.
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/fuzz/TokenizerUse.h"

using namespace lmopt;

/// Takes everything up to the next line of that kind off the front.
static std::string_view part(std::string_view &rest) {
  static constexpr std::string_view kLine("\n\0\n", 3);
  size_t at = rest.find(kLine);
  std::string_view taken = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + kLine.size());
  return taken;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view rest(reinterpret_cast<const char *>(data), size);
  std::string_view text = part(rest), config = part(rest);
  TokenizerOptions options;
  options.maxLength = size % 3 ? 0 : 8;
  options.vocabulary = size % 5 ? 0 : 300;
  options.context.modelType = size % 2 ? "bert" : "llama";
  options.context.writtenBy = size % 7 == 0 ? "" : size % 7 < 4 ? "4.40.0" : "5.2.0";
  options.context.specialTokens = part(rest);
  options.context.addedTokens = part(rest);
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
