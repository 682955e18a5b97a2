// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Byte-pair encoding against its definition, written down naively, and WordPiece.
#include "test/unit/tokenizer/Support.h"

#include <random>

using namespace lmopt;
using namespace lmopt::test;

using Words = std::vector<std::string>;

/// The definition: look at all pairs, join the first one of lowest rank, start again.
static Words joinNaively(const TokenizerSpec &spec, const std::string &word) {
  Words parts;
  for (char c : word)
    parts.emplace_back(1, c);
  for (;;) {
    size_t best = 0, bestRank = SIZE_MAX;
    for (size_t i = 0; i + 1 < parts.size(); ++i)
      for (size_t rank = 0; rank < spec.merges.size() && rank < bestRank; ++rank)
        if (spec.pieces[spec.merges[rank][0]] == parts[i] && spec.pieces[spec.merges[rank][1]] == parts[i + 1]) {
          best = i;
          bestRank = rank;
        }
    if (bestRank == SIZE_MAX)
      return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + best + 1);
  }
}

TEST(Bpe, LowestRankThenLeftmost) {
  Opened tokenizer = open(bytePairs({{"a", "b"}, {"b", "c"}, {"ab", "c"}, {"a", "a"}}));
  EXPECT_EQ(tokenizer.pieces("abc"), Words({"abc"}));
  EXPECT_EQ(tokenizer.pieces("aaa"), Words({"aa", "a"}));
  EXPECT_EQ(tokenizer.pieces("aab"), Words({"a", "ab"}));
  EXPECT_EQ(tokenizer.pieces("bc"), Words({"bc"}));
}

TEST(Bpe, EqualToTheDefinitionOnRandomWords) {
  std::mt19937 random(1);
  auto below = [&](size_t most) { return static_cast<size_t>(random() % most); };
  for (int round = 0; round < 60; ++round) {
    std::vector<std::pair<std::string, std::string>> merges;
    Words known = {"a", "b", "c", "d"};
    for (int i = 0; i < 40; ++i) {
      std::pair<std::string, std::string> merge = {known[below(known.size())], known[below(known.size())]};
      if (merge.first.size() + merge.second.size() > 12)
        continue;
      merges.push_back(merge);
      known.push_back(merge.first + merge.second);
    }
    std::shuffle(merges.begin(), merges.end(), random); // ranks need not follow lengths
    TokenizerSpec spec = bytePairs(merges);
    Opened tokenizer = open(spec);
    for (int i = 0; i < 40; ++i) {
      std::string word(1 + below(i % 4 ? 24 : 120), 'a'); // both the array and the heap
      for (char &c : word)
        c = static_cast<char>('a' + below(4));
      ASSERT_EQ(tokenizer.pieces(word), joinNaively(spec, word)) << word;
    }
  }
}

TEST(Bpe, TokenThatNoMergeReachesNeedsIgnoreMerges) {
  TokenizerSpec spec = bytePairs({{"a", "b"}});
  spec.pieces.push_back("abc");
  EXPECT_EQ(open(spec).pieces("abc"), Words({"ab", "c"}));
  spec.flags = LMOPT_TOKENIZER_IGNORE_MERGES;
  EXPECT_EQ(open(spec).pieces("abc"), Words({"abc"}));
}

TEST(Bpe, LongWordsAreNotQuadratic) {
  Opened tokenizer = open(bytePairs({{"a", "a"}, {"aa", "aa"}, {"aaaa", "aaaa"}}));
  EXPECT_EQ(tokenizer.encode(std::string(1 << 18, 'a')).size(), size_t(1 << 15));
}

TEST(Bpe, BytesWithoutAToken) {
  TokenizerSpec spec = bytePairs({{"a", "b"}});
  spec.pieces['x'] = ""; // the vocabulary lacks this byte
  EXPECT_EQ(open(spec).pieces("axb"), Words({"a", "b"}));
  EXPECT_EQ(open(spec).pieces(std::string(30, 'x')), Words());
  spec.flags = LMOPT_TOKENIZER_DROP_FIRST;
  EXPECT_EQ(open(spec).pieces("axb"), Words({"ab"}));
  EXPECT_EQ(open(spec).pieces(std::string(30, 'x')), Words());
  spec.unknown = '?';
  EXPECT_EQ(open(spec).pieces("axxb"), Words({"a", "?", "?", "b"}));
  spec.flags = LMOPT_TOKENIZER_FUSE_UNK;
  EXPECT_EQ(open(spec).pieces("axxbx"), Words({"a", "?", "b", "?"}));
}

TEST(WordPiece, LongestMatchFirst) {
  Opened tokenizer = open(wordPieces({"un", "##aff", "##able", "##a", "unaff", "u"}));
  EXPECT_EQ(tokenizer.pieces("unaffable"), Words({"unaff", "##able"}));
  EXPECT_EQ(tokenizer.pieces("una un"), Words({"un", "##a", "un"}));
}

TEST(WordPiece, AWordIsKnownWholeOrNotAtAll) {
  Opened tokenizer = open(wordPieces({"un", "##a", "é", "##é"}));
  EXPECT_EQ(tokenizer.pieces("unax un"), Words({"[UNK]", "un"}));
  EXPECT_EQ(tokenizer.pieces("éé"), Words({"é", "##é"}));
  EXPECT_EQ(tokenizer.pieces("è"), Words({"[UNK]"})); // shares its first byte with é
  EXPECT_EQ(tokenizer.pieces("##a"), Words({"[UNK]", "[UNK]", "[UNK]"}));
}

TEST(WordPiece, LongWordsAreUnknownByCharacters) {
  TokenizerSpec spec = wordPieces({"é", "##é"});
  spec.maxWordChars = 5;
  Opened tokenizer = open(spec);
  EXPECT_EQ(tokenizer.encode("ééééé").size(), 5u);
  EXPECT_EQ(tokenizer.pieces("éééééé"), Words({"[UNK]"}));
}
