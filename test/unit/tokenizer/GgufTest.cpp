// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// buildTokenizerFromGguf: metadata made in memory, each rule and each refusal.
#include "test/unit/tokenizer/GgufMetadata.h"

#include <functional>
#include <tuple>

using namespace lmopt;
using namespace lmopt::test;

using Words = std::vector<std::string>;

static void expectError(int code, const std::string &message, const std::function<void(Metadata &)> &change) {
  Metadata metadata;
  change(metadata);
  Result<std::string> blob = tryBuild(metadata);
  ASSERT_FALSE(blob.ok()) << message;
  EXPECT_EQ(blob.error().message, "m.gguf: metadata key " + message);
  EXPECT_EQ(blob.error().code, code);
}

TEST(TokenizerGguf, Bpe) {
  Opened tokenizer = build({});
  EXPECT_EQ(tokenizer.encode("ab ab<s>1"), Ids({3, 4, 6, 5}));
  EXPECT_EQ(tokenizer.encode("abUSER<s>", 0), Ids({3, 7})); // '<', 's' and '>' have no tokens
  EXPECT_EQ(lmopt_tokenizer_role(tokenizer.get(), LMOPT_TOKEN_BOS), 6);
  EXPECT_TRUE(lmopt_tokenizer_is_end(tokenizer.get(), 8));
  EXPECT_TRUE(lmopt_tokenizer_is_special(tokenizer.get(), 6));
  EXPECT_FALSE(lmopt_tokenizer_is_special(tokenizer.get(), 7));
}

/// Numbers show which expression a name stands for: whole, in threes, or apart; and whether letters are with them.
TEST(TokenizerGguf, WhereEachNameCuts) {
  Metadata metadata;
  metadata.add("11", 1); // 9
  metadata.add("1a", 1); // 10
  metadata.merges.insert(metadata.merges.end(), {"1 1", "1 a"});
  const std::tuple<const char *, Ids, Ids> cases[] = {
      {"gpt-2", {9, 9}, {5, 0}},
      {"phi-2", {9, 9}, {5, 0}},
      {"olmo", {9, 9}, {5, 0}},
      {"mpt", {9, 9}, {5, 0}},
      {"exaone4", {9, 9}, {5, 0}},
      {"smollm", {5, 5, 5, 5}, {5, 0}},
      {"refact", {5, 5, 5, 5}, {5, 0}},
      {"starcoder", {5, 5, 5, 5}, {5, 0}},
      {"minerva-7b", {5, 5, 5, 5}, {5, 0}},
      {"falcon3", {6, 9, 5, 5}, {6, 5, 0}},
      {"pixtral", {6, 9, 5, 5}, {6, 5, 0}},
      {"dbrx", {9, 5, 5}, {5, 0}},
      {"smaug-bpe", {9, 5, 5}, {5, 0}},
      {"qwen2", {5, 5, 5, 5}, {5, 0}},
      {"deepseek-r1-qwen", {5, 5, 5, 5}, {5, 0}},
      {"bloom", {9, 9}, {10}},
      {"poro-chat", {9, 9}, {10}},
      {"viking", {5, 5, 5, 5}, {5, 0}},
      {"tekken", {6, 5, 5, 5, 5}, {6, 5, 0}},
      {"gpt-4o", {9, 5, 5}, {5, 0}},
      {"llama4", {9, 5, 5}, {5, 0}},
      {"deepseek-llm", {9, 9}, {5, 0}},
      {"deepseek-coder", {5, 5, 5, 5}, {5, 0}},
      {"deepseek-v3", {9, 5, 5}, {5, 0}},
      {"falcon", {9, 5, 5}, {5, 0}},
      {"seed-coder", {5, 5, 5, 5}, {5, 0}},
      {"qwen35", {5, 5, 5, 5}, {5, 0}},
  };
  for (const auto &[name, numbers, both] : cases) {
    metadata.pre = name;
    EXPECT_EQ(build(metadata).encode("1111"), numbers) << name;
    EXPECT_EQ(build(metadata).encode("1a"), both) << name;
  }
}

TEST(TokenizerGguf, WhereCaseEndsWords) {
  Metadata metadata;
  metadata.add("B", 1);  // 9
  metadata.add("aB", 1); // 10
  metadata.merges.insert(metadata.merges.end(), {"a B"});
  const std::tuple<const char *, Ids> cases[] = {
      {"gpt-2", {10}}, {"tekken", {6, 0, 9}}, {"gpt-4o", {0, 9}}, {"qwen35", {10}}, {"deepseek-coder", {10}}};
  for (const auto &[name, ids] : cases) {
    metadata.pre = name;
    EXPECT_EQ(build(metadata).encode("aB"), ids) << name;
  }
}

