// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Texts and pairs of them to tokens that know where they come from: bytes of the text before it was normalized, words,
// types; and how a pair is cut. What `tokenizers` makes of the same is in golden/texts.json (make_texts.py).
#include "Support.h"

#include "frontends/tokenizer/TokenizerBuilder.h"

#include <fstream>
#include <nlohmann/json.hpp>

using namespace lmopt;
using namespace lmopt::test;
using nlohmann::json;

namespace {

std::vector<lmopt_token_t> tokensOf(const lmopt_tokenizer_t *tokenizer, const std::vector<std::string> &texts,
                                    uint32_t flags = LMOPT_TOKENIZE_DEFAULT) {
  std::vector<lmopt_text_t> views;
  for (const std::string &text : texts)
    views.push_back({text.data(), text.size()});
  size_t count = 0, again = 0;
  lmopt_error_t error = {};
  EXPECT_EQ(lmopt_tokenizer_encode_texts(tokenizer, views.data(), views.size(), flags, nullptr, 0, &count, &error),
            LMOPT_OK)
      << error.message;
  std::vector<lmopt_token_t> tokens(count);
  EXPECT_EQ(
      lmopt_tokenizer_encode_texts(tokenizer, views.data(), views.size(), flags, tokens.data(), count, &again, &error),
      LMOPT_OK);
  EXPECT_EQ(count, again);
  return tokens;
}

std::string readAll(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Every case of golden/texts.json: a tokenizer.json, texts, and what `tokenizers` gives.
TEST(Texts, asTokenizersDoes) {
  json golden = json::parse(readAll(LMOPT_SOURCE_DIR "/test/unit/tokenizer/golden/texts.json"));
  ASSERT_FALSE(golden.empty());
  for (const json &group : golden) {
    TokenizerOptions options;
    options.maxLength = group["max_length"];
    Result<std::string> blob = buildTokenizerFromJson(group["tokenizer"].dump(), "", options);
    ASSERT_TRUE(blob.ok()) << blob.error().message;
    Opened tokenizer(blob.take());
    for (const json &one : group["cases"]) {
      std::vector<std::string> texts = one["texts"];
      std::vector<lmopt_token_t> tokens = tokensOf(
          tokenizer.get(), texts, one["special"].get<bool>() ? LMOPT_TOKENIZE_DEFAULT : LMOPT_TOKENIZE_PARSE_SPECIAL);
      json found = json::array();
      for (const lmopt_token_t &token : tokens)
        found.push_back({token.id, token.type, token.text, token.word, token.begin, token.end});
      EXPECT_EQ(found, one["tokens"]) << group["name"] << " " << one["texts"];
      if (texts.size() == 1) {
        Ids ids;
        for (const lmopt_token_t &token : tokens)
          ids.push_back(token.id);
        EXPECT_EQ(ids, tokenizer.encode(texts[0], one["special"].get<bool>() ? LMOPT_TOKENIZE_DEFAULT
                                                                             : LMOPT_TOKENIZE_PARSE_SPECIAL));
      }
    }
  }
}

TEST(Texts, misuseIsRefused) {
  TokenizerSpec spec;
  spec.pieces = {"a"};
  spec.pairFrame.clear();
  Opened tokenizer = open(spec);
  lmopt_text_t texts[3] = {{"a", 1}, {"a", 1}, {"a", 1}};
  size_t count = 0;
  lmopt_error_t error = {};
  auto encode = [&](size_t number, uint32_t flags) {
    return lmopt_tokenizer_encode_texts(tokenizer.get(), texts, number, flags, nullptr, 0, &count, &error);
  };
  EXPECT_EQ(encode(0, 0), LMOPT_ERROR_USAGE);
  EXPECT_EQ(encode(3, 0), LMOPT_ERROR_USAGE);
  EXPECT_EQ(encode(1, 1u << 20), LMOPT_ERROR_USAGE);
  EXPECT_EQ(encode(2, 0), LMOPT_ERROR_UNSUPPORTED);
  EXPECT_STREQ(error.message, "the model's tokenizer does not say how two texts are put together");
  texts[0] = {nullptr, 1};
  EXPECT_EQ(encode(1, 0), LMOPT_ERROR_USAGE);
  texts[0] = {nullptr, 0};
  EXPECT_EQ(encode(1, 0), LMOPT_OK);
  EXPECT_EQ(count, 0u);
}

TEST(Texts, bytesThatAreNoTextHaveAPlace) {
  TokenizerSpec spec;
  spec.kind = LMOPT_TOKENIZER_WORDPIECE;
  spec.pieces = {"[UNK]", "a", "b"};
  spec.unknown = 0;
  spec.maxWordChars = 100;
  spec.normalizer = {LMOPT_NORMALIZE_CLEAN, LMOPT_NORMALIZE_LOWER};
  spec.splits = {{LMOPT_SPLIT_BERT, 0}};
  Opened tokenizer = open(spec);
  std::vector<lmopt_token_t> tokens = tokensOf(tokenizer.get(), {"A\xff  \x01"
                                                                 "B"});
  ASSERT_EQ(tokens.size(), 2u); // U+FFFD is dropped as a control character
  EXPECT_EQ(tokens[1].begin, 5u);
  EXPECT_EQ(tokens[1].end, 6u);
}

} // namespace
