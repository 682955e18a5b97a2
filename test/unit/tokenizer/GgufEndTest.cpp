// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which tokens of a GGUF file are special and which end a text: llama.cpp's list of spellings
// (golden/llama_cpp_ends.json, read from its source by test/tools/llama_cpp_ends.py), its exceptions, and what is not
// refused because nothing uses it.
#include "files/File.h"
#include "test/unit/tokenizer/GgufMetadata.h"

#include <nlohmann/json.hpp>
#include <set>

using namespace lmopt;
using namespace lmopt::test;
using nlohmann::json;
using Words = std::vector<std::string>;

static json llamaCpp() {
  Result<std::string> text = readSmallFile(LMOPT_SOURCE_DIR "/test/unit/tokenizer/golden/llama_cpp_ends.json", 1 << 20);
  EXPECT_TRUE(text.ok());
  return json::parse(*text);
}

/// The spellings of a role, or of all of them.
static std::set<std::string> spellings(const Words &roles) {
  std::set<std::string> all;
  json golden = llamaCpp();
  for (const auto &[role, list] : golden.items())
    if (std::find(roles.begin(), roles.end(), role) != roles.end())
      for (const json &text : list)
        all.insert(text.get<std::string>());
  return all;
}

/// Tokens among `texts` at which a generation stops.
static std::set<std::string> ends(const std::set<std::string> &texts, int32_t type) {
  Metadata metadata;
  for (const std::string &text : texts)
    metadata.add(text, type);
  Opened tokenizer = build(metadata);
  std::set<std::string> found;
  for (const std::string &text : texts)
    if (lmopt_tokenizer_is_end(tokenizer.get(), lmopt_tokenizer_find(tokenizer.get(), text.data(), text.size())))
      found.insert(text);
  return found;
}

TEST(GgufEnds, EverySpellingOfLlamaCppEndsATextAlone) {
  std::set<std::string> all =
      spellings({"eot", "eom", "eog", "fim_pre", "fim_suf", "fim_mid", "fim_pad", "fim_rep", "fim_sep", "text"});
  std::set<std::string> ending = spellings({"eot", "eom", "eog", "fim_pad", "fim_rep", "fim_sep"});
  ASSERT_GT(ending.size(), 30u);
  for (const std::string &text : all)
    for (int32_t type : {1, 3, 4}) // whatever the file says of the token
      EXPECT_EQ(!ends({text, "[other]"}, type).empty(), ending.count(text) == 1) << text;
}

TEST(GgufEnds, AnEndOfTurnBesideAnotherEos) {
  Metadata metadata;
  metadata.add("<|im_end|>", 1); // a normal token in the file
  metadata.add("<|fim_prefix|>", 1);
  Opened tokenizer = build(metadata);
  EXPECT_EQ(lmopt_tokenizer_role(tokenizer.get(), LMOPT_TOKEN_EOS), 8);
  EXPECT_TRUE(lmopt_tokenizer_is_end(tokenizer.get(), 8));
  EXPECT_TRUE(lmopt_tokenizer_is_end(tokenizer.get(), 9));
  EXPECT_TRUE(lmopt_tokenizer_is_special(tokenizer.get(), 9));
  EXPECT_FALSE(lmopt_tokenizer_is_end(tokenizer.get(), 10));
  EXPECT_TRUE(lmopt_tokenizer_is_special(tokenizer.get(), 10));
  EXPECT_EQ(tokenizer.encode("a<|im_end|>b<|fim_prefix|>"), Ids({0, 9, 1, 10}));
  EXPECT_EQ(tokenizer.encode("a<|im_end|>", 0), Ids({0})); // a control token, and its letters have no tokens
}

TEST(GgufEnds, WhereASpellingMeansSomethingElse) {
  using Set = std::set<std::string>;
  EXPECT_EQ(ends({"<|end|>", "<|return|>"}, 3), Set({"<|end|>", "<|return|>"}));
  EXPECT_EQ(ends({"<|end|>", "<|return|>", "<|call|>"}, 3), Set({"<|return|>", "<|call|>"}));
  EXPECT_EQ(ends({"<|end|>", "<|flush|>", "<|calls|>"}, 3), Set({"<|flush|>", "<|calls|>"}));
  EXPECT_EQ(ends({"<|end|>", "<|return|>", "<|flush|>"}, 3), Set({"<|end|>", "<|return|>", "<|flush|>"}));
  EXPECT_EQ(ends({"</s>", "<|tool_response>"}, 3), Set({"<|tool_response>"}));
  EXPECT_EQ(ends({"</s>", "<eos>"}, 3), Set({"</s>", "<eos>"}));
  Metadata metadata;
  metadata.add("<|channel|>", 3);
  Opened tokenizer = build(metadata);
  EXPECT_EQ(tokenizer.encode("a<|channel|>", 0), Ids({0, 9})); // text, found always
  EXPECT_FALSE(lmopt_tokenizer_is_special(tokenizer.get(), 9));
}

