// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps of a normalizer, alone and in BERT's order. Expected strings come from the `tokenizers` package.
#include "runtime/src/tokenizer/internal.h"

#include "gtest/gtest.h"

#include <cstdlib>
#include <string>
#include <vector>

static lmopt_bytes_t viewOf(const std::string &text) {
  return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

/// `texts`: the arguments; step i names those from `firsts[i]` on.
static std::string normalize(const std::vector<uint32_t> &rules, const std::string &text,
                             const std::vector<std::string> &texts = {}, const std::vector<uint32_t> &firsts = {}) {
  std::vector<uint32_t> steps, offsets = {0};
  std::string bytes;
  for (size_t i = 0; i < rules.size(); ++i)
    steps.insert(steps.end(), {rules[i], i < firsts.size() ? firsts[i] : 0});
  for (const std::string &argument : texts) {
    bytes += argument;
    offsets.push_back(static_cast<uint32_t>(bytes.size()));
  }
  lmopt_normalizer_t normalizer = {
      {reinterpret_cast<const uint8_t *>(steps.data()), steps.size() * sizeof(uint32_t)},
      {reinterpret_cast<const uint8_t *>(offsets.data()), offsets.size() * sizeof(uint32_t)},
      viewOf(bytes)};
  lmopt_buffer_t out = {};
  EXPECT_TRUE(lmopt_normalize_text(&normalizer, viewOf(text), &out, nullptr));
  std::string result(reinterpret_cast<const char *>(out.data), out.size);
  free(out.data);
  return result;
}

static const std::vector<uint32_t> kBert = {LMOPT_NORMALIZE_CLEAN, LMOPT_NORMALIZE_CJK, LMOPT_NORMALIZE_NFD,
                                            LMOPT_NORMALIZE_MARKS, LMOPT_NORMALIZE_LOWER};

TEST(Normalize, Clean) {
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_CLEAN}, "a\tb\nc\rd\u00A0e\u3000f"), "a b c d e f");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_CLEAN}, std::string("a\0b\x01"
                                                           "c\u200Bd\uFEFFe\uFFFDf\x7F",
                                                           17)),
            "abcdef");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_CLEAN}, "\x0B\x0C\u0085"), ""); // control before white space
}

TEST(Normalize, CjkAndMarksAndCase) {
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_CJK}, "a世界b"), "a 世  界 b");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_MARKS}, "e\u0301"), "e");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_MARKS}, "\u00E9"), "\u00E9"); // composed: only NFD shows the mark
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_LOWER}, "ÀÉ ΑΣ İ STRASSE"), "àé ασ i̇ strasse");
}

TEST(Normalize, CombiningMarks) { // more than BERT's: spacing (U+0903) and enclosing ones (U+20DD)
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_COMBINING}, "\u0915\u0903\u093F"), "\u0915");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_MARKS}, "\u0915\u0903\u093F"), "\u0915\u0903\u093F");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_COMBINING}, "a\u20DDe\u0301\u00E9"), "ae\u00E9");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_COMBINING}, "a\u1ABF"), "a\u1ABF"); // newer than the package's Unicode
}

TEST(Normalize, Bert) {
  EXPECT_EQ(normalize(kBert, "Héllo WÖRLD"), "hello world");
  EXPECT_EQ(normalize(kBert, "İstanbul"), "istanbul");
  EXPECT_EQ(normalize(kBert, "한국"), "\u1112\u1161\u11AB\u1100\u116E\u11A8"); // Hangul stays apart
  EXPECT_EQ(normalize(kBert, ""), "");
}

TEST(Normalize, Nfd) {
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFD}, "\u1F82"), "\u03B1\u0313\u0300\u0345"); // four deep
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFD}, "a\u0345\u0301\u0323"), "a\u0323\u0301\u0345");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFD}, "a\u0301\u0300"), "a\u0301\u0300"); // equal classes keep their order
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFD}, "\u1ABF\u0323"), "\u1ABF\u0323");   // newer than the package's Unicode
}

TEST(Normalize, Nfc) {
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFC}, "e\u0301"), "\u00E9");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFC}, "a\u0323\u0302"), "\u1EAD");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFC}, "a\u0302\u0323"), "\u1EAD");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFC}, "\u1112\u1161\u11AB"), "한");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFC}, "\u212B"), "\u00C5");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFC}, "\u0958"), "\u0915\u093C"); // excluded from composition
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFC}, "a\u0315\u0301"), "\u00E1\u0315");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFC}, "\u0301e"), "\u0301e");
}

TEST(Normalize, LongRunsOfMarksAreSortedInLinearTime) {
  std::string text = "a", expected = "a";
  for (int i = 0; i < 100000; ++i)
    text += i % 2 ? "\u0323" : "\u0301";
  for (int i = 0; i < 50000; ++i)
    expected += "\u0323";
  for (int i = 0; i < 50000; ++i)
    expected += "\u0301";
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFD}, text), expected);
}
