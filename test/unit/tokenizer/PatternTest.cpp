// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Expressions that PCRE2 finds: their translation, what is refused, where they cut, and that hostile ones end. Whether
// they cut as `tokenizers` does is shown by test/tools/pattern_parity.py.
#include "frontends/tokenizer/SplitPattern.h"
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/unit/tokenizer/Support.h"

#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>

using namespace lmopt;
using namespace lmopt::test;
using nlohmann::json;

using Words = std::vector<std::string>;

/// One step for each expression of PCRE2, and for each pair of neighbouring letters a token: cuts show.
static TokenizerSpec pairsOf(const std::string &text, const Words &patterns, uint32_t goes = 0) {
  std::vector<std::pair<std::string, std::string>> merges;
  for (size_t end = 2; end <= text.size(); ++end)
    for (size_t begin = 0; begin + end <= text.size(); ++begin)
      merges.emplace_back(text.substr(begin, end - 1), text.substr(begin + end - 1, 1));
  TokenizerSpec spec = bytePairs(merges);
  spec.splits.clear();
  for (const std::string &pattern : patterns) {
    spec.splits.push_back({LMOPT_SPLIT_PATTERN, static_cast<uint32_t>(spec.patterns.size()) | goes});
    spec.patterns.push_back(pattern);
  }
  return spec;
}

/// The words of a text; it must be short, and no character of it may be more than a byte.
static Words cut(const std::string &text, const Words &patterns, uint32_t goes = 0) {
  return open(pairsOf(text, patterns, goes)).pieces(text);
}

static lmopt_status_t encode(const Opened &tokenizer, const std::string &text, std::string &message) {
  size_t count = 0;
  lmopt_error_t error = {};
  lmopt_status_t status = lmopt_tokenizer_encode(tokenizer.get(), text.data(), text.size(), LMOPT_TOKENIZE_DEFAULT,
                                                 nullptr, 0, &count, &error);
  message = error.message;
  return status;
}

//===- Cutting ---------------------------------------------------------------------------------------------------===//

TEST(Pattern, MatchesAndGapsAreWords) {
  EXPECT_EQ(cut("ab12c", {"[0-9]"}), Words({"ab", "1", "2", "c"}));
  EXPECT_EQ(cut("ab12c", {"[0-9]+"}), Words({"ab", "12", "c"}));
  EXPECT_EQ(cut("abc", {"x"}), Words({"abc"}));
  EXPECT_EQ(cut("a1b 2", {"[0-9]", "a|b"}), Words({"a", "1", "b", " ", "2"})); // each cuts what the one before left
}

TEST(Pattern, WhatGoes) {
  EXPECT_EQ(cut("a, b,c", {", ?"}, LMOPT_PATTERN_DROP_MATCHES), Words({"a", "b", "c"}));
  EXPECT_EQ(cut("a, b,c", {"[a-z]"}, LMOPT_PATTERN_DROP_GAPS), Words({"a", "b", "c"}));
  EXPECT_EQ(cut("abc", {"b"}, LMOPT_PATTERN_DROP_GAPS | LMOPT_PATTERN_DROP_MATCHES), Words());
}

TEST(Pattern, EmptyMatchesCut) {
  EXPECT_EQ(cut("abAb", {"(?=A)"}), Words({"ab", "Ab"}));
  EXPECT_EQ(cut("abc", {""
                        "b*"}),
            Words({"a", "b", "c"}));
  EXPECT_EQ(cut("ab", {"\\K(?=b)"}), Words({"a", "b"}));
}

TEST(Pattern, SeesWhatLiesBeforeIt) { EXPECT_EQ(cut("aab", {"(?<=a)b|^a"}), Words({"a", "a", "b"})); }

TEST(Pattern, TokensKnowWhereTheyComeFrom) {
  Opened tokenizer = open(pairsOf("a, b", {", "}, LMOPT_PATTERN_DROP_MATCHES));
  lmopt_text_t text = {"a, b", 4};
  std::vector<lmopt_token_t> tokens(4);
  size_t count = 0;
  ASSERT_EQ(lmopt_tokenizer_encode_texts(tokenizer.get(), &text, 1, 0, tokens.data(), 4, &count, nullptr), LMOPT_OK);
  ASSERT_EQ(count, 2u);
  EXPECT_EQ(tokens[1].begin, 3u);
  EXPECT_EQ(tokens[1].end, 4u);
}

TEST(Pattern, BytesThatAreNoUtf8) {
  Opened tokenizer = open(pairsOf("ab", {"\\x{FFFD}"}));
  EXPECT_EQ(tokenizer.pieces("a\xFF"), Words({"a", "\xEF", "\xBF", "\xBD"}));
}

