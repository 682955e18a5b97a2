// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// UTF-8, classes and mappings of runtime/src/tokenizer/unicode.h. The numbers of characters in a class are those of the
// Unicode versions named in runtime/unicode/generate_tables.py.
#include "runtime/src/tokenizer/unicode.h"

#include "gtest/gtest.h"

#include <string>
#include <vector>

static std::vector<uint32_t> decode(const std::string &text) {
  std::vector<uint32_t> result;
  const uint8_t *at = reinterpret_cast<const uint8_t *>(text.data()), *end = at + text.size();
  while (at < end) {
    uint32_t c;
    size_t size = lmopt_utf8_decode(at, end, &c);
    EXPECT_GE(size, 1u);
    at += size;
    result.push_back(c);
  }
  EXPECT_EQ(at, end);
  return result;
}

using Chars = std::vector<uint32_t>;

TEST(Utf8, RoundTripOfEveryCodePoint) {
  for (uint32_t c = 0; c <= 0x10FFFF; ++c) {
    uint8_t bytes[4];
    size_t size = lmopt_utf8_encode(c, bytes);
    uint32_t again = 0;
    ASSERT_EQ(lmopt_utf8_decode(bytes, bytes + size, &again), size) << c;
    ASSERT_EQ(again, c);
    bool surrogate = c >= 0xD800 && c < 0xE000;
    ASSERT_EQ(lmopt_utf8_valid_prefix(bytes, size), surrogate ? 0 : size) << c;
  }
}

TEST(Utf8, BadBytesAreReplacedOneByOne) {
  EXPECT_EQ(decode("\x80"), Chars({0xFFFD}));
  EXPECT_EQ(decode("a\xFF\xFE"), Chars({'a', 0xFFFD, 0xFFFD}));
  EXPECT_EQ(decode("\xE4\xB8"), Chars({0xFFFD, 0xFFFD}));
  EXPECT_EQ(decode("\xE4\xB8x"), Chars({0xFFFD, 0xFFFD, 'x'}));
  EXPECT_EQ(decode("\xF0\x9F\xA4"), Chars({0xFFFD, 0xFFFD, 0xFFFD}));
  EXPECT_EQ(decode("\xF4\x90\x80\x80"), Chars({0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD})); // beyond U+10FFFF
}

TEST(Utf8, LongFormsAndSurrogatesCountAsWhatTheySay) {
  EXPECT_EQ(decode(std::string("\xC0\x80", 2)), Chars({0}));
  EXPECT_EQ(decode("\xE0\x81\x81"), Chars({'A'}));
  EXPECT_EQ(decode("\xED\xA0\x80"), Chars({0xD800}));
}

TEST(Utf8, ValidPrefixStopsAtTheFirstError) {
  auto valid = [](const std::string &text) {
    return lmopt_utf8_valid_prefix(reinterpret_cast<const uint8_t *>(text.data()), text.size());
  };
  EXPECT_EQ(valid(""), 0u);
  EXPECT_EQ(valid("aé世🤗"), 10u);
  EXPECT_EQ(valid("ab\x80"
                  "c"),
            2u);
  EXPECT_EQ(valid("ab\xC1\x81"), 2u); // longer than needed
  EXPECT_EQ(valid("ab\xE4\xB8"), 2u); // cut
}

TEST(Classes, CountsOfTheirUnicodeVersions) {
  const std::pair<uint32_t, size_t> expected[] = {
      {LMOPT_CHAR_LETTER_15, 136726}, {LMOPT_CHAR_LETTER_16, 141028},     {LMOPT_CHAR_NUMBER_15, 1831},
      {LMOPT_CHAR_NUMBER_16, 1911},   {LMOPT_CHAR_NUMBER_17, 1924},       {LMOPT_CHAR_SPACE, 25},
      {LMOPT_CHAR_WORD, 144667},      {LMOPT_CHAR_BERT_PUNCTUATION, 726}, {LMOPT_CHAR_BERT_CONTROL, 137681},
      {LMOPT_CHAR_BERT_CJK, 81264},
  };
  for (const auto &[flag, count] : expected) {
    size_t found = 0;
    for (uint32_t c = 0; c <= 0x10FFFF; ++c)
      found += (lmopt_char_flags(c) & flag) != 0;
    EXPECT_EQ(found, count) << "class bit " << flag;
  }
}

TEST(Classes, Examples) {
  EXPECT_TRUE(lmopt_char_flags('a') & LMOPT_CHAR_LETTER_15);
  EXPECT_TRUE(lmopt_char_flags(0x4E16) & LMOPT_CHAR_BERT_CJK);
  EXPECT_TRUE(lmopt_char_flags(0x301) & LMOPT_CHAR_BERT_MARK);
  EXPECT_FALSE(lmopt_char_flags(0x301) & LMOPT_CHAR_LETTER_16);
  EXPECT_TRUE(lmopt_char_flags(0x2167) & LMOPT_CHAR_NUMBER_15); // Roman numeral
  EXPECT_TRUE(lmopt_char_flags('$') & LMOPT_CHAR_BERT_PUNCTUATION);
  EXPECT_TRUE(lmopt_char_flags(0x200B) & LMOPT_CHAR_BERT_CONTROL);
  EXPECT_FALSE(lmopt_char_flags(0x200B) & LMOPT_CHAR_SPACE);
  EXPECT_EQ(lmopt_char_flags(0x1C89) & (LMOPT_CHAR_LETTER_15 | LMOPT_CHAR_LETTER_16),
            LMOPT_CHAR_LETTER_16);                               // new in 16
  EXPECT_TRUE(lmopt_char_flags(0x2B920) & LMOPT_CHAR_BERT_CJK);  // where the package begins,
  EXPECT_FALSE(lmopt_char_flags(0x2B91F) & LMOPT_CHAR_BERT_CJK); // later than Unicode
  EXPECT_EQ(lmopt_char_flags(0x110000), 0u);
}

TEST(Mappings, LowerCase) {
  uint32_t second;
  EXPECT_EQ(lmopt_char_lower('Q', &second), 'q');
  EXPECT_EQ(lmopt_char_lower('q', &second), 'q');
  EXPECT_EQ(lmopt_char_lower(0xC4, &second), 0xE4u);
  EXPECT_EQ(lmopt_char_lower(0x1E9E, &second), 0xDFu); // capital sharp s
  EXPECT_EQ(lmopt_char_lower(0x3A3, &second), 0x3C3u); // never the final sigma
  EXPECT_EQ(second, 0u);
  EXPECT_EQ(lmopt_char_lower(0x130, &second), 'i');
  EXPECT_EQ(second, 0x307u);
}

TEST(Mappings, SplitAndJoinAreInverse) {
  uint32_t joined = 0;
  for (uint32_t c = 0; c <= 0x10FFFF; ++c) {
    uint32_t first, second;
    if (!lmopt_char_split(c, &first, &second))
      continue;
    uint32_t back = second ? lmopt_char_join(first, second) : 0;
    if (back) {
      ASSERT_EQ(back, c);
      ++joined;
    }
  }
  EXPECT_EQ(joined, 11172u + 940u); // Hangul syllables, and the pairs that Unicode 9 composes
  EXPECT_EQ(lmopt_char_join('a', 'b'), 0u);
  EXPECT_EQ(lmopt_char_order(0x301), 230u);
  EXPECT_EQ(lmopt_char_order(0x345), 240u);
  EXPECT_EQ(lmopt_char_order('a'), 0u);
}
