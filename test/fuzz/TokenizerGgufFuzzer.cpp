// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fuzz-tokenizer-gguf: any bytes as a GGUF file with a tokenizer. What is accepted must open, encode, and decode.
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/fuzz/TokenizerUse.h"

using namespace lmopt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char *>(data), size);
  Result<GgufFile> file = GgufFile::parse(bytes, "fuzz.gguf");
  if (!file)
    return 0;
  TokenizerOptions options;
  options.vocabulary = size % 5 ? 0 : 40;
  Result<std::string> blob = buildTokenizerFromGguf(*file, options);
  if (!blob) {
    bool expected = blob.error().code == kErrorMalformed || blob.error().code == kErrorUnsupported;
    if (!expected || blob.error().message.empty())
      abort();
    return 0;
  }
  if (!fuzz::useTokenizer(*blob, "ab ab<s>1 <|im_end|> USER don't \xFF 世界 e\u0301"))
    abort(); // the writer made what the reader refuses
  return 0;
}
