// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps of a normalizer, alone and in BERT's order. Expected strings come from the `tokenizers` package.
#include "runtime/src/tokenizer/internal.h"

#include "gtest/gtest.h"

#include <cstdlib>
#include <cstring>
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
      viewOf(bytes),
      {},
      0};
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

//===- Texts -----------------------------------------------------------------------------------------------------===//

TEST(Normalize, ReplaceAndPrepend) {
  const std::vector<std::string> texts = {"aa", "b", "\u2581"};
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_REPLACE}, "aaaxa", texts), "baxa"); // leftmost first, not again in what was put
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_PREPEND}, "x", texts, {2}), "\u2581x");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_PREPEND}, "", texts, {2}), "");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_REPLACE_RUNS}, "a b  c    d", {" ", "_"}), "a b_c_d");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_REPLACE}, "ab", {"", "x"}), "ab");  // nothing is nowhere
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_REPLACE}, "ab", {"a"}, {7}), "ab"); // a text that is not there
}

/// What is put may be more than ASCII: later steps must look at it.
TEST(Normalize, ReplaceWhite) {
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_REPLACE_WHITE}, "\ta \n\u2003b", {"_"}), "_a_b");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_REPLACE_WHITE}, "a b\r\n", {""}), "ab");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_REPLACE_WHITE}, "", {" "}), "");
}

TEST(Normalize, AsciiAfterATextNeedNotBeAscii) {
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_REPLACE, LMOPT_NORMALIZE_NFD}, "a", {"a", "\u00E9"}), "e\u0301");
}

TEST(Normalize, Strip) {
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_STRIP_LEFT}, "\u3000 a "), "a ");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_STRIP_RIGHT}, " a\n\t"), " a");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_STRIP_LEFT, LMOPT_NORMALIZE_STRIP_RIGHT}, " \n"), "");
}

TEST(Normalize, Compatibility) {
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFKC}, "\uFB01\u00BD\u2460\uFF21\u00C5"), "fi1\u20442"
                                                                                 "1A\u00C5");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFKD}, "\u01C4\u00E9"), "DZ\u030Ce\u0301");
  EXPECT_EQ(normalize({LMOPT_NORMALIZE_NFKC}, "\u1100\u1161"), "\uAC00");
}

//===- Precompiled replacements ----------------------------------------------------------------------------------===//

/// A double array with a text for each of some single bytes: unit 0 leads to children at 256 xor byte.
static std::string charsmapOf(const std::vector<std::pair<char, std::string>> &rules) {
  constexpr uint32_t kBase = 256;
  std::vector<uint32_t> units(2048);
  units[0] = kBase << 10;
  std::string texts;
  uint32_t leaf = 1024; // where the ends are
  for (const auto &[byte, text] : rules) {
    uint32_t at = kBase ^ static_cast<uint8_t>(byte);
    units[at] = (at ^ leaf) << 10 | 1u << 8 | static_cast<uint8_t>(byte);
    units[leaf++] = 1u << 31 | static_cast<uint32_t>(texts.size());
    texts += text + std::string(1, 0);
  }
  uint32_t size = static_cast<uint32_t>(units.size() * sizeof(uint32_t));
  return std::string(reinterpret_cast<const char *>(&size), sizeof(size)) +
         std::string(reinterpret_cast<const char *>(units.data()), size) + texts;
}

static std::string replaced(const std::string &charsmap, const std::string &text,
                            uint32_t step = LMOPT_NORMALIZE_CHARSMAP) {
  const uint32_t steps[] = {step, 0};
  lmopt_normalizer_t normalizer = {
      {reinterpret_cast<const uint8_t *>(steps), sizeof(steps)}, {}, {}, viewOf(charsmap), 0};
  lmopt_buffer_t out = {};
  EXPECT_TRUE(lmopt_normalize_text(&normalizer, viewOf(text), &out, nullptr));
  std::string result(reinterpret_cast<const char *>(out.data), out.size);
  free(out.data);
  return result;
}

TEST(Charsmap, CharactersAndShortClusters) {
  std::string map = charsmapOf({{'a', "XY"}, {'b', ""}, {'\r', "R"}});
  EXPECT_EQ(replaced(map, "abc"), "XYc");
  EXPECT_EQ(replaced(map, "a\u0301"), "XY");                               // the cluster goes as a whole
  EXPECT_EQ(replaced(map, "a\u0301\u0301"), "XY");                         // five bytes
  EXPECT_EQ(replaced(map, "a\u0301\u0301\u0301"), "XY\u0301\u0301\u0301"); // seven: character by character
  EXPECT_EQ(replaced(map, "c\u0301"), "c\u0301");
  EXPECT_EQ(replaced(map, "\r\n\r"), "RR");
  EXPECT_EQ(replaced(map, std::string("a\0a", 3)), std::string("XY\0XY", 5));
}

