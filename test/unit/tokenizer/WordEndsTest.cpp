// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// BPE whose words begin as characters with a prefix or a suffix (GPT-1, CLIP): against the definition, written down
// naively, as tokenizer.json, as text again, and what is refused. Expected ids come from the `tokenizers` package.
#include "frontends/tokenizer/ShortList.h"
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/unit/tokenizer/Support.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

using namespace lmopt;
using namespace lmopt::test;
using nlohmann::json;

using Words = std::vector<std::string>;

static constexpr char kEnd[] = "</w>";

static bool isEnd(const std::string &piece) {
  return piece.size() >= 4 && piece.compare(piece.size() - 4, 4, kEnd) == 0;
}

/// Join the first pair of lowest rank, again and again; `characters` are the characters of the word.
static Words joinNaively(const TokenizerSpec &spec, Words characters) {
  characters.back() += kEnd;
  for (;;) {
    size_t best = 0, bestRank = SIZE_MAX;
    for (size_t i = 0; i + 1 < characters.size(); ++i)
      for (size_t rank = 0; rank < spec.merges.size() && rank < bestRank; ++rank)
        if (spec.pieces[spec.merges[rank][0]] == characters[i] &&
            spec.pieces[spec.merges[rank][1]] == characters[i + 1]) {
          best = i;
          bestRank = rank;
        }
    if (bestRank == SIZE_MAX)
      return characters;
    characters[best] += characters[best + 1];
    characters.erase(characters.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

/// All characters with and without the mark, then random pieces of those before.
static TokenizerSpec randomPairs(std::mt19937 &random, const Words &alphabet) {
  TokenizerSpec spec;
  spec.flags = LMOPT_TOKENIZER_AFFIXES | LMOPT_TOKENIZER_DROP_FIRST;
  spec.wordEnd = kEnd;
  spec.splits = {{LMOPT_SPLIT_WHITESPACE, 0}};
  for (const std::string &character : alphabet)
    spec.pieces.insert(spec.pieces.end(), {character, character + kEnd});
  for (int i = 0; i < 40; ++i) {
    auto left = static_cast<uint32_t>(random() % spec.pieces.size());
    auto right = static_cast<uint32_t>(random() % spec.pieces.size());
    std::string joined = spec.pieces[left] + spec.pieces[right];
    if (isEnd(spec.pieces[left]) || joined.size() > 24 ||
        std::find(spec.pieces.begin(), spec.pieces.end(), joined) != spec.pieces.end())
      continue;
    spec.merges.push_back({left, right, static_cast<uint32_t>(spec.pieces.size())});
    spec.pieces.push_back(joined);
  }
  std::shuffle(spec.merges.begin(), spec.merges.end(), random); // ranks need not follow lengths
  return spec;
}

static void expectAsDefined(uint32_t flags, const Words &alphabet) {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    TokenizerSpec spec = randomPairs(random, alphabet);
    spec.flags |= flags;
    Opened tokenizer = open(spec);
    for (int i = 0; i < 40; ++i) {
      Words characters;
      std::string word;
      for (size_t count = 1 + random() % (i % 4 ? 10 : 80); count; --count) { // both the array and the heap
        characters.push_back(alphabet[random() % alphabet.size()]);
        word += characters.back();
      }
      ASSERT_EQ(tokenizer.pieces(word), joinNaively(spec, characters)) << word;
    }
  }
}

TEST(WordEnds, EqualToTheDefinitionByCharacters) { expectAsDefined(LMOPT_TOKENIZER_CHARACTERS, {"a", "b", "é", "猫"}); }

TEST(WordEnds, EqualToTheDefinitionByBytes) { expectAsDefined(0, {"a", "b", "c", "d"}); }

TEST(WordEnds, BlobIsWrittenAsItWasRead) {
  std::mt19937 random(2);
  TokenizerSpec spec = randomPairs(random, {"a", "b"});
  spec.flags |= LMOPT_TOKENIZER_CHARACTERS | LMOPT_TOKENIZER_WORD_ENDS;
  spec.continuation = "##";
  spec.tokenFlags.resize(spec.pieces.size());
  std::string blob = writeTokenizerBlob(spec, "t").take();
  Result<TokenizerSpec> read = readTokenizerBlob(blob, "t");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->continuation, "##");
  EXPECT_EQ(read->wordEnd, kEnd);
  EXPECT_EQ(writeTokenizerBlob(*read, "t").take(), blob);
}

TEST(WordEnds, BlobsThatContradictThemselves) {
  auto message = [](uint32_t kind, uint32_t flags) {
    TokenizerSpec spec;
    spec.kind = kind;
    spec.flags = flags;
    spec.pieces = {"a"};
    spec.tokenFlags = {0};
    spec.scores = {0};
    spec.unknown = 0;
    return writeTokenizerBlob(spec, "t").error().message;
  };
  const std::string refused = "t: tokenizer blob: affixes of characters in a model that has none";
  EXPECT_EQ(message(LMOPT_TOKENIZER_BPE, LMOPT_TOKENIZER_WORD_ENDS), refused);
  EXPECT_EQ(message(LMOPT_TOKENIZER_BPE, LMOPT_TOKENIZER_AFFIXES | LMOPT_TOKENIZER_IGNORE_MERGES), refused);
  EXPECT_EQ(message(LMOPT_TOKENIZER_BPE, LMOPT_TOKENIZER_AFFIXES | LMOPT_TOKENIZER_BYTE_FALLBACK), refused);
  EXPECT_EQ(message(LMOPT_TOKENIZER_UNIGRAM, LMOPT_TOKENIZER_AFFIXES), refused);
}

//===- tokenizer.json --------------------------------------------------------------------------------------------===//

static json gptFile() {
  return json::parse(R"({
    "normalizer": {"type": "BertNormalizer", "lowercase": true}, "pre_tokenizer": {"type": "BertPreTokenizer"},
    "decoder": {"type": "BPEDecoder", "suffix": "</w>"},
    "model": {"type": "BPE", "unk_token": "<unk>", "end_of_word_suffix": "</w>", "continuing_subword_prefix": "",
      "vocab": {"<unk>": 0, "a": 1, "b</w>": 2, "ab</w>": 3, "b": 4, ".</w>": 5}, "merges": ["a b</w>"]}})");
}