/// The expression of BLOOM: a word has the blank before it, punctuation and other white space are no part of one.
TEST(TokenizerGguf, Bloom) {
  Metadata metadata;
  metadata.pre = "bloom";
  metadata.add("|", 1);            // 9
  metadata.add("b|", 1);           // 10
  metadata.add("\u0120\u0120", 1); // 11
  metadata.add("-", 1);            // 12
  metadata.add("b-", 1);           // 13
  metadata.merges.insert(metadata.merges.end(), {"b |", "\u0120 \u0120", "b -"});
  EXPECT_EQ(build(metadata).encode("ab ab"), Ids({3, 4}));
  EXPECT_EQ(build(metadata).encode("b|a"), Ids({1, 9, 0}));
  EXPECT_EQ(build(metadata).encode("b-a"), Ids({13, 0}));
  EXPECT_EQ(build(metadata).encode("a   b"), Ids({0, 11, 2, 1})); // what no match takes is one part
}

TEST(TokenizerGguf, BosAndEosAsTheFileSays) {
  Metadata metadata;
  metadata.switches = {{"tokenizer.ggml.add_bos_token", true}, {"tokenizer.ggml.add_eos_token", true}};
  EXPECT_EQ(build(metadata).encode("a"), Ids({6, 0, 8}));
  metadata.switches.clear();
  metadata.pre = "llama-bpe"; // llama.cpp adds it for these unless told otherwise
  EXPECT_EQ(build(metadata).encode("a"), Ids({6, 0}));
  metadata.switches = {{"tokenizer.ggml.add_bos_token", false}};
  EXPECT_EQ(build(metadata).encode("a"), Ids({0}));
}

TEST(TokenizerGguf, SeveralEndTokens) {
  Metadata metadata;
  metadata.numbers.push_back({"tokenizer.ggml.eot_token_id", 6});
  Opened tokenizer = build(metadata);
  EXPECT_EQ(lmopt_tokenizer_role(tokenizer.get(), LMOPT_TOKEN_EOS), 8);
  EXPECT_TRUE(lmopt_tokenizer_is_end(tokenizer.get(), 6));
}

TEST(TokenizerGguf, TheLastOfEqualTokensCounts) {
  Metadata metadata;
  metadata.tokens.push_back("a");
  metadata.types.push_back(1);
  EXPECT_EQ(build(metadata).encode("a"), Ids({9}));
}

TEST(TokenizerGguf, Bert) {
  Metadata metadata;
  metadata.model = "bert";
  metadata.pre = metadata.merges.emplace_back();
  metadata.merges.clear();
  metadata.tokens = {"[UNK]", "[CLS]", "[SEP]",
                     "\u2581"
                     "cafe",
                     "s"};
  metadata.types = {2, 3, 3, 1, 1};
  metadata.numbers = {{"tokenizer.ggml.unknown_token_id", 0},
                      {"tokenizer.ggml.cls_token_id", 1},
                      {"tokenizer.ggml.seperator_token_id", 2}};
  EXPECT_EQ(build(metadata).encode("Cafés s"), Ids({1, 3, 4, 0, 2}));
}

static Metadata unigram() {
  Metadata metadata;
  metadata.model = "t5";
  metadata.pre.clear();
  metadata.merges.clear();
  metadata.tokens = {"<pad>",
                     "</s>",
                     "<unk>",
                     "\u2581",
                     "a",
                     "ab",
                     "\u2581"
                     "a",
                     "b",
                     "<u>",
                     "<0x0A>",
                     "c"};
  metadata.types = {3, 3, 2, 1, 1, 1, 1, 1, 4, 6, 5};
  metadata.scores = {0, 0, 0, -3, -2, -1, -1.5f, -2.5f, 0, 0, -4};
  metadata.numbers.clear();
  return metadata;
}

