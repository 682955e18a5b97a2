// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole texts: added and special tokens, the template, truncation, odd input, and the contract of the C interface.
#include "test/unit/tokenizer/Support.h"

#include <cstring>

using namespace lmopt;
using namespace lmopt::test;

using Words = std::vector<std::string>;
static constexpr uint32_t kPlain = 0;

static TokenizerSpec withSpecial() {
  TokenizerSpec spec = bytePairs({{"a", "b"}, {" ", "ab"}});
  addToken(spec, "<s>", LMOPT_ADDED_SPECIAL);
  addToken(spec, "<sep>", LMOPT_ADDED_SPECIAL);
  addToken(spec, "<sep>>", LMOPT_ADDED_SPECIAL);
  addToken(spec, "TOOL", 0);
  return spec;
}

TEST(Encode, SpecialTokensOnlyWhenAskedFor) {
  Opened tokenizer = open(withSpecial());
  EXPECT_EQ(tokenizer.pieces("ab<s>ab"), Words({"ab", "<s>", "ab"}));
  EXPECT_EQ(tokenizer.pieces("ab<s>ab", kPlain), Words({"ab", "<", "s", ">", "ab"}));
  EXPECT_EQ(tokenizer.pieces("abTOOLab", kPlain), Words({"ab", "TOOL", "ab"})); // added, but not special
  EXPECT_EQ(tokenizer.pieces("<s><s>"), Words({"<s>", "<s>"}));
  EXPECT_EQ(tokenizer.pieces("<<s>"), Words({"<", "<s>"}));
  EXPECT_EQ(tokenizer.pieces("<s"), Words({"<", "s"}));
}

TEST(Encode, LongestSpecialTokenWins) {
  Opened tokenizer = open(withSpecial());
  EXPECT_EQ(tokenizer.pieces("<sep>>"), Words({"<sep>>"}));
  EXPECT_EQ(tokenizer.pieces("<sep>x"), Words({"<sep>", "x"}));
}

TEST(Encode, StripAndSingleWord) {
  TokenizerSpec spec = bytePairs({});
  addToken(spec, "<L>", LMOPT_ADDED_SPECIAL | LMOPT_ADDED_LSTRIP);
  addToken(spec, "<R>", LMOPT_ADDED_SPECIAL | LMOPT_ADDED_RSTRIP);
  addToken(spec, "w", LMOPT_ADDED_SPECIAL | LMOPT_ADDED_SINGLE_WORD);
  Opened tokenizer = open(spec);
  EXPECT_EQ(tokenizer.pieces("a \t\u3000<L> b"), Words({"a", "<L>", " ", "b"}));
  EXPECT_EQ(tokenizer.pieces("a <R>\n b"), Words({"a", " ", "<R>", "b"}));
  EXPECT_EQ(tokenizer.pieces("<R>  <L>"), Words({"<R>", "<L>"}));
  auto isToken = [&](const std::string &text) { return tokenizer.encode(text)[0] >= 256; };
  EXPECT_TRUE(isToken("w"));
  EXPECT_TRUE(isToken("w-"));
  EXPECT_FALSE(isToken("wé"));
  EXPECT_EQ(tokenizer.pieces("éw").size(), 3u);
}

TEST(Encode, NormalizedTokensAreFoundInNormalizedText) {
  TokenizerSpec spec = wordPieces({"hi", "yes"});
  spec.normalizer = {LMOPT_NORMALIZE_LOWER};
  addToken(spec, "YES", 0, /*normalized=*/true);
  addToken(spec, "RAW", 0, /*normalized=*/false);
  Opened tokenizer = open(spec);
  EXPECT_EQ(tokenizer.encode("hi YES Yes"), Ids({1, 3, 3}));
  EXPECT_EQ(tokenizer.encode("hi RAW raw"), Ids({1, 4, 0}));
}

static TokenizerSpec framed(uint32_t maxLength) {
  TokenizerSpec spec = wordPieces({"[CLS]", "[SEP]", "a", "b"});
  spec.frame = {1, -1, 2};
  spec.maxLength = maxLength;
  return spec;
}

TEST(Encode, Template) {
  Opened tokenizer = open(framed(0));
  EXPECT_EQ(tokenizer.encode("a b"), Ids({1, 3, 4, 2}));
  EXPECT_EQ(tokenizer.encode(""), Ids({1, 2}));
  EXPECT_EQ(tokenizer.encode("a b", kPlain), Ids({3, 4}));
}

