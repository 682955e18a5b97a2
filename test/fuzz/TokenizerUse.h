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

/// One text, and it as a pair with itself: ids as those of lmopt_tokenizer_encode, places inside the text.
inline void locate(const lmopt_tokenizer_t *tokenizer, std::string_view text, uint32_t flags,
                   const std::vector<int32_t> &ids) {
  const lmopt_text_t texts[] = {{text.data(), text.size()}, {text.data(), text.size()}};
  for (size_t number = 1; number <= 2; ++number) {
    size_t count = 0;
    lmopt_error_t error = {};
    lmopt_status_t status = lmopt_tokenizer_encode_texts(tokenizer, texts, number, flags, nullptr, 0, &count, &error);
    require(status == LMOPT_OK || status == LMOPT_ERROR_RESOURCE || (number == 2 && status == LMOPT_ERROR_UNSUPPORTED));
    if (status != LMOPT_OK)
      continue;
    std::vector<lmopt_token_t> tokens(count);
    require(lmopt_tokenizer_encode_texts(tokenizer, texts, number, flags, tokens.data(), count, &count, &error) ==
            LMOPT_OK);
    require(number == 2 || count == ids.size());
    for (size_t i = 0; i < count; ++i) {
      require(number == 2 || tokens[i].id == ids[i]);
      require(tokens[i].begin <= tokens[i].end && tokens[i].end <= text.size());
      require(tokens[i].text < static_cast<int32_t>(number) && (tokens[i].type == 0 || tokens[i].type == 1));
    }
  }
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
    lmopt_status_t status =
        lmopt_tokenizer_encode(tokenizer, text.data(), text.size(), flags, nullptr, 0, &count, &error);
    require(status == LMOPT_OK || status == LMOPT_ERROR_RESOURCE); // an expression that goes on and on
    if (status != LMOPT_OK)
      continue;
    std::vector<int32_t> ids(count);
    require(lmopt_tokenizer_encode(tokenizer, text.data(), text.size(), flags, ids.data(), count, &again, &error) ==
            LMOPT_OK);
    require(count == again);
    for (int32_t id : ids)
      require(id >= 0 && id < lmopt_tokenizer_token_count(tokenizer));
    decode(tokenizer, ids);
    locate(tokenizer, text, flags, ids);
  }
  lmopt_tokenizer_destroy(tokenizer);
  return true;
}

} // namespace lmopt::fuzz

#endif // LMOPT_TEST_FUZZ_TOKENIZERUSE_H
