// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// tokenizer.json as the `tokenizers` package runs it by itself, for models whose makers do (static embeddings): nothing
// around a text, no class, unknown tokens that go, the file's own limit.
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/unit/tokenizer/Support.h"

#include <nlohmann/json.hpp>

using namespace lmopt;
using namespace lmopt::test;
using nlohmann::json;

static json wordsFile() {
  return json{
      {"added_tokens", json::array({{{"id", 1}, {"content", "[CLS]"}, {"special", true}},
                                    {{"id", 0}, {"content", "[UNK]"}, {"special", true}}})},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", {{{"SpecialToken", {{"id", "[CLS]"}}}}, {{"Sequence", {{"id", "A"}}}}}},
        {"special_tokens", {{"[CLS]", {{"id", "[CLS]"}, {"ids", json::array({1})}}}}}}},
      {"truncation", {{"max_length", 3}, {"direction", "Left"}, {"strategy", "LongestFirst"}, {"stride", 0}}},
      {"model",
       {{"type", "WordPiece"}, {"unk_token", "[UNK]"}, {"vocab", {{"[UNK]", 0}, {"[CLS]", 1}, {"a", 2}, {"b", 3}}}}},
  };
}

static Opened plain(PlainTextRules rules, uint32_t maxLength = 0, const json &file = wordsFile()) {
  TokenizerOptions options;
  options.plainText = rules;
  options.maxLength = maxLength;
  Result<std::string> blob = buildTokenizerFromJson(file.dump(), "", options);
  EXPECT_TRUE(blob.ok()) << blob.error().message;
  return Opened(blob.take());
}

TEST(Plain, NothingStandsAroundAText) {
  EXPECT_EQ(plain({}).encode("a b x a [CLS]"), Ids({2, 3, 0, 2, 1}));
  EXPECT_EQ(plain({}).encode(""), Ids());
}

TEST(Plain, UnknownTokensGo) {
  Opened tokenizer = plain({/*dropsUnknown=*/true, /*cutsAsFile=*/false});
  EXPECT_EQ(tokenizer.encode("a x b [UNK] x"), Ids({2, 3}));
  EXPECT_EQ(tokenizer.encode("x y"), Ids());
}

/// The text is cut before they go, as model2vec does it; its limit is not that of the file.
TEST(Plain, UnknownTokensCountWhereATextIsCut) {
  Opened tokenizer = plain({/*dropsUnknown=*/true, /*cutsAsFile=*/false}, /*maxLength=*/4);
  EXPECT_EQ(tokenizer.encode("a b a b a"), Ids({2, 3, 2, 3}));
  EXPECT_EQ(tokenizer.encode("a x b x a"), Ids({2, 3}));
  EXPECT_EQ(tokenizer.encode("x x x x a"), Ids());
  EXPECT_EQ(tokenizer.encode("a x b x a", LMOPT_TOKENIZE_DEFAULT | LMOPT_TOKENIZE_NO_TRUNCATION), Ids({2, 3, 2}));
}

TEST(Plain, TheSameWithPlaces) {
  Opened tokenizer = plain({/*dropsUnknown=*/true, /*cutsAsFile=*/false}, /*maxLength=*/4);
  std::string text = "a x b x a";
  lmopt_text_t one = {text.data(), text.size()};
  lmopt_token_t tokens[8];
  size_t count = 0;
  ASSERT_EQ(lmopt_tokenizer_encode_texts(tokenizer.get(), &one, 1, LMOPT_TOKENIZE_DEFAULT, tokens, 8, &count, nullptr),
            LMOPT_OK);
  ASSERT_EQ(count, 2u);
  EXPECT_EQ(tokens[1].id, 3);
  EXPECT_EQ(tokens[1].begin, 4u);
  EXPECT_EQ(tokens[1].end, 5u);
  lmopt_text_t pair[2] = {one, one};
  EXPECT_EQ(lmopt_tokenizer_encode_texts(tokenizer.get(), pair, 2, LMOPT_TOKENIZE_DEFAULT, tokens, 8, &count, nullptr),
            LMOPT_ERROR_UNSUPPORTED);
}

TEST(Plain, TheLimitOfTheFile) {
  EXPECT_EQ(plain({/*dropsUnknown=*/false, /*cutsAsFile=*/true}).encode("a a b x b"), Ids({3, 0, 3}));
  json file = wordsFile();
  file["truncation"]["direction"] = "Right";
  EXPECT_EQ(plain({false, true}, 0, file).encode("a a b x b"), Ids({2, 2, 3}));
  file["truncation"] = nullptr;
  EXPECT_EQ(plain({false, true}, 0, file).encode("a a b x b").size(), 5u);
}

TEST(Plain, RefusesLimitsThatAreNone) {
  TokenizerOptions options;
  options.plainText = PlainTextRules{false, true};
  auto code = [&](const char *field, const json &value) {
    json file = wordsFile();
    file["truncation"][field] = value;
    Result<std::string> blob = buildTokenizerFromJson(file.dump(), "", options);
    return blob.ok() ? 0 : blob.error().code;
  };
  EXPECT_EQ(code("max_length", 0), 3);
  EXPECT_EQ(code("max_length", nullptr), 3);
  EXPECT_EQ(code("direction", "Up"), 3);
  EXPECT_EQ(code("max_length", 3), 0);
}