TEST(Encode, TruncationKeepsTheTemplate) {
  Opened tokenizer = open(framed(4));
  EXPECT_EQ(lmopt_tokenizer_max_length(tokenizer.get()), 4);
  EXPECT_EQ(tokenizer.encode("a b a b a"), Ids({1, 3, 4, 2}));
  EXPECT_EQ(tokenizer.encode("a b a b a", kPlain), Ids({3, 4, 3, 4}));
  EXPECT_EQ(tokenizer.encode("a b a b a", LMOPT_TOKENIZE_DEFAULT | LMOPT_TOKENIZE_NO_TRUNCATION).size(), 7u);
  EXPECT_EQ(open(framed(1)).encode("a b"), Ids({1, 2})); // no room at all for the text
}

TEST(Encode, TruncationDoesNotCutAnUnknownWordIntoPieces) {
  TokenizerSpec spec = wordPieces({"a", "##b"});
  spec.maxLength = 2;
  EXPECT_EQ(open(spec).encode("a abbbx"), Ids({1, 0}));
}

TEST(Encode, InvalidUtf8BecomesTheReplacementCharacter) {
  Opened tokenizer = open(bytePairs({}));
  EXPECT_EQ(tokenizer.pieces("a\xFF"), Words({"a", "\xEF", "\xBF", "\xBD"}));
  EXPECT_EQ(tokenizer.encode("\xE4\xB8").size(), 6u);
  EXPECT_EQ(tokenizer.encode(std::string("\xC0\x80", 2)), Ids({0})); // a long form of zero
}

TEST(Encode, ZerosAndEmptyText) {
  Opened tokenizer = open(bytePairs({}));
  EXPECT_EQ(tokenizer.encode(std::string("a\0b", 3)), Ids({'a', 0, 'b'}));
  EXPECT_EQ(tokenizer.encode(""), Ids());
}

TEST(Encode, SmallBuffersGetThePrefixAndTheCount) {
  Opened tokenizer = open(bytePairs({}));
  int32_t ids[2] = {-7, -7};
  size_t count = 0;
  ASSERT_EQ(lmopt_tokenizer_encode(tokenizer.get(), "xyz", 3, 0, ids, 1, &count, nullptr), LMOPT_OK);
  EXPECT_EQ(count, 3u);
  EXPECT_EQ(ids[0], 'x');
  EXPECT_EQ(ids[1], -7);
}

TEST(Encode, MisuseIsReported) {
  Opened tokenizer = open(bytePairs({}));
  lmopt_error_t error = {};
  size_t count = 0;
  EXPECT_EQ(lmopt_tokenizer_encode(tokenizer.get(), "x", 1, 0x80, nullptr, 0, &count, &error), LMOPT_ERROR_USAGE);
  EXPECT_NE(strstr(error.message, "0x80"), nullptr);
  EXPECT_EQ(lmopt_tokenizer_encode(tokenizer.get(), nullptr, 1, 0, nullptr, 0, &count, &error), LMOPT_ERROR_USAGE);
  EXPECT_EQ(lmopt_tokenizer_encode(tokenizer.get(), "x", 1, 0, nullptr, 4, &count, nullptr), LMOPT_ERROR_USAGE);
  const char *bytes;
  size_t size;
  EXPECT_EQ(lmopt_tokenizer_piece(tokenizer.get(), 256, &bytes, &size, &error), LMOPT_ERROR_USAGE);
  EXPECT_STREQ(error.message, "token 256: the vocabulary has 256 tokens");
  lmopt_tokenizer_destroy(nullptr);
}

TEST(Encode, Questions) {
  TokenizerSpec spec = withSpecial();
  spec.endTokens = {258, 259};
  spec.roles[LMOPT_TOKEN_BOS] = 258;
  Opened tokenizer = open(spec);
  EXPECT_EQ(lmopt_tokenizer_token_count(tokenizer.get()), 262);
  EXPECT_EQ(lmopt_tokenizer_role(tokenizer.get(), LMOPT_TOKEN_BOS), 258);
  EXPECT_EQ(lmopt_tokenizer_role(tokenizer.get(), LMOPT_TOKEN_PAD), -1);
  EXPECT_TRUE(lmopt_tokenizer_is_end(tokenizer.get(), 259));
  EXPECT_FALSE(lmopt_tokenizer_is_end(tokenizer.get(), 'a'));
  EXPECT_FALSE(lmopt_tokenizer_is_end(tokenizer.get(), -1));
  EXPECT_TRUE(lmopt_tokenizer_is_special(tokenizer.get(), 258));
  EXPECT_FALSE(lmopt_tokenizer_is_special(tokenizer.get(), 261));
  EXPECT_EQ(lmopt_tokenizer_find(tokenizer.get(), " ab", 3), 257);
  EXPECT_EQ(lmopt_tokenizer_find(tokenizer.get(), "<sep>", 5), 259);
  EXPECT_EQ(lmopt_tokenizer_find(tokenizer.get(), "nothing", 7), -1);
}
