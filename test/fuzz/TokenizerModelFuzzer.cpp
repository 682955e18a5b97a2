// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fuzz-tokenizer-model: any bytes as tokenizer.model. What is accepted must open, encode, and decode.
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/fuzz/TokenizerUse.h"

using namespace lmopt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char *>(data), size);
  TokenizerOptions options;
  options.path = "tokenizer.model";
  options.vocabulary = size % 5 ? 0 : 40;
  options.context.modelType = size % 2 ? "llama" : "gemma";
  const char *config = size % 3 ? R"({"add_bos_token": false})" : R"({"legacy": false, "bos_token": "<s>"})";
  Result<std::string> blob = buildTokenizerFromModel(bytes, config, options);
  if (!blob) {
    bool expected = blob.error().code == kErrorMalformed || blob.error().code == kErrorUnsupported;
    if (!expected || blob.error().message.empty())
      abort();
    return 0;
  }
  if (!fuzz::useTokenizer(*blob, "ab  ab<s>1 <user> \xFF 世界 e\u0301 "))
    abort(); // the writer made what the reader refuses
  return 0;
}
