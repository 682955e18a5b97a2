// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The files beside tokenizer.json, against the ids of transformers (golden/variants.json, made by
// test/tools/tokenizer_variants.py): each variant gives the same ids or is refused by name.
#include "files/File.h"
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/unit/tokenizer/Support.h"

#include <map>
#include <nlohmann/json.hpp>

using namespace lmopt;
using namespace lmopt::test;
using nlohmann::json;

/// Variants that lmopt refuses, with a part of the message.
static const std::map<std::string, std::string> kRefused = {
    {"added-decoder-wrong-id",
     "token '<|new|>' of the files beside it: has the id 307 there, but transformers gives it"},
    {"gpt2-digits-unknown", "transformers 4 and 5 read tokenizer.json differently for this class (pre_tokenizer)"},
    {"roberta-class-word", "tokenizer_class 'FunnelTokenizer' with WordPiece in tokenizer.json is not supported"},
    {"whisper-class", "tokenizer_class 'WhisperTokenizer' with BPE in tokenizer.json is not supported"},
    {"openaigpt-cased-unknown", "transformers 4 and 5 read tokenizer.json differently for this class (normalizer)"},
    {"llama-unknown", "transformers 4 and 5 read tokenizer.json differently for this class (post_processor)"},
};

/// As in the script: null is a value, and a rule is replaced as a whole.
static json merged(const json &base, const json &patch) {
  if (!patch.is_object() || !base.is_object() || patch.contains("type"))
    return patch;
  json result = base;
  for (const auto &[key, value] : patch.items())
    result[key] = merged(base.contains(key) ? base[key] : json(), value);
  return result;
}

static std::string dumped(const json &object, const char *key) {
  return object.contains(key) ? object[key].dump() : "";
}

static Result<std::string> build(const json &golden, const json &variant) {
  json file = golden["bases"][variant["base"].get<std::string>()];
  if (variant.contains("tokenizer"))
    file = merged(file, variant["tokenizer"]);
  TokenizerOptions options;
  options.maxLength = variant.value("max_length", 0u);
  options.context.modelType = variant["model_type"];
  options.context.specialTokens = dumped(variant, "special");
  options.context.addedTokens = dumped(variant, "added");
  if (variant.contains("model")) {
    options.context.tokenizerClass = variant["model"].value("tokenizer_class", "");
    options.context.writtenBy = variant["model"].value("transformers_version", "");
  }
  return buildTokenizerFromJson(file.dump(), dumped(variant, "config"), options);
}

static void expectAsOracle(const json &golden, const json &variant) {
  std::string name = variant["name"];
  Result<std::string> blob = build(golden, variant);
  auto refused = kRefused.find(name);
  if (refused != kRefused.end()) {
    ASSERT_FALSE(blob.ok()) << name;
    EXPECT_NE(blob.error().message.find(refused->second), std::string::npos) << blob.error().message;
    return;
  }
  ASSERT_TRUE(blob.ok()) << name << ": " << blob.error().message;
  ASSERT_TRUE(variant.contains("ids")) << name;
  Opened tokenizer(blob.take());
  for (size_t i = 0; i < golden["texts"].size(); ++i)
    EXPECT_EQ(tokenizer.encode(golden["texts"][i]), variant["ids"][i].get<Ids>()) << name << ": " << golden["texts"][i];
}

static json readGolden() {
  Result<std::string> text = readSmallFile(LMOPT_SOURCE_DIR "/test/unit/tokenizer/golden/variants.json", 16 << 20);
  EXPECT_TRUE(text.ok());
  return json::parse(*text);
}

TEST(TokenizerClass, VariantsGiveTheIdsOfTransformersOrAreRefused) {
  json golden = readGolden();
  size_t refused = 0;
  for (const json &variant : golden["variants"]) {
    expectAsOracle(golden, variant);
    refused += kRefused.count(variant["name"]);
  }
  EXPECT_GT(golden["variants"].size(), 90u);
  EXPECT_EQ(refused, kRefused.size()); // every name in the table is a variant
}

