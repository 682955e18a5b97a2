// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The unigram model against its definition, and as tokenizer.json has it. Real vocabularies are compared with
// `tokenizers` by test/tools/sentencepiece_parity.py.
#include "frontends/tokenizer/ShortList.h"
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/unit/tokenizer/Support.h"

#include <nlohmann/json.hpp>
#include <random>

using namespace lmopt;
using namespace lmopt::test;
using nlohmann::json;

using Words = std::vector<std::string>;

static TokenizerSpec unigram(const std::vector<std::pair<std::string, double>> &pieces) {
  TokenizerSpec spec;
  spec.kind = LMOPT_TOKENIZER_UNIGRAM;
  spec.pieces = {"<unk>"};
  spec.scores = {0};
  for (const auto &[piece, score] : pieces) {
    spec.pieces.push_back(piece);
    spec.scores.push_back(score);
  }
  spec.unknown = 0;
  return spec;
}

/// The definition: all ways to cut the word. Unknown: one character, 10 below the least score.
static double bestSum(const std::map<std::string, double> &scores, double unknown, const std::string &word) {
  std::vector<double> best(word.size() + 1, -1e300);
  best[0] = 0;
  for (size_t begin = 0; begin < word.size(); ++begin)
    for (size_t end = begin + 1; end <= word.size(); ++end) {
      std::string piece = word.substr(begin, end - begin);
      if (auto found = scores.find(piece); found != scores.end())
        best[end] = std::max(best[end], best[begin] + found->second);
      else if (piece.size() == 1)
        best[end] = std::max(best[end], best[begin] + unknown);
    }
  return best.back();
}

TEST(Unigram, TheGreatestSumOnRandomWords) {
  std::mt19937 random(3);
  auto below = [&](size_t most) { return static_cast<size_t>(random() % most); };
  for (int round = 0; round < 60; ++round) {
    std::map<std::string, double> scores;
    for (int i = 0; i < 40; ++i) {
      std::string piece(1 + below(5), 'a');
      for (char &c : piece)
        c = static_cast<char>('a' + below(3));
      scores[piece] = -static_cast<double>(1 + below(64)) / 8; // sums are exact: no way is better by rounding
    }
    double least = 0;
    for (const auto &[piece, score] : scores)
      least = std::min(least, score);
    Opened tokenizer = open(unigram({scores.begin(), scores.end()}));
    for (int i = 0; i < 40; ++i) {
      std::string word(1 + below(50), 'a');
      for (char &c : word)
        c = static_cast<char>('a' + below(4));
      double sum = 0;
      size_t at = 0, unknown = 0;
      for (const std::string &piece : tokenizer.pieces(word)) {
        if (piece == "<unk>") { // a run of them
          ++unknown;
          continue;
        }
        at = word.find(piece, at) + piece.size();
        sum += scores.at(piece);
      }
      if (!unknown)
        EXPECT_EQ(sum, bestSum(scores, least - 10, word)) << word;
    }
  }
}

TEST(Unigram, EquallyGoodWaysKeepTheFirst) { // of the last pieces that lead somewhere, the longest was there first
  Opened tokenizer = open(unigram({{"a", -1}, {"b", -1}, {"ab", -2}}));
  EXPECT_EQ(tokenizer.pieces("ab"), Words({"ab"}));
}

TEST(Unigram, UnknownCharactersAreOne) {
  Opened tokenizer = open(unigram({{"a", -1}, {"é", -2}}));
  EXPECT_EQ(tokenizer.encode("xya世z"), Ids({0, 1, 0}));
  EXPECT_EQ(tokenizer.encode("éa"), Ids({2, 1}));
  EXPECT_EQ(tokenizer.encode("x"), Ids({0}));
}

TEST(Unigram, BytesOfUnknownCharacters) {
  TokenizerSpec spec = unigram({{"a", -1}, {"<0xC3>", -3}, {"<0xA9>", -3}});
  spec.flags = LMOPT_TOKENIZER_BYTE_FALLBACK;
  Opened tokenizer = open(spec);
  EXPECT_EQ(tokenizer.encode("aéa"), Ids({1, 2, 3, 1}));
  EXPECT_EQ(tokenizer.encode("é世a"), Ids({0, 1}));    // not all bytes have tokens
  EXPECT_EQ(tokenizer.encode("a<0xC3>"), Ids({1, 2})); // here their names are pieces as well
}

/// A text of many MB is one word.
TEST(Unigram, LongTexts) {
  Opened tokenizer = open(unigram({{"a", -3}, {"aaaa", -4}}));
  EXPECT_EQ(tokenizer.encode(std::string(1 << 20, 'a')).size(), size_t(1) << 18);
}