static Opened build(const json &file) {
  Result<std::string> blob = buildTokenizerFromJson(file.dump(), "");
  EXPECT_TRUE(blob.ok()) << blob.error().message;
  return Opened(blob.take());
}

static std::string errorOf(const json &file) {
  Result<std::string> blob = buildTokenizerFromJson(file.dump(), "");
  return blob.ok() ? "accepted" : blob.error().message;
}

TEST(WordEnds, Json) {
  Opened tokenizer = build(gptFile());
  EXPECT_EQ(tokenizer.encode("AB b"), Ids({3, 2}));
  EXPECT_EQ(tokenizer.encode("bab."), Ids({4, 3, 5}));
  EXPECT_EQ(tokenizer.encode("cab abc a"), Ids({0, 3, 1, 4, 0, 0})); // no piece for "a" at the end of a word
}

TEST(WordEnds, JsonWithAPrefix) {
  json file = gptFile();
  file["model"] = json::parse(R"({"type": "BPE", "unk_token": "<unk>", "continuing_subword_prefix": "##",
    "vocab": {"<unk>": 0, "a": 1, "##b": 2, "ab": 3, "##bb": 4, "b": 5}, "merges": [["a", "##b"], ["##b", "##b"]]})");
  file["decoder"] = {{"type", "Fuse"}};
  EXPECT_EQ(build(file).encode("abb bbb b"), Ids({3, 2, 5, 4, 5}));
  EXPECT_EQ(build(file).encode("ba"), Ids({5, 0}));
}

