// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// buildTokenizerFromJson: small tokenizer.json files of each kind, and the message for each thing that is refused.
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/unit/tokenizer/Support.h"

#include <nlohmann/json.hpp>
#include <set>

using namespace lmopt;
using namespace lmopt::test;
using nlohmann::json;

using Words = std::vector<std::string>;

/// GPT-2's spelling of a blank.
static const std::string kBlank = "\u0120";

static json bpeFile() {
  return json{
      {"added_tokens", json::array({{{"id", 6}, {"content", "<e>"}, {"special", true}}})},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"post_processor", {{"type", "ByteLevel"}, {"trim_offsets", false}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model",
       {{"type", "BPE"},
        {"vocab", {{"a", 0}, {"b", 1}, {kBlank, 2}, {"ab", 3}, {kBlank + "ab", 4}, {"1", 5}}},
        {"merges", {"a b", kBlank + " ab"}}}},
  };
}

static json bertFile() {
  return json{
      {"added_tokens", json::array({{{"id", 1}, {"content", "[CLS]"}, {"special", true}}})},
      {"normalizer", {{"type", "BertNormalizer"}, {"strip_accents", nullptr}, {"lowercase", true}}},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", {{{"SpecialToken", {{"id", "[CLS]"}}}}, {{"Sequence", {{"id", "A"}}}}}},
        {"special_tokens", {{"[CLS]", {{"id", "[CLS]"}, {"ids", json::array({1})}}}}}}},
      {"truncation", {{"max_length", 2}}},
      {"padding", {{"strategy", {{"Fixed", 7}}}}},
      {"model",
       {{"type", "WordPiece"},
        {"unk_token", "[UNK]"},
        {"vocab", {{"[UNK]", 0}, {"[CLS]", 1}, {"cafe", 2}, {"##s", 3}}}}},
  };
}

static Opened build(const json &file, const std::string &config = "", TokenizerOptions options = {}) {
  Result<std::string> blob = buildTokenizerFromJson(file.dump(), config, options);
  EXPECT_TRUE(blob.ok()) << blob.error().message;
  return Opened(blob.take());
}

static void expectError(const std::string &text, int code, const std::string &message) {
  Result<std::string> blob = buildTokenizerFromJson(text, "");
  ASSERT_FALSE(blob.ok()) << message;
  EXPECT_EQ(blob.error().message, message);
  EXPECT_EQ(blob.error().code, code);
}
static void expectError(const json &file, int code, const std::string &message) {
  expectError(file.dump(), code, message);
}

TEST(TokenizerJson, Bpe) {
  Opened tokenizer = build(bpeFile());
  EXPECT_EQ(tokenizer.encode("ab ab<e>1b"), Ids({3, 4, 6, 5, 1}));
  EXPECT_EQ(tokenizer.pieces(" ab"), Words({" ab"})); // plain bytes, not the printable mapping
}

TEST(TokenizerJson, MergesAsPairs) {
  json file = bpeFile();
  file["model"]["merges"] = json::array({json::array({"a", "b"}), json::array({kBlank, "ab"})});
  EXPECT_EQ(build(file).encode("ab ab"), Ids({3, 4}));
}

TEST(TokenizerJson, TheLastOfEqualMergesCounts) {
  json file = bpeFile();
  file["model"]["vocab"]["ba"] = 7;
  file["model"]["merges"] = {"a b", "b a", "a b"};
  EXPECT_EQ(build(file).encode("bab"), Ids({7, 1}));
}

TEST(TokenizerJson, IdsMayLeaveHoles) {
  json file = bpeFile();
  file["model"]["vocab"]["b"] = 100;
  Opened tokenizer = build(file);
  EXPECT_EQ(lmopt_tokenizer_token_count(tokenizer.get()), 101);
  EXPECT_EQ(tokenizer.encode("b"), Ids({100}));
}