/// The same text twice in a row must not depend on what was cut before; capacity smaller than the result counts on.
TEST(TokenizerClass, TruncationOnTheLeftCountsAndWritesTheEnd) {
  json golden = readGolden();
  for (const json &variant : golden["variants"]) {
    if (variant["name"] != "truncation-left")
      continue;
    Opened tokenizer(build(golden, variant).take());
    std::string text = "the cat sat on the mat";
    int32_t ids[3] = {-1, -1, -1};
    size_t count = 0;
    ASSERT_EQ(lmopt_tokenizer_encode(tokenizer.get(), text.data(), text.size(), LMOPT_TOKENIZE_DEFAULT, ids, 2, &count,
                                     nullptr),
              LMOPT_OK);
    Ids whole = tokenizer.encode(text);
    EXPECT_EQ(count, 6u);
    EXPECT_EQ(Ids(ids, ids + 2), Ids(whole.begin(), whole.begin() + 2));
    EXPECT_EQ(ids[2], -1);
    EXPECT_GT(tokenizer.encode(text, LMOPT_TOKENIZE_DEFAULT | LMOPT_TOKENIZE_NO_TRUNCATION).size(), 6u);
  }
}

static void expectError(const std::string &config, int code, const std::string &message,
                        TokenizerOptions options = {}) {
  json golden = readGolden();
  Result<std::string> blob = buildTokenizerFromJson(golden["bases"]["bpe"].dump(), config, options);
  ASSERT_FALSE(blob.ok()) << message;
  EXPECT_EQ(blob.error().message, message);
  EXPECT_EQ(blob.error().code, code);
}

TEST(TokenizerClass, RefusalsNameFieldAndRemedy) {
  expectError(
      R"({"auto_map": {"AutoTokenizer": ["x.A", null]}, "tokenizer_class": "ATokenizer"})", kErrorUnsupported,
      "tokenizer_config.json: tokenizer_class 'ATokenizer' is defined by code of the checkpoint (auto_map), which "
      "lmopt does not run; supported: tokenizers of the library, say PreTrainedTokenizerFast");
  expectError(R"({"truncation_side": "middle"})", kErrorMalformed,
              "tokenizer_config.json: field 'truncation_side' is 'middle'; expected left or right");
  expectError(R"({"added_tokens_decoder": {"x": {"content": "a"}}})", kErrorMalformed,
              "tokenizer_config.json: field 'added_tokens_decoder.x': expected a token under its id");
  TokenizerOptions options;
  options.context.addedTokens = R"({"<new>": -1})";
  expectError("{}", kErrorMalformed, "added_tokens.json: field '<new>': expected the id of a token", options);
}

TEST(TokenizerVocabulary, TokensBeyondTheEmbeddingAreRefused) {
  TokenizerOptions options;
  options.vocabulary = 300;
  json golden = readGolden();
  std::string text = golden["bases"]["bpe"].dump();
  EXPECT_TRUE(buildTokenizerFromJson(text, "{}", options).ok());
  expectError(R"({"pad_token": "<pad>"})", kErrorUnsupported,
              "tokenizer.json: token '<pad>' has the id 300, but the embedding has only 300 rows; resize it to the "
              "tokenizer (resize_token_embeddings), or take out the tokens that the model was not trained with",
              options);
}

TEST(TokenizerVocabulary, RowsWithoutATokenAreEmptyText) {
  TokenizerOptions options;
  options.vocabulary = 512;
  options.endTokens = {511, 4096};
  json golden = readGolden();
  for (const char *base : {"bpe", "word"}) {
    Result<std::string> blob = buildTokenizerFromJson(golden["bases"][base].dump(), "", options);
    ASSERT_TRUE(blob.ok()) << blob.error().message;
    Opened tokenizer(blob.take());
    EXPECT_EQ(lmopt_tokenizer_token_count(tokenizer.get()), 512);
    EXPECT_TRUE(lmopt_tokenizer_is_end(tokenizer.get(), 511));
    EXPECT_FALSE(lmopt_tokenizer_is_special(tokenizer.get(), 510));
    EXPECT_EQ(lmopt_tokenizer_find(tokenizer.get(), "", 0), -1);
    lmopt_detokenizer_t *detokenizer = nullptr;
    ASSERT_EQ(lmopt_detokenizer_create(tokenizer.get(), 0, &detokenizer, nullptr), LMOPT_OK);
    const char *bytes = nullptr;
    size_t size = 1;
    for (int32_t id : {510, 400, 510}) {
      EXPECT_EQ(lmopt_detokenizer_push(detokenizer, id, &bytes, &size, nullptr), LMOPT_OK);
      EXPECT_EQ(size, 0u) << id;
    }
    lmopt_detokenizer_destroy(detokenizer);
  }
}

TEST(TokenizerVocabulary, EndTokensThatNoRowHas) {
  TokenizerOptions options;
  options.vocabulary = 300;
  options.endTokens = {4096};
  expectError("", kErrorMalformed, "tokenizer.json: the end token 4096 is not one of the 300 tokens", options);
}