TEST(TokenizerGguf, Unigram) {
  Metadata metadata = unigram();
  EXPECT_EQ(build(metadata).encode("a a"), Ids({4, 6, 1})); // without keys no blank before a text
  metadata.switches = {{"tokenizer.ggml.add_space_prefix", true}};
  EXPECT_EQ(build(metadata).encode("ab a"), Ids({3, 5, 6, 1}));
  EXPECT_EQ(build(metadata).encode("  a"), Ids({3, 3, 6, 1}));
  EXPECT_EQ(build(metadata).encode(" "), Ids({3, 1}));
  EXPECT_EQ(build(metadata).encode("xy<u>a"), Ids({3, 2, 8, 6, 1})); // each part is a text of its own
  EXPECT_EQ(build(metadata).encode("ac\n"), Ids({6, 10, 2, 1}));     // unused tokens count, bytes do not
  metadata.switches.emplace_back("tokenizer.ggml.remove_extra_whitespaces", true);
  EXPECT_EQ(build(metadata).encode("  a   a "), Ids({6, 6, 1}));
  EXPECT_EQ(build(metadata).encode(" "), Ids({1}));
  metadata.switches.emplace_back("tokenizer.ggml.add_eos_token", false);
  EXPECT_EQ(build(metadata).encode("a"), Ids({6}));
}

TEST(TokenizerGguf, UnigramRefusals) {
  auto message = [](auto change) {
    Metadata metadata = unigram();
    change(metadata);
    Result<std::string> blob = tryBuild(metadata);
    return blob.ok() ? "" : blob.error().message;
  };
  EXPECT_EQ(message([](Metadata &m) { m.scores.clear(); }),
            "m.gguf: metadata key 'tokenizer.ggml.scores': expected one number for each of the 11 tokens; the key is "
            "missing");
  EXPECT_EQ(message([](Metadata &m) { m.tokens[9] = "x"; }),
            "m.gguf: metadata key 'tokenizer.ggml.tokens': token 'x' is of type byte (6), but names none");
  EXPECT_EQ(message([](Metadata &m) { m.tokens[4] = std::string(1025, 'x'); }),
            "m.gguf: metadata key 'tokenizer.ggml.tokens': a piece of 1025 bytes; supported: up to 1024");
  EXPECT_EQ(message([](Metadata &m) { m.texts = {{"tokenizer.ggml.precompiled_charsmap", "x"}}; }),
            "m.gguf: metadata key 'tokenizer.ggml.precompiled_charsmap': expected an array of bytes");
}

TEST(TokenizerGguf, Refusals) {
  expectError(kErrorUnsupported, "'tokenizer.ggml.model' is 'rwkv'; supported: gpt2, bert, llama, t5",
              [](Metadata &m) { m.model = "rwkv"; });
  const std::string names =
      "gpt-2, phi-2, gigachat, a.x-4.0, mellum, exaone4, mpt, olmo, jais, trillion, granite-docling, smollm, "
      "starcoder, refact, command-r, codeshell, exaone, minerva-7b, mellum2, llama-bpe, llama-v3, llama3, falcon3, "
      "falcon-h1, pixtral, midm-2.0, lfm2, dbrx, smaug-bpe, qwen2, deepseek-r1-qwen, megrez, stablelm2, hunyuan, "
      "kormo, f2llmv2, solar-open, grok-2, bloom, gpt3-finnish, poro-chat, viking, tekken, gpt-4o, llama4, "
      "deepseek-llm, "
      "deepseek-coder, deepseek-v3, hunyuan-dense, falcon, seed-coder, qwen35";
  expectError(kErrorUnsupported, "'tokenizer.ggml.pre' is 'kimi-k2'; supported: " + names,
              [](Metadata &m) { m.pre = "kimi-k2"; });
  expectError(kErrorUnsupported, "'tokenizer.ggml.pre' is missing; supported: " + names,
              [](Metadata &m) { m.pre = ""; });
  expectError(kErrorMalformed, "'tokenizer.ggml.tokens': expected an array of 1 to 16777216 strings",
              [](Metadata &m) { m.tokens.clear(); });
  expectError(kErrorMalformed, "'tokenizer.ggml.token_type': expected one integer for each of the 9 tokens, found 8",
              [](Metadata &m) { m.types.pop_back(); });
  expectError(kErrorMalformed, "'tokenizer.ggml.merges': missing; byte-level BPE needs it",
              [](Metadata &m) { m.merges.clear(); });
  expectError(kErrorMalformed, "'tokenizer.ggml.merges': merge 0, 'a x': 'x' is not a token",
              [](Metadata &m) { m.merges = {"a x"}; });
  expectError(kErrorMalformed, "'tokenizer.ggml.merges': merge 0, 'ab': expected two tokens with a blank between them",
              [](Metadata &m) { m.merges = {"ab"}; });
  expectError(kErrorMalformed, "'tokenizer.ggml.merges': merge 0, '': expected two tokens with a blank between them",
              [](Metadata &m) { m.merges = {""}; });
  expectError(kErrorMalformed, "'tokenizer.ggml.eos_token_id': 9 is not one of the 9 tokens",
              [](Metadata &m) { m.numbers[1].second = 9; });
}
