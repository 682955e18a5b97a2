// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the latest tokens stood before: the place whose past agrees the furthest, the latest of several, also after
// tokens were taken back; the same as a plain search finds.
#include "runtime/src/session/lookup.h"
#include "Fixture.h"

using namespace lmopt::test;

namespace {

struct Lookup {
  explicit Lookup(int64_t capacity) { EXPECT_EQ(lmoptp_lookup_create(capacity, &lookup, nullptr), LMOPT_OK); }
  ~Lookup() { lmoptp_lookup_destroy(&lookup); }
  Lookup(const Lookup &) = delete;
  Lookup &operator=(const Lookup &) = delete;
  /// Position and agreement.
  std::pair<int64_t, int64_t> find(const std::vector<int32_t> &tokens) {
    int64_t length = -1, position = lmoptp_lookup_find(&lookup, tokens.data(), int64_t(tokens.size()), &length);
    return {position, length};
  }
  lmoptp_lookup_t lookup = {};
};

constexpr std::pair<int64_t, int64_t> nowhere = {-1, -1};

/// In the words of lookup.h, without lists.
std::pair<int64_t, int64_t> search(const std::vector<int32_t> &tokens) {
  std::pair<int64_t, int64_t> best = nowhere;
  auto count = int64_t(tokens.size());
  for (int64_t position = count - 1; position >= LMOPTP_LOOKUP_LEAST; --position) {
    int64_t length = 0;
    while (length < position && length < LMOPTP_LOOKUP_MOST &&
           tokens[position - 1 - length] == tokens[count - 1 - length])
      ++length;
    if (length >= LMOPTP_LOOKUP_LEAST && length > best.second)
      best = {position, length};
  }
  return best;
}

TEST(Lookup, nothingToFind) {
  Lookup lookup(16);
  EXPECT_EQ(lookup.find({}), nowhere);
  EXPECT_EQ(lookup.find({1}), nowhere);
  EXPECT_EQ(lookup.find({1, 2}), nowhere);
  EXPECT_EQ(lookup.find({1, 2, 3, 2}), nowhere); // one token agrees
}

TEST(Lookup, theLongestAgreementThenTheLatest) {
  EXPECT_EQ(Lookup(16).find({1, 2, 3, 1, 2}), std::make_pair(int64_t(2), int64_t(2)));
  EXPECT_EQ(Lookup(16).find({9, 1, 2, 3, 8, 1, 2, 4, 9, 1, 2}), std::make_pair(int64_t(3), int64_t(3)));
  EXPECT_EQ(Lookup(16).find({7, 1, 2, 3, 8, 1, 2, 4, 9, 1, 2}), std::make_pair(int64_t(7), int64_t(2)));
  EXPECT_EQ(Lookup(16).find({5, 5, 5, 5}), std::make_pair(int64_t(3), int64_t(3))); // a place may overlap the question
}

TEST(Lookup, noMoreThanMostAgree) {
  std::vector<int32_t> tokens = someTokens(40), twice = tokens;
  twice.insert(twice.end(), tokens.begin(), tokens.end());
  EXPECT_EQ(Lookup(100).find(twice), std::make_pair(int64_t(40), int64_t(LMOPTP_LOOKUP_MOST)));
}

// Grows by one token at a time, is cut back and goes on otherwise.
TEST(Lookup, asAPlainSearch) {
  Lookup lookup(400);
  std::vector<int32_t> tokens, more = someTokens(1000);
  for (size_t i = 0; i < more.size(); ++i) {
    tokens.push_back(more[i] % 5);
    if (tokens.size() == 400 || i % 97 == 96) {
      tokens.resize(tokens.size() - size_t(more[i]) % tokens.size());
      lmoptp_lookup_keep(&lookup.lookup, int64_t(tokens.size()));
    }
    auto found = lookup.find(tokens), searched = search(tokens);
    // Of many places only the latest are tried.
    EXPECT_LE(found.second, searched.second);
    EXPECT_EQ(found.first < 0, searched.first < 0);
    if (found.second == searched.second)
      EXPECT_EQ(found.first, searched.first);
  }
}

TEST(Lookup, withTokensOfAnySize) {
  EXPECT_EQ(Lookup(16).find({2147483647, 0, 1, 2147483647, 0}), std::make_pair(int64_t(2), int64_t(2)));
}

} // namespace