TEST(Charsmap, DamagedTablesReplaceNothing) {
  std::string map = charsmapOf({{'a', "X"}});
  EXPECT_EQ(replaced("", "a"), "a");
  EXPECT_EQ(replaced("\xFF\xFF\xFF\xFF", "a"), "a"); // longer than there is
  std::string far = map;
  uint32_t unit = 0xFFFFFEFF; // children beyond the table
  memcpy(far.data() + 4, &unit, sizeof(unit));
  EXPECT_EQ(replaced(far, "a"), "a");
  std::string place = map;
  unit = 1u << 31 | 4711; // a text beyond the end
  memcpy(place.data() + 4 + 4 * 1024, &unit, sizeof(unit));
  EXPECT_EQ(replaced(place, "a"), "a");
  EXPECT_EQ(replaced(map.substr(0, map.size() - 1), "aa"), "XX"); // without the last zero
}

//===- SentencePiece's own way -----------------------------------------------------------------------------------===//

/// A table whose only text is "aa", "aaaa", ... : from each 'a' on the way goes back to where it came from.
static std::string circularCharsmap() {
  std::string map = charsmapOf({{'a', "X"}});
  uint32_t at = 256 ^ 'a', unit;
  memcpy(&unit, map.data() + 4 + 4 * at, sizeof(unit));
  unit = (at ^ 256u) << 10 | 'a'; // children at 256 again, nothing ends here
  memcpy(map.data() + 4 + 4 * at, &unit, sizeof(unit));
  return map;
}

TEST(Charsmap, TheLongestTextAtEachPlace) {
  std::string map = charsmapOf({{'a', "XY"}, {'b', ""}, {'\r', "R"}});
  EXPECT_EQ(replaced(map, "abc", LMOPT_NORMALIZE_LONGEST), "XYc");
  EXPECT_EQ(replaced(map, "a\u0301\r\n", LMOPT_NORMALIZE_LONGEST), "XY\u0301R\n"); // clusters do not count
  EXPECT_EQ(replaced(map, std::string("a\0a", 3), LMOPT_NORMALIZE_LONGEST), std::string("XY\0XY", 5));
  EXPECT_EQ(replaced("", "a", LMOPT_NORMALIZE_LONGEST), "a");
  EXPECT_EQ(replaced("\xFF\xFF\xFF\xFF", "a", LMOPT_NORMALIZE_LONGEST), "a");
}

TEST(Charsmap, CirclesCostNoMoreThanALine) { // a quadratic search would take minutes
  std::string text(1 << 20, 'a');
  EXPECT_EQ(replaced(circularCharsmap(), text, LMOPT_NORMALIZE_LONGEST), text);
}

static std::string spaced(uint32_t rules, const std::string &text) {
  return normalize({LMOPT_NORMALIZE_SPACES}, text, {}, {rules});
}

TEST(Spaces, AsSentencePiece) {
  constexpr uint32_t all = LMOPT_SPACES_PREFIX | LMOPT_SPACES_SQUEEZE;
  EXPECT_EQ(spaced(0, " a  b "), " a  b ");
  EXPECT_EQ(spaced(LMOPT_SPACES_PREFIX, " a  b "), "  a  b ");
  EXPECT_EQ(spaced(LMOPT_SPACES_PREFIX, "  "), "   ");
  EXPECT_EQ(spaced(LMOPT_SPACES_SQUEEZE, "  a  b "), "a b");
  EXPECT_EQ(spaced(all, "  a \t b "), " a \t b");
  EXPECT_EQ(spaced(all, "  "), "");
  EXPECT_EQ(spaced(all | LMOPT_SPACES_ESCAPE, "a b\u2581 "), "\u2581"
                                                             "a\u2581"
                                                             "b");
}

TEST(Spaces, AsLlamaCpp) {
  constexpr uint32_t before = LMOPT_SPACES_BEFORE_WORD;
  EXPECT_EQ(spaced(before, " a  b "), " a  b ");
  EXPECT_EQ(spaced(before | LMOPT_SPACES_PREFIX, " a  b "), "  a  b ");
  EXPECT_EQ(spaced(before | LMOPT_SPACES_PREFIX, "  "), "  ");
  EXPECT_EQ(spaced(before | LMOPT_SPACES_SQUEEZE, "a  b "), " a b");
  EXPECT_EQ(spaced(before | LMOPT_SPACES_SQUEEZE | LMOPT_SPACES_ESCAPE, "a\u2581 b"), "\u2581"
                                                                                      "a\u2581\u2581"
                                                                                      "b");
}