TEST(Unigram, NoShorterVocabulary) {
  TokenizerSpec spec = unigram({{"a", -1}});
  spec.tokenFlags.resize(spec.pieces.size());
  Result<std::string> blob = writeTokenizerBlob(spec, "t");
  ASSERT_TRUE(blob.ok());
  Result<ShortList> list = ShortList::create(*blob, "t");
  ASSERT_FALSE(list.ok());
  EXPECT_EQ(list.error().code, kErrorUnsupported);
  Result<TokenizerSpec> again = readTokenizerBlob(*blob, "t");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->scores, spec.scores);
}

//===- tokenizer.json --------------------------------------------------------------------------------------------===//

static json unigramFile() {
  return json::parse(R"({
    "added_tokens": [{"id": 0, "content": "<s>", "special": true}],
    "normalizer": null,
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always"}]},
    "post_processor": null,
    "decoder": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always"},
    "model": {"type": "Unigram", "unk_id": 1,
      "vocab": [["<s>", 0], ["<unk>", 0], ["\u2581", -2.5], ["a", -2], ["\u2581a", -1], ["b", -3]]}
  })");
}

static Result<std::string> tryRead(const json &file, const std::string &config = "",
                                   const TokenizerOptions &options = {}) {
  return buildTokenizerFromJson(file.dump(), config, options);
}

static Opened read(const json &file, const std::string &config = "", const TokenizerOptions &options = {}) {
  Result<std::string> blob = tryRead(file, config, options);
  EXPECT_TRUE(blob.ok()) << blob.error().message;
  return Opened(blob.take());
}

static void expectError(const json &file, int code, const std::string &message) {
  Result<std::string> blob = tryRead(file);
  ASSERT_FALSE(blob.ok()) << message;
  EXPECT_EQ(blob.error().message, "tokenizer.json: " + message);
  EXPECT_EQ(blob.error().code, code);
}

TEST(UnigramJson, Words) { EXPECT_EQ(read(unigramFile()).encode("a  ab\tx<s>"), Ids({4, 4, 5, 2, 1, 0})); }

TEST(UnigramJson, WhatIsWrong) {
  json file = unigramFile();
  file["model"].erase("unk_id");
  expectError(file, kErrorUnsupported, "model.unk_id is missing: without an unknown token not every text has tokens");
  file["model"]["unk_id"] = 6;
  expectError(file, kErrorMalformed, "model.unk_id: 6 is not one of the 6 pieces");
  file = unigramFile();
  file["model"]["vocab"][2] = json::array({"x"});
  expectError(file, kErrorMalformed, "model.vocab[2]: expected [piece, score]");
  file["model"]["vocab"] = json::object();
  expectError(file, kErrorMalformed, "model.vocab: expected an array of [piece, score]");
  file = unigramFile();
  file["model"]["vocab"][5][0] = std::string(1025, 'x');
  expectError(file, kErrorUnsupported, "model.vocab[5]: a piece of 1025 bytes; supported: up to 1024");
  file = unigramFile();
  file["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", "????"}};
  expectError(file, kErrorMalformed,
              "normalizer Precompiled: field 'precompiled_charsmap' is no table of SentencePiece in base64");
  file["normalizer"]["precompiled_charsmap"] = "/////w=="; // four bytes that promise more
  expectError(file, kErrorMalformed,
              "normalizer Precompiled: field 'precompiled_charsmap' is no table of SentencePiece in base64");
}

/// As transformers 5.24 builds them (compared with it on 70 texts).
TEST(UnigramJson, ClassesOfVersion5) {
  TokenizerOptions five;
  five.context.writtenBy = "5.24.0";
  json file = unigramFile();
  file["model"]["vocab"] = json::parse(
      R"([["<s>", 0], ["</s>", 0], ["\u2581", -2.5], ["<unk>", 0], ["\u2581a", -1], ["[CLS]", 0], ["[SEP]", 0]])");
  EXPECT_EQ(read(file, R"({"tokenizer_class": "XLMRobertaTokenizer"})", five).encode("a x"), Ids({0, 4, 2, 3, 1}));
  EXPECT_EQ(read(file, R"({"tokenizer_class": "AlbertTokenizer"})", five).encode("\u00C1"), Ids({5, 4, 6}));
  EXPECT_EQ(read(file, R"({"tokenizer_class": "AlbertTokenizer", "keep_accents": true})", five).encode("A\u0301 a"),
            Ids({5, 4, 1, 4, 6})); // unknown by number, as there
  Result<std::string> other = tryRead(file, R"({"tokenizer_class": "T5Tokenizer"})", five);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, kErrorUnsupported);
}