TEST(Pattern, GoesThroughTheBlobAndBack) {
  TokenizerSpec spec = pairsOf("ab", {"a+", "b"}, LMOPT_PATTERN_DROP_GAPS);
  spec.normalizer = {{LMOPT_NORMALIZE_REPLACE, "x", "y"}};
  spec.tokenFlags.resize(spec.pieces.size());
  Result<std::string> blob = writeTokenizerBlob(spec, "t");
  ASSERT_TRUE(blob.ok()) << blob.error().message;
  Result<TokenizerSpec> again = readTokenizerBlob(*blob, "t");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->patterns, spec.patterns);
  EXPECT_EQ(again->splits, spec.splits);
  EXPECT_EQ(writeTokenizerBlob(*again, "t").take(), *blob);
}

//===- Hostile expressions and texts -----------------------------------------------------------------------------===//

/// Each would take from minutes to the age of the universe.
TEST(Pattern, WorkIsBounded) {
  const std::pair<const char *, std::string> cases[] = {
      {"(?:a+)+b", std::string(1000, 'a')},         // exponential at one place
      {"(?:a|a)*b", std::string(1000, 'a')},        //
      {"a*b", std::string(1 << 17, 'a')},           // quadratic over all places
      {"[ab]*?a*c", std::string(1 << 16, 'a')},     // cubic
      {"(?:a?){60}a{60}", std::string(59, 'a')},    //
      {"(?:(?:a*)*)*b", std::string(1 << 12, 'a')}, //
      {"(?=(?:a+)+b)a", std::string(1 << 12, 'a')}, //
  };
  for (const auto &[pattern, text] : cases) {
    Opened tokenizer = open(pairsOf("a", {pattern}));
    std::string message;
    auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(encode(tokenizer, text, message), LMOPT_ERROR_RESOURCE) << pattern;
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(60)) << pattern;
    EXPECT_EQ(message, "tokenizer: the expression '" + std::string(pattern) +
                           "' takes more than 64 steps a byte on this text of " + std::to_string(text.size()) +
                           " bytes: it goes over the same characters again and again");
    EXPECT_EQ(encode(tokenizer, "aab", message), LMOPT_OK) << pattern << ": " << message; // still of use
    lmopt_text_t pair = {text.data(), text.size()};
    size_t count = 0;
    EXPECT_EQ(lmopt_tokenizer_encode_texts(tokenizer.get(), &pair, 1, 0, nullptr, 0, &count, nullptr),
              LMOPT_ERROR_RESOURCE);
  }
}

/// The expressions of models stay within the bound on the texts that cost them most.
TEST(Pattern, LongTexts) {
  const char *o200k =
      R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  Result<std::string> pattern = translatePattern(o200k);
  ASSERT_TRUE(pattern.ok()) << pattern.error().message;
  Opened tokenizer = open(pairsOf("aA1 ", {*pattern}));
  for (const char *part : {"a", "A", " ", "\n", "1", "!", "\xE4\xB8\x96", " x", "Aa", " \n", "'s"}) {
    std::string text, message;
    while (text.size() < 1 << 16)
      text += part;
    EXPECT_EQ(encode(tokenizer, text, message), LMOPT_OK) << part << ": " << message;
  }
}

//===- The library -----------------------------------------------------------------------------------------------===//

TEST(Pattern, WithoutTheLibrary) {
  TokenizerSpec spec = pairsOf("ab", {"a"});
  spec.tokenFlags.resize(spec.pieces.size());
  std::string blob = writeTokenizerBlob(spec, "t").take();
  lmopt_tokenizer_t *tokenizer = nullptr;
  lmopt_error_t error = {};
  setenv("LMOPT_LIBPCRE2", "/nowhere/libpcre2-8.so.0", 1);
  EXPECT_EQ(lmopt_tokenizer_create(blob.data(), blob.size(), &tokenizer, &error), LMOPT_ERROR_RESOURCE);
  EXPECT_EQ(std::string(error.message)
                .find("the tokenizer cuts texts by an expression that needs the library PCRE2 "
                      "(libpcre2-8.so.0), which was not found: /nowhere/libpcre2-8.so.0: "),
            0u)
      << error.message;
  EXPECT_NE(std::string(error.message).find("Debian: libpcre2-8-0"), std::string::npos);
  open(bytePairs({})); // others need none
  setenv("LMOPT_LIBPCRE2", "libm.so.6", 1);
  EXPECT_EQ(lmopt_tokenizer_create(blob.data(), blob.size(), &tokenizer, &error), LMOPT_ERROR_ABI);
  EXPECT_STREQ(error.message, "the tokenizer needs PCRE2, but libpcre2-8.so.0 lacks the function "
                              "pcre2_get_ovector_pointer_8");
  unsetenv("LMOPT_LIBPCRE2");
}

