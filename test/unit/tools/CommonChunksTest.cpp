// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chunks of a text in the tokens of two tokenizers: by hand, and what must be true of all.
#include "tools/lmopt/CommonChunks.h"

#include <gtest/gtest.h>

#include <random>

using namespace lmopt::driver;

using Ends = std::vector<size_t>;

TEST(CommonChunks, SameTokensAreCutAsWithOneTokenizer) {
  Ends ends;
  for (size_t byte = 2; byte <= 26; byte += 2) // 13 tokens
    ends.push_back(byte);
  std::vector<CommonChunk> chunks = cutCommonChunks({ends, ends}, 6);
  ASSERT_EQ(chunks.size(), 2u); // one token is left over
  EXPECT_EQ(chunks[1].begin, (Cut{6, 6}));
  EXPECT_EQ(chunks[1].middle, (Cut{9, 9}));
  EXPECT_EQ(chunks[1].end, (Cut{12, 12}));
  EXPECT_EQ(chunks[1].bytes, 6u);
}

TEST(CommonChunks, TurnsWhereBothHaveAnEnd) {
  // 3 3 4 | 2 1 3 2 2: ends of both at 3, 6, 10.
  Ends coarse = {3, 6, 10}, fine = {2, 3, 6, 8, 10};
  std::vector<CommonChunk> chunks = cutCommonChunks({coarse, fine}, 5);
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].begin, (Cut{0, 0}));
  EXPECT_EQ(chunks[0].middle, (Cut{1, 2}));
  EXPECT_EQ(chunks[0].end, (Cut{3, 5}));
  EXPECT_EQ(chunks[0].bytes, 7u);
}

TEST(CommonChunks, TokensWithoutBytesGoWithTheOnesBefore) {
  std::vector<CommonChunk> chunks = cutCommonChunks({Ends{1, 1, 2, 3, 4}, Ends{1, 2, 3, 4}}, 5);
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].middle, (Cut{2, 1}));
  EXPECT_EQ(chunks[0].end, (Cut{5, 4}));
}

TEST(CommonChunks, NoneOfTooLittle) {
  EXPECT_TRUE(cutCommonChunks({Ends{}, Ends{}}, 4).empty());
  EXPECT_TRUE(cutCommonChunks({Ends{1, 2, 3}, Ends{1, 2, 3}}, 4).empty());
  EXPECT_TRUE(cutCommonChunks({Ends{9, 10}, Ends{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}, 4).empty());
}

TEST(CommonChunks, RandomTokenizers) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    size_t size = 200 + random() % 200, context = 4 + random() % 40;
    std::array<Ends, 2> ends;
    for (Ends &list : ends) {
      for (size_t byte = random() % 4; byte < size; byte += random() % 6)
        list.push_back(byte);
      list.push_back(size);
    }
    Cut last = {0, 0};
    for (const CommonChunk &chunk : cutCommonChunks(ends, context)) {
      auto byteAt = [&](size_t i, size_t token) { return token ? ends[i][token - 1] : 0; };
      for (size_t i : {0, 1}) {
        EXPECT_GE(chunk.begin[i], last[i]);
        EXPECT_LT(chunk.begin[i], chunk.middle[i]); // something is known before what is scored
        EXPECT_LT(chunk.middle[i], chunk.end[i]);
        EXPECT_LE(chunk.end[i] - chunk.begin[i], context);
        EXPECT_LE(chunk.middle[i] - chunk.begin[i], context / 2);
      }
      for (const Cut &cut : {chunk.begin, chunk.middle, chunk.end})
        EXPECT_EQ(byteAt(0, cut[0]), byteAt(1, cut[1]));
      EXPECT_EQ(chunk.bytes, byteAt(0, chunk.end[0]) - byteAt(0, chunk.middle[0]));
      last = chunk.end;
    }
  }
}
