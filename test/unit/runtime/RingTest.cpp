// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sessions with rings in their cache, over a fake model that goes on from the hash which its ring has of the position
// before: any way of feeding a sequence that is longer than the ring gives what its tokens alone define, and so does
// any way back, within the ring and beyond.
#include "Fixture.h"

using namespace lmopt::test;

namespace {

const std::string ringPath = LMOPT_BINARY_DIR "/lib/fake_ring.so";
constexpr int64_t kRing = 64;

std::vector<float> prefill(const Session &session, const std::vector<int32_t> &tokens) {
  std::vector<float> logits(fakeVocabulary);
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_prefill(session.get(), tokens.data(), int64_t(tokens.size()), logits.data(), &error),
            LMOPT_OK)
      << error.message;
  return logits;
}

TEST(Ring, isTold) {
  Model model = openModel(ringPath);
  lmopt_model_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_model_get_info(model.get(), &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.ring_positions, kRing);
  EXPECT_EQ(info.ring_bytes_per_position, 8u);
}

TEST(Ring, anySplitOnAnyTeam) {
  Model model = openModel(ringPath);
  std::vector<int32_t> tokens = someTokens(190);
  for (int32_t threads : {1, 2, 3}) {
    Team team = makeTeam(threads);
    for (size_t first : {1, 63, 64, 65, 189}) {
      Session session = makeSession(model, team);
      std::vector<int32_t> head(tokens.begin(), tokens.begin() + first), tail(tokens.begin() + first, tokens.end());
      EXPECT_EQ(prefill(session, head), fakeLogits(tokens, first));
      EXPECT_EQ(prefill(session, tail), fakeLogits(tokens, tokens.size()));
    }
  }
}

// A context that is no longer than the ring has a shorter one.
TEST(Ring, aShortContextHasOneOfItsLength) {
  Model model = openModel(ringPath);
  Session session = makeSession(model, makeTeam(2), 40);
  std::vector<int32_t> tokens = someTokens(40);
  EXPECT_EQ(prefill(session, tokens), fakeLogits(tokens, 40));
  ASSERT_EQ(lmopt_session_truncate(session.get(), 3, nullptr), LMOPT_OK);
  tokens.resize(3);
  tokens.push_back(5);
  EXPECT_EQ(prefill(session, {5}), fakeLogits(tokens, 4));
}

// Back by 1, into what the ring has, as far as it has it (150 - 63), and further, to the beginning.
TEST(Ring, aSequenceThatIsCutBackGoesOn) {
  Model model = openModel(ringPath);
  Session session = makeSession(model, makeTeam(2));
  std::vector<int32_t> tokens = someTokens(150);
  prefill(session, tokens);
  for (size_t kept : {149, 90, 88, 120, 87, 70, 30, 26, 1, 0}) {
    ASSERT_EQ(lmopt_session_truncate(session.get(), int64_t(kept), nullptr), LMOPT_OK);
    tokens.resize(kept);
    std::vector<int32_t> more = someTokens(150 - kept - (150 - kept) / 3, uint32_t(kept));
    tokens.insert(tokens.end(), more.begin(), more.end());
    EXPECT_EQ(prefill(session, more), fakeLogits(tokens, tokens.size())) << kept;
  }
}

} // namespace