TEST(WordEnds, JsonOfBytes) {
  json file = gptFile();
  file["normalizer"] = json::parse(R"({"type": "Sequence", "normalizers": [{"type": "NFC"},
    {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}, {"type": "Lowercase"}]})");
  file["pre_tokenizer"] = json::parse(R"({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})");
  file["decoder"] = {{"type", "ByteLevel"}};
  file["model"]["vocab"]["Ã"] = 6; // the two bytes of U+00E9 in their spelling
  file["model"]["vocab"]["©</w>"] = 7;
  file["model"]["vocab"]["Ã©</w>"] = 8;
  file["model"]["merges"].push_back("Ã ©</w>");
  EXPECT_EQ(build(file).encode("AB\t\u2003b \u00C9"), Ids({3, 2, 8}));
  EXPECT_EQ(build(file).pieces("\u00E9"), Words({"\u00E9</w>"}));
}

static std::string textOf(const Opened &tokenizer, const Ids &ids) {
  lmopt_detokenizer_t *state = nullptr;
  EXPECT_EQ(lmopt_detokenizer_create(tokenizer.get(), LMOPT_DETOKENIZE_SPECIAL, &state, nullptr), LMOPT_OK);
  std::string text;
  const char *bytes = nullptr;
  size_t size = 0;
  for (int32_t id : ids) {
    EXPECT_EQ(lmopt_detokenizer_push(state, id, &bytes, &size, nullptr), LMOPT_OK);
    text.append(bytes, size);
  }
  EXPECT_EQ(lmopt_detokenizer_flush(state, &bytes, &size, nullptr), LMOPT_OK);
  text.append(bytes, size);
  lmopt_detokenizer_destroy(state);
  return text;
}

TEST(WordEnds, AWordIsWrittenWithABlankBehindItIfSomethingFollows) {
  Opened tokenizer = build(gptFile());
  EXPECT_EQ(textOf(tokenizer, {3, 3, 1, 3, 0, 3}), "ab ab aab <unk>ab");
  EXPECT_EQ(textOf(tokenizer, {3}), "ab");
}

TEST(WordEnds, Refusals) {
  json file = gptFile();
  file["decoder"]["suffix"] = "_";
  EXPECT_EQ(errorOf(file), "tokenizer.json: decoder BPEDecoder with the suffix '_' is not supported; supported: the "
                           "end_of_word_suffix of the model");
  file = gptFile();
  file["model"]["ignore_merges"] = true;
  EXPECT_EQ(errorOf(file), "tokenizer.json: field 'model.end_of_word_suffix': not supported together with "
                           "ignore_merges or byte_fallback");
  file = gptFile();
  file["model"]["end_of_word_suffix"] = "< w>";
  EXPECT_NE(
      errorOf(file).find("'model.end_of_word_suffix': '< w>' is not supported; supported are characters of ASCII"),
      std::string::npos)
      << errorOf(file);
  file["model"]["end_of_word_suffix"] = "é";
  EXPECT_NE(errorOf(file).find("is not supported; supported are characters of ASCII"), std::string::npos);
  file = gptFile();
  file["model"]["continuing_subword_prefix"] = std::string(60, 'x');
  EXPECT_NE(errorOf(file).find("have 64 bytes; supported: 63"), std::string::npos) << errorOf(file);
  file = gptFile();
  file["model"]["continuing_subword_prefix"] = "##";
  EXPECT_NE(errorOf(file).find("'b</w>' does not begin with the prefix of inner pieces, '##'"), std::string::npos)
      << errorOf(file);
  file = gptFile();
  file["decoder"] = nullptr;
  EXPECT_NE(errorOf(file).find("needs a decoder"), std::string::npos) << errorOf(file);
}

TEST(WordEnds, NoShorterVocabulary) {
  json file = gptFile();
  file["pre_tokenizer"] = {{"type", "ByteLevel"}};
  file["decoder"] = {{"type", "ByteLevel"}};
  Result<std::string> blob = buildTokenizerFromJson(file.dump(), "");
  ASSERT_TRUE(blob.ok()) << blob.error().message;
  Result<ShortList> list = ShortList::create(*blob, "t");
  ASSERT_FALSE(list.ok());
  EXPECT_NE(list.error().message.find("with marks where words end"), std::string::npos) << list.error().message;
}
