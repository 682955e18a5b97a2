// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where each pre-tokenizer cuts. A WordPiece vocabulary that has every character of the text, once as the start and
// once as the inside of a word, makes the cuts visible. Expected words come from the `tokenizers` package.
#include "test/unit/tokenizer/Support.h"

#include "runtime/src/tokenizer/unicode.h"

using namespace lmopt;
using namespace lmopt::test;

using Words = std::vector<std::string>;
using Splits = std::vector<std::array<uint32_t, 2>>;

static Words cut(const Splits &splits, const std::string &text) {
  std::vector<std::string> pieces;
  for (size_t at = 0; at < text.size();) {
    uint32_t c;
    const uint8_t *data = reinterpret_cast<const uint8_t *>(text.data());
    size_t size = lmopt_utf8_decode(data + at, data + text.size(), &c);
    pieces.push_back(text.substr(at, size));
    pieces.push_back("##" + text.substr(at, size));
    at += size;
  }
  pieces.push_back(" "); // what a prefix step may add
  TokenizerSpec spec = wordPieces(pieces);
  spec.splits = splits;
  spec.maxWordChars = 1000;
  Words words;
  for (const std::string &piece : open(spec).pieces(text)) {
    if (piece.compare(0, 2, "##") == 0 && piece.size() > 2 && !words.empty())
      words.back() += piece.substr(2);
    else
      words.push_back(piece);
  }
  return words;
}

static const Splits kGpt2 = {{LMOPT_SPLIT_GPT2, LMOPT_SPLIT_ARG_HF}};
static const Splits kLlama3 = {{LMOPT_SPLIT_LLAMA3, LMOPT_SPLIT_ARG_HF}};
static const Splits kQwen2 = {{LMOPT_SPLIT_QWEN2, LMOPT_SPLIT_ARG_HF}};
static const Splits kSmollm = {{LMOPT_SPLIT_DIGITS, LMOPT_SPLIT_ARG_GGML}, {LMOPT_SPLIT_GPT2, LMOPT_SPLIT_ARG_GGML}};

TEST(Split, Gpt2) {
  EXPECT_EQ(cut(kGpt2, "Hello world, it's 42!"), Words({"Hello", " world", ",", " it", "'s", " 42", "!"}));
  EXPECT_EQ(cut(kGpt2, "a  b   "), Words({"a", " ", " b", "   "}));
  EXPECT_EQ(cut(kGpt2, "a\n\nb"), Words({"a", "\n", "\n", "b"}));
  EXPECT_EQ(cut(kGpt2, "we'll 'LL 'x ''s"), Words({"we", "'ll", " '", "LL", " '", "x", " ''", "s"}));
  EXPECT_EQ(cut(kGpt2, "naïve世界e\u0301"), Words({"naïve世界e", "\u0301"}));
  EXPECT_EQ(cut(kGpt2, "x\u00A0y"), Words({"x", "\u00A0", "y"})); // only a plain blank leads a word
  EXPECT_EQ(cut(kGpt2, " "), Words({" "}));
  EXPECT_EQ(cut(kGpt2, "½Ⅷ²"), Words({"½Ⅷ²"}));
}

TEST(Split, SmollmCutsDigitsFirst) {
  EXPECT_EQ(cut(kSmollm, "in 2024x"), Words({"in", " ", "2", "0", "2", "4", "x"}));
  EXPECT_EQ(cut(kSmollm, "a  1  b"), Words({"a", "  ", "1", " ", " b"}));
  EXPECT_EQ(cut(kSmollm, "٣½"), Words({"٣", "½"}));
}

TEST(Split, DigitRuns) {
  EXPECT_EQ(cut({{LMOPT_SPLIT_DIGIT_RUNS, LMOPT_SPLIT_ARG_HF}}, "ab12c 3"), Words({"ab", "12", "c ", "3"}));
}

TEST(Split, Llama3) {
  EXPECT_EQ(cut(kLlama3, "Hello world 12345"), Words({"Hello", " world", " ", "123", "45"}));
  EXPECT_EQ(cut(kLlama3, "IT'S it's(x"), Words({"IT", "'S", " it", "'s", "(x"}));
  EXPECT_EQ(cut(kLlama3, "a  \n \n  b"), Words({"a", "  \n \n", " ", " b"}));
  EXPECT_EQ(cut(kLlama3, "x!!\n\ny"), Words({"x", "!!\n\n", "y"}));
  EXPECT_EQ(cut(kLlama3, "\tdef"), Words({"\tdef"}));
  EXPECT_EQ(cut(kLlama3, "a   "), Words({"a", "   "}));
  EXPECT_EQ(cut(kLlama3, "\r\nx"), Words({"\r\n", "x"}));
  EXPECT_EQ(cut(kLlama3, " !?"), Words({" !?"}));
}

TEST(Split, Qwen2TakesDigitsOneByOne) { EXPECT_EQ(cut(kQwen2, "a 123"), Words({"a", " ", "1", "2", "3"})); }

TEST(Split, WhoseTablesCount) {
  // U+1C89, a letter since Unicode 16; U+017F, which equals 's' when case is ignored in full.
  EXPECT_EQ(cut({{LMOPT_SPLIT_GPT2, LMOPT_SPLIT_ARG_GGML}}, "a\u1C89"), Words({"a", "\u1C89"}));
  EXPECT_EQ(cut(kGpt2, "a\u1C89"), Words({"a\u1C89"}));
  EXPECT_EQ(cut(kLlama3, "'\u017Fx"), Words({"'\u017F", "x"}));
  EXPECT_EQ(cut({{LMOPT_SPLIT_LLAMA3, LMOPT_SPLIT_ARG_GGML}}, "'\u017Fx"), Words({"'\u017Fx"}));
}

TEST(Split, Bert) {
  EXPECT_EQ(cut({{LMOPT_SPLIT_BERT, 0}}, " don't  stop\u3000x!? "), Words({"don", "'", "t", "stop", "x", "!", "?"}));
  EXPECT_EQ(cut({{LMOPT_SPLIT_BERT, 0}}, " \t "), Words());
}

TEST(Split, PrefixSpace) {
  Splits splits = {{LMOPT_SPLIT_PREFIX_SPACE, 0}, {LMOPT_SPLIT_GPT2, LMOPT_SPLIT_ARG_HF}};
  EXPECT_EQ(cut(splits, "a b"), Words({" a", " b"}));
  EXPECT_EQ(cut(splits, " a"), Words({" a"}));
}
