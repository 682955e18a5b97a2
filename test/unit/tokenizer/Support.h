// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small hand-made tokenizers for the tests of this folder, and short ways to use them.
#ifndef LMOPT_TEST_UNIT_TOKENIZER_SUPPORT_H
#define LMOPT_TEST_UNIT_TOKENIZER_SUPPORT_H

#include "frontends/tokenizer/TokenizerBlob.h"
#include "lmopt/tokenizer.h"

#include "gtest/gtest.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lmopt::test {

using Ids = std::vector<int32_t>;

/// Owns a blob and the tokenizer opened on it.
class Opened {
public:
  explicit Opened(std::string bytes) : blob(std::make_unique<std::string>(std::move(bytes))) {
    lmopt_tokenizer_t *raw = nullptr;
    lmopt_error_t error = {};
    EXPECT_EQ(lmopt_tokenizer_create(blob->data(), blob->size(), &raw, &error), LMOPT_OK) << error.message;
    tokenizer.reset(raw);
  }

  const lmopt_tokenizer_t *get() const { return tokenizer.get(); }

  Ids encode(const std::string &text, uint32_t flags = LMOPT_TOKENIZE_DEFAULT) const {
    lmopt_error_t error = {};
    size_t count = 0, again = 0;
    EXPECT_EQ(lmopt_tokenizer_encode(get(), text.data(), text.size(), flags, nullptr, 0, &count, &error), LMOPT_OK)
        << error.message;
    Ids ids(count);
    EXPECT_EQ(lmopt_tokenizer_encode(get(), text.data(), text.size(), flags, ids.data(), count, &again, &error),
              LMOPT_OK);
    EXPECT_EQ(count, again);
    return ids;
  }

  /// The bytes of the tokens, one string for each.
  std::vector<std::string> pieces(const std::string &text, uint32_t flags = LMOPT_TOKENIZE_DEFAULT) const {
    std::vector<std::string> result;
    for (int32_t id : encode(text, flags)) {
      const char *bytes = nullptr;
      size_t size = 0;
      EXPECT_EQ(lmopt_tokenizer_piece(get(), id, &bytes, &size, nullptr), LMOPT_OK);
      result.emplace_back(bytes, size);
    }
    return result;
  }

private:
  struct Destroy {
    void operator()(lmopt_tokenizer_t *pointer) const { lmopt_tokenizer_destroy(pointer); }
  };
  std::unique_ptr<std::string> blob; // stays in place when an Opened moves
  std::unique_ptr<lmopt_tokenizer_t, Destroy> tokenizer;
};

inline Opened open(TokenizerSpec spec) {
  spec.tokenFlags.resize(spec.pieces.size());
  Result<std::string> blob = writeTokenizerBlob(spec, "test");
  EXPECT_TRUE(blob.ok()) << blob.error().message;
  return Opened(blob.take());
}

/// All 256 bytes as tokens 0-255, then one token for each merge "left right".
inline TokenizerSpec bytePairs(const std::vector<std::pair<std::string, std::string>> &merges) {
  TokenizerSpec spec;
  std::map<std::string, uint32_t> ids;
  auto id = [&](const std::string &piece) {
    auto [found, isNew] = ids.try_emplace(piece, static_cast<uint32_t>(spec.pieces.size()));
    if (isNew)
      spec.pieces.push_back(piece);
    return found->second;
  };
  for (int b = 0; b < 256; ++b)
    id(std::string(1, static_cast<char>(b)));
  for (const auto &[left, right] : merges)
    spec.merges.push_back({id(left), id(right), id(left + right)});
  spec.splits = {{LMOPT_SPLIT_GPT2, LMOPT_SPLIT_ARG_HF}};
  return spec;
}

/// WordPiece over the given pieces; token 0 is "[UNK]".
inline TokenizerSpec wordPieces(const std::vector<std::string> &pieces) {
  TokenizerSpec spec;
  spec.kind = LMOPT_TOKENIZER_WORDPIECE;
  spec.pieces = {"[UNK]"};
  spec.pieces.insert(spec.pieces.end(), pieces.begin(), pieces.end());
  spec.unknown = spec.roles[LMOPT_TOKEN_UNK] = 0;
  spec.continuation = "##";
  spec.maxWordChars = 100;
  spec.splits = {{LMOPT_SPLIT_BERT, 0}};
  return spec;
}

inline void addToken(TokenizerSpec &spec, const std::string &text, uint32_t flags, bool normalized = false) {
  spec.tokenFlags.resize(spec.pieces.size());
  spec.added.push_back({static_cast<uint32_t>(spec.pieces.size()), text, flags, normalized});
  spec.pieces.push_back(text);
  spec.tokenFlags.push_back(LMOPT_TOKEN_FLAG_ADDED | (flags & LMOPT_ADDED_SPECIAL ? LMOPT_TOKEN_FLAG_SPECIAL : 0u));
}

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_TOKENIZER_SUPPORT_H