/// A key names the token for a role: then its spellings mean nothing.
TEST(GgufEnds, InfillKeysGoBeforeSpellings) {
  Metadata metadata;
  metadata.add("[PAD]", 1);
  EXPECT_TRUE(lmopt_tokenizer_is_end(build(metadata).get(), 9));
  metadata.numbers.push_back({"tokenizer.ggml.fim_pad_token_id", 3});
  Opened tokenizer = build(metadata);
  EXPECT_TRUE(lmopt_tokenizer_is_end(tokenizer.get(), 3));
  EXPECT_FALSE(lmopt_tokenizer_is_end(tokenizer.get(), 9));
}

TEST(GgufTolerance, IdsThatNothingUsesMayBeOutOfRange) {
  Metadata metadata;
  for (const char *role : {"padding", "unknown", "seperator", "cls", "mask", "fim_pad", "prefix"})
    metadata.numbers.push_back({std::string("tokenizer.ggml.") + role + "_token_id", UINT32_MAX});
  metadata.numbers[0].second = UINT32_MAX; // bos, which is not added
  Opened tokenizer = build(metadata);
  EXPECT_EQ(lmopt_tokenizer_role(tokenizer.get(), LMOPT_TOKEN_PAD), -1);
  EXPECT_EQ(lmopt_tokenizer_role(tokenizer.get(), LMOPT_TOKEN_BOS), -1);
  EXPECT_EQ(tokenizer.encode("ab"), Ids({3}));
  metadata.switches = {{"tokenizer.ggml.add_bos_token", true}};
  Result<std::string> blob = tryBuild(metadata);
  ASSERT_FALSE(blob.ok());
  EXPECT_EQ(blob.error().message,
            "m.gguf: a token is to be added at the beginning of each text, but the metadata names none");
}

TEST(GgufTolerance, MoreTypesThanTokens) {
  Metadata metadata;
  metadata.types.push_back(1);
  EXPECT_EQ(build(metadata).encode("ab"), Ids({3}));
}

TEST(GgufKeys, OfOtherTokenizersAreOfNoEffectAndUnknownOnesAreRefused) {
  Metadata metadata;
  metadata.switches = {{"tokenizer.ggml.add_space_prefix", true},
                       {"tokenizer.ggml.remove_extra_whitespaces", true},
                       {"tokenizer.ggml.add_sep_token", true}};
  metadata.texts = {{"tokenizer.chat_template.tool_use", "x"}, {"tokenizer.huggingface.json", "{}"}};
  EXPECT_EQ(build(metadata).encode(" ab"), Ids({4}));
  metadata.texts.push_back({"tokenizer.ggml.unheard_of", "x"});
  Result<std::string> blob = tryBuild(metadata);
  ASSERT_FALSE(blob.ok());
  EXPECT_EQ(blob.error().message, "m.gguf: metadata key 'tokenizer.ggml.unheard_of' is not known to lmopt; known are "
                                  "those in docs/checkpoints.md");
  EXPECT_EQ(blob.error().code, kErrorUnsupported);
  metadata.texts.back() = {"tokenizer.ggml.suppress_tokens", "x"};
  EXPECT_EQ(tryBuild(metadata).error().message,
            "m.gguf: metadata key 'tokenizer.ggml.suppress_tokens' keeps tokens from being written; supported: no such "
            "list");
}

TEST(GgufKeys, NormalizerOfBert) {
  Metadata metadata;
  metadata.model = "bert";
  metadata.pre = "";
  metadata.merges.clear();
  metadata.tokens = {"[UNK]",
                     "[CLS]",
                     "[SEP]",
                     "\u2581caf\u00e9",
                     "\u2581Caf\u00e9",
                     "\u2581cafe",
                     "\u2581"
                     "Cafe"};
  metadata.types = {2, 3, 3, 1, 1, 1, 1};
  metadata.numbers = {{"tokenizer.ggml.unknown_token_id", 0},
                      {"tokenizer.ggml.cls_token_id", 1},
                      {"tokenizer.ggml.seperator_token_id", 2}};
  EXPECT_EQ(build(metadata).encode("Caf\u00e9"), Ids({1, 5, 2}));
  metadata.switches = {{"tokenizer.ggml.normalizer.lowercase", false}};
  EXPECT_EQ(build(metadata).encode("Caf\u00e9"), Ids({1, 4, 2}));
  metadata.switches.push_back({"tokenizer.ggml.normalizer.strip_accents", true});
  EXPECT_EQ(build(metadata).encode("Caf\u00e9"), Ids({1, 6, 2}));
  metadata.switches = {{"tokenizer.ggml.normalizer.strip_accents", false}};
  EXPECT_EQ(build(metadata).encode("Caf\u00e9"), Ids({1, 3, 2}));
}

TEST(GgufVocabulary, RowsAndTokens) {
  TokenizerOptions options;
  options.vocabulary = 16;
  EXPECT_EQ(lmopt_tokenizer_token_count(build({}, options).get()), 16);
  options.vocabulary = 8;
  Result<std::string> blob = tryBuild({}, options);
  ASSERT_FALSE(blob.ok());
  EXPECT_EQ(blob.error().code, kErrorUnsupported);
  EXPECT_EQ(blob.error().message.substr(0, 67), "m.gguf: token '<e>' has the id 8, but the embedding has only 8 rows");
}