TEST(TokenizerJson, PreTokenizers) {
  json file = bpeFile();
  file["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Digits"}, {"individual_digits", true}}, {{"type", "ByteLevel"}, {"add_prefix_space", true}}}}};
  EXPECT_EQ(build(file).encode("ab1"), Ids({4, 2, 5}));
  const std::string llama3 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  file["pre_tokenizer"] = {{"type", "Sequence"},
                           {"pretokenizers",
                            {{{"type", "Split"}, {"pattern", {{"Regex", llama3}}}, {"behavior", "Isolated"}},
                             {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  EXPECT_EQ(build(file).encode("ab ab1111"), Ids({3, 4, 5, 5, 5, 5}));
}

TEST(TokenizerJson, BertIgnoresStoredTruncationAndPadding) {
  Opened tokenizer = build(bertFile());
  EXPECT_EQ(tokenizer.encode("Cafés CAFE x [CLS]"), Ids({1, 2, 3, 2, 0, 1}));
  TokenizerOptions options;
  options.maxLength = 3;
  EXPECT_EQ(build(bertFile(), "", options).encode("Cafés CAFE"), Ids({1, 2, 3}));
}

TEST(TokenizerJson, RolesAndEndTokens) {
  std::string config = R"({"bos_token": {"content": "<e>", "lstrip": false}, "eos_token": "<e>", "pad_token": null})";
  Opened tokenizer = build(bpeFile(), config);
  EXPECT_EQ(lmopt_tokenizer_role(tokenizer.get(), LMOPT_TOKEN_BOS), 6);
  EXPECT_EQ(lmopt_tokenizer_role(tokenizer.get(), LMOPT_TOKEN_EOS), 6);
  EXPECT_EQ(lmopt_tokenizer_role(tokenizer.get(), LMOPT_TOKEN_PAD), -1);
  EXPECT_TRUE(lmopt_tokenizer_is_end(tokenizer.get(), 6));
  TokenizerOptions options;
  options.endTokens = {5, 6};
  Opened other = build(bpeFile(), config, options);
  EXPECT_EQ(lmopt_tokenizer_role(other.get(), LMOPT_TOKEN_EOS), 5);
  EXPECT_TRUE(lmopt_tokenizer_is_end(other.get(), 6));
}

TEST(TokenizerJson, NestedPostProcessors) {
  json file = bpeFile();
  file["post_processor"] = {
      {"type", "Sequence"},
      {"processors",
       {{{"type", "ByteLevel"}},
        {{"type", "RobertaProcessing"}, {"cls", json::array({"<e>", 6})}, {"sep", json::array({"a", 0})}}}}};
  EXPECT_EQ(build(file).encode("b"), Ids({6, 1, 0}));
}

TEST(TokenizerJson, UnsupportedIsNamedWithWhatThereIs) {
  json file = bpeFile();
  file["model"]["type"] = "WordLevel";
  expectError(file, kErrorUnsupported,
              "tokenizer.json: model.type 'WordLevel' is not supported; supported: BPE, WordPiece, Unigram");
  file = bpeFile();
  file["normalizer"] = {{"type", "Nmt"}};
  expectError(file, kErrorUnsupported,
              "tokenizer.json: normalizer 'Nmt' is not supported; supported: BertNormalizer, NFC, NFD, NFKC, "
              "NFKD, Lowercase, StripAccents, Precompiled, Prepend, Replace, Strip, Sequence");
  file = bpeFile();
  file["pre_tokenizer"] = {{"type", "CharDelimiterSplit"}};
  expectError(
      file, kErrorUnsupported,
      "tokenizer.json: pre_tokenizer 'CharDelimiterSplit' is not supported; supported: ByteLevel, Split, Digits, "
      "BertPreTokenizer, Metaspace, WhitespaceSplit, Sequence");
  file = bpeFile();
  file["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "[a-z]++"}}}, {"behavior", "Isolated"}};
  expectError(file, kErrorUnsupported,
              "tokenizer.json: pre_tokenizer Split with the expression '[a-z]++': the repeat ++ is not supported");
  file = bpeFile();
  file["post_processor"] = {{"type", "Other"}};
  expectError(file, kErrorUnsupported,
              "tokenizer.json: post_processor 'Other' is not supported; supported: TemplateProcessing, BertProcessing, "
              "RobertaProcessing, ByteLevel, Sequence");
  file = bpeFile();
  file = bpeFile();
  file["model"]["byte_fallback"] = true;
  expectError(file, kErrorUnsupported,
              "tokenizer.json: model.byte_fallback with the ByteLevel pre-tokenizer is not supported");
}

TEST(TokenizerJson, MalformedSaysWhere) {
  expectError(std::string("[]"), kErrorMalformed, "tokenizer.json: expected a JSON object");
  expectError(std::string("{}"), kErrorMalformed, "tokenizer.json: model: missing, or not an object");
  json file = bpeFile();
  file["model"].erase("vocab");
  expectError(file, kErrorMalformed, "tokenizer.json: model.vocab: missing");
  file = bpeFile();
  file["model"]["vocab"]["a"] = 1;
  expectError(file, kErrorMalformed, "tokenizer.json: model.vocab: id 1 belongs to two tokens");
  file = bpeFile();
  file["model"]["vocab"]["a"] = 1000000000;
  expectError(file, kErrorMalformed, "tokenizer.json: model.vocab: token 'a' has the id 1000000000 among 6 tokens");
  file = bpeFile();
  file["model"]["merges"] = json::array({"a x"});
  expectError(file, kErrorMalformed, "tokenizer.json: model.merges[0]: 'x' is not in the vocabulary");
  file["model"]["merges"] = json::array({"ab"});
  expectError(file, kErrorMalformed,
              "tokenizer.json: model.merges[0]: expected two tokens with one blank between them, found 'ab'");
  file = bpeFile();
  file["added_tokens"][0]["content"] = "a";
  expectError(file, kErrorMalformed, "tokenizer.json: added_tokens[0]: 'a' has the id 6 here and 0 in the vocabulary");
  file = bertFile();
  file["post_processor"]["special_tokens"]["[CLS]"]["ids"] = json::array({4});
  expectError(file, kErrorMalformed,
              "tokenizer.json: post_processor.special_tokens: '[CLS]' has an id that no token has");
  file = bertFile();
  file["post_processor"]["single"] = json::array();
  expectError(file, kErrorMalformed, "tokenizer.json: tokenizer blob: the template holds the text 0 times");
  file = bertFile();
  file["model"]["unk_token"] = "?";
  expectError(file, kErrorMalformed, "tokenizer.json: model.unk_token: '?' is not in the vocabulary");
}

TEST(TokenizerJson, CutAnywhereIsMalformed) {
  std::string text = bertFile().dump();
  for (size_t size = 0; size < text.size(); ++size) {
    Result<std::string> blob = buildTokenizerFromJson(text.substr(0, size), "");
    ASSERT_FALSE(blob.ok()) << size;
    ASSERT_EQ(blob.error().code, kErrorMalformed);
  }
}

TEST(ByteLevel, EveryByteHasOneCharacter) {
  std::set<std::string> seen;
  for (uint32_t c = 0; c < 0x200; ++c) {
    std::string text = c < 0x80 ? std::string(1, static_cast<char>(c))
                                : std::string{static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
    std::string bytes;
    if (decodeByteLevel(text, bytes)) {
      EXPECT_EQ(bytes.size(), 1u);
      EXPECT_TRUE(seen.insert(bytes).second);
    }
  }
  EXPECT_EQ(seen.size(), 256u);
  std::string bytes;
  ASSERT_TRUE(decodeByteLevel("\u0120Ã©\u010A", bytes));
  EXPECT_EQ(bytes, " é\n");
  EXPECT_FALSE(decodeByteLevel("a b", bytes));
  EXPECT_FALSE(decodeByteLevel("世", bytes));
  EXPECT_FALSE(decodeByteLevel("\xC4", bytes));
}