TEST(Pattern, WhatPcre2Refuses) {
  TokenizerSpec spec = pairsOf("ab", {"a(b"});
  spec.tokenFlags.resize(spec.pieces.size());
  Error error = writeTokenizerBlob(spec, "t").error();
  EXPECT_EQ(error.code, kErrorMalformed);
  EXPECT_EQ(error.message,
            "t: tokenizer blob: PCRE2 refuses the expression 'a(b' at byte 3: missing closing parenthesis");
  spec.patterns[0] = "\\C"; // would cut inside of a character
  EXPECT_EQ(writeTokenizerBlob(spec, "t").error().code, kErrorMalformed);
  spec.patterns[0] = "\xFF";
  EXPECT_EQ(writeTokenizerBlob(spec, "t").error().message,
            "t: tokenizer blob: pre-tokenizer step 0 has no valid expression");
  spec.patterns.clear();
  EXPECT_EQ(writeTokenizerBlob(spec, "t").error().code, kErrorMalformed);
}

//===- Translation -----------------------------------------------------------------------------------------------===//

static std::string translated(const std::string &pattern) {
  Result<std::string> result = translatePattern(pattern);
  return result.ok() ? *result : "refused: " + result.error().message;
}

TEST(PatternTranslation, Constructs) {
  EXPECT_EQ(translated("ab|c d"), "ab|c d");
  EXPECT_EQ(translated("(a)?+b{2,3}?(?:c*)+"), "(?:a)?+b{2,3}?(?:c*)+");
  EXPECT_EQ(translated("^a$"), "(?m:^)a(?m:$)");
  EXPECT_EQ(translated("\\A.\\z"), "\\A.\\z");
  EXPECT_EQ(translated("#é\\.\\v\\x41\\u00e9\\x{1F600}"), "\\x{23}\\x{E9}\\x{2E}\\x{B}A\\x{E9}\\x{1F600}");
  EXPECT_EQ(translated("[a-z\\-\\n_-]"), "[\\x{61}-\\x{7A}\\x{2D}\\x{A}\\x{5F}\\x{2D}]");
  EXPECT_EQ(translated("[^a[bc-d]e]"), translated("[^abc-de]"));
  EXPECT_EQ(translated("(?i:'s)(?-i:x)(?=a)(?<!b)"), "(?i:\\x{27}s)(?-i:x)(?=a)(?<!b)");
  EXPECT_EQ(translated("(?i)the"), "(?i)the");
  EXPECT_EQ(translated("[^\\s]"), translated("\\S"));
  EXPECT_EQ(translated("\\p{Nd}"), translated("\\d"));
  EXPECT_NE(translated("\\w"), translated("[\\w]")); // U+00B2 is one of the first only
  EXPECT_EQ(translated("\\p{Zs}\\P{Lt}"), "[\\p{Zs}][^\\p{Lt}]");
  EXPECT_EQ(translated("\\p{Thai}"), "[\\p{sc:Thai}]");
  EXPECT_EQ(translated("]}"), "\\x{5D}\\x{7D}");
  EXPECT_EQ(literalPattern("a.é"), "a\\x{2E}é");
}

