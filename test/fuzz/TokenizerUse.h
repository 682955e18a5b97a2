// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the fuzzers of the tokenizer do with a blob: open, encode in every mode, decode again, and end the program when
// a promise of lmopt/tokenizer.h does not hold.
#ifndef LMOPT_TEST_FUZZ_TOKENIZERUSE_H
#define LMOPT_TEST_FUZZ_TOKENIZERUSE_H

#include "lmopt/tokenizer.h"

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace lmopt::fuzz {

inline void require(bool promise) {
  if (!promise)
    abort();
}

inline void decode(const lmopt_tokenizer_t *tokenizer, const std::vector<int32_t> &ids) {
  lmopt_detokenizer_t *detokenizer = nullptr;
  require(lmopt_detokenizer_create(tokenizer, LMOPT_DETOKENIZE_SPECIAL, &detokenizer, nullptr) == LMOPT_OK);
  const char *bytes = nullptr;
  size_t size = 0;
  for (int32_t id : ids)
    if (lmopt_detokenizer_push(detokenizer, id, &bytes, &size, nullptr) == LMOPT_OK)
      require(size == 0 || (static_cast<unsigned char>(bytes[0]) & 0xC0) != 0x80); // never begins inside a character
  require(lmopt_detokenizer_flush(detokenizer, &bytes, &size, nullptr) == LMOPT_OK);
  lmopt_detokenizer_destroy(detokenizer);
}

/// False when the blob is refused.
inline bool useTokenizer(const std::string &blob, std::string_view text) {
  lmopt_tokenizer_t *tokenizer = nullptr;
  lmopt_error_t error = {};
  if (blob.empty())
    return false;
  if (lmopt_tokenizer_create(blob.data(), blob.size(), &tokenizer, &error)) {
    require(error.message[0] != '\0');
    return false;
  }
  for (uint32_t flags = 0; flags < 8; ++flags) {
    size_t count = 0, again = 0;
    require(lmopt_tokenizer_encode(tokenizer, text.data(), text.size(), flags, nullptr, 0, &count, &error) == LMOPT_OK);
    std::vector<int32_t> ids(count);
    require(lmopt_tokenizer_encode(tokenizer, text.data(), text.size(), flags, ids.data(), count, &again, &error) ==
            LMOPT_OK);
    require(count == again);
    for (int32_t id : ids)
      require(id >= 0 && id < lmopt_tokenizer_token_count(tokenizer));
    decode(tokenizer, ids);
  }
  lmopt_tokenizer_destroy(tokenizer);
  return true;
}

} // namespace lmopt::fuzz

#endif // LMOPT_TEST_FUZZ_TOKENIZERUSE_H