TEST(PatternTranslation, Refusals) {
  const std::pair<const char *, const char *> cases[] = {
      {"a++", "the repeat ++"},
      {"a*+", "the repeat *+"},
      {"a{2}+", "the repeat {2}+"},
      {"a{2}?", "the lazy repeat of a number"},
      {"a{,3}", "{ that is no repeat"},
      {"a{x}", "{ that is no repeat"},
      {"*a", "the repeat * of nothing"},
      {"a**", "the repeat * of nothing"},
      {"^*", "the repeat * of nothing"},
      {"(?=a*)", "a repeat without an end where the text is only looked at"},
      {"(?!(?:ab){2,})", "a repeat without an end where the text is only looked at"},
      {"(?>a)", "the group (?>a"},
      {"(?<n>a)", "the group (?<n"},
      {"(?m:.)", "the group (?m:"},
      {"a(?i)b", "the group (?i)"},
      {"(*LIMIT_MATCH=9)", "the group (*LI"},
      {"(a", "( without )"},
      {"a)", ") without ("},
      {"[a", "[ without ]"},
      {"[]a]", "a class that begins with ]"},
      {"[a[^b]]", "a class inside of a class"},
      {"[a[b[c]]]", "a class inside of a class"},
      {"[a-[b]]", "a class inside of a class"},
      {"[[a]-c]", "a range from a class"},
      {"[a[]]", "a class that begins with ]"},
      {"[a[b]", "[ without ]"},
      {"[[:alpha:]]", "a class inside of a class"},
      {"[a&&b]", "&& inside of a class"},
      {"[z-a]", "a range that ends before it begins"},
      {"[\\s-a]", "a range from a class"},
      {"[a-\\s]", "\\s inside of a class"},
      {"[\\P{L}]", "\\P inside of a class"},
      {"[\\b]", "\\b inside of a class"},
      {"\\b", "\\b"},
      {"\\1", "\\1"},
      {"\\h", "\\h"},
      {"\\R", "\\R"},
      {"\\K", "\\K"},
      {"\\", "\\ at the end"},
      {"\\x{110000}", "\\x that is no character"},
      {"\\xE9", "\\x that is no character"},
      {"\\uD800", "\\u that is no character"},
      {"\\p{Foo}", "the property \\p{Foo}"},
      {"\\p{^L}", "\\p{^"},
      {"\\pL", "the property \\pL"},
      {"\\p{w outside}", "the property \\p{w outside}"},
      {"(?i:é)", "a character that is not ASCII where case is ignored"},
      {"(?i:[é])", "a character that is not ASCII where case is ignored"},
      {"(?i:pass)", "the letters \"ss\" where case is ignored"},
      {"(?i:\\p{Lu})", "\\p{Lu} where case is ignored"},
  };
  for (const auto &[pattern, construct] : cases)
    EXPECT_EQ(translated(pattern), "refused: " + std::string(construct)) << pattern;
  EXPECT_EQ(translated(std::string(300, '(')), "refused: more than 200 groups inside of one another");
}

//===- tokenizer.json --------------------------------------------------------------------------------------------===//

static json fileWith(const json &split) {
  json file = json::parse(R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "1": 2, "ab": 3, "b1": 4, "ab1": 5},
                              "merges": ["a b", "b 1", "ab 1"]}, "decoder": {"type": "ByteLevel"}})");
  file["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       json::array({split, {{"type", "ByteLevel"}, {"use_regex", false}, {"add_prefix_space", false}}})}};
  return file;
}

static json split(const char *kind, const char *pattern, const char *behavior, bool invert = false) {
  return {{"type", "Split"}, {"pattern", {{kind, pattern}}}, {"behavior", behavior}, {"invert", invert}};
}

static Ids idsOf(const json &rule) {
  Result<std::string> blob = buildTokenizerFromJson(fileWith(rule).dump(), "");
  EXPECT_TRUE(blob.ok()) << blob.error().message;
  return blob.ok() ? Opened(blob.take()).encode("ab1") : Ids();
}

static std::string errorOf(const json &rule) {
  Result<std::string> blob = buildTokenizerFromJson(fileWith(rule).dump(), "");
  EXPECT_FALSE(blob.ok());
  EXPECT_EQ(blob.ok() ? 0 : blob.error().code, kErrorUnsupported);
  return blob.ok() ? "" : blob.error().message;
}

TEST(PatternJson, Splits) {
  EXPECT_EQ(idsOf(split("Regex", "x", "Isolated")), Ids({5}));
  EXPECT_EQ(idsOf(split("Regex", "[0-9]", "Isolated")), Ids({3, 2}));
  EXPECT_EQ(idsOf(split("Regex", "a", "Removed")), Ids({4}));
  EXPECT_EQ(idsOf(split("Regex", "a", "Removed", true)), Ids({0}));
  EXPECT_EQ(idsOf(split("Regex", "a", "Isolated", true)), Ids({0, 4}));
  EXPECT_EQ(idsOf(split("String", "b", "Isolated")), Ids({0, 1, 2}));
  EXPECT_EQ(idsOf(split("String", ".", "Isolated")), Ids({5}));
}

TEST(PatternJson, Refusals) {
  EXPECT_EQ(errorOf(split("Regex", "a++", "Isolated")),
            "tokenizer.json: pre_tokenizer Split with the expression 'a++': the repeat ++ is not supported");
  EXPECT_EQ(errorOf(split("Regex", "a", "MergedWithNext")),
            "tokenizer.json: pre_tokenizer Split with behavior 'MergedWithNext' is not supported; supported: Isolated, "
            "Removed");
  EXPECT_EQ(
      errorOf(split("Regex", "", "Isolated")),
      "tokenizer.json: pre_tokenizer Split with an expression of 0 bytes is not supported; supported: 1 to 65536");
}
