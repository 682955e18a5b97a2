// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sessions with a state beside their cache, over a fake model that keeps its hash there and nowhere else: any way of
// feeding a sequence gives what its tokens alone define, and so does any way back.
#include "Fixture.h"

using namespace lmopt::test;

namespace {

const std::string statePath = LMOPT_BINARY_DIR "/lib/fake_state.so";

std::vector<float> prefill(const Session &session, const std::vector<int32_t> &tokens) {
  std::vector<float> logits(fakeVocabulary);
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_prefill(session.get(), tokens.data(), int64_t(tokens.size()), logits.data(), &error),
            LMOPT_OK)
      << error.message;
  return logits;
}

TEST(State, isTold) {
  Model model = openModel(statePath);
  lmopt_model_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_model_get_info(model.get(), &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.state_bytes_per_sequence, 16u);
}

TEST(State, anySplitOnAnyTeam) {
  Model model = openModel(statePath);
  std::vector<int32_t> tokens = someTokens(150);
  for (int32_t threads : {1, 2, 3}) {
    Team team = makeTeam(threads);
    for (size_t first : {1, 31, 32, 33, 149}) {
      Session session = makeSession(model, team);
      std::vector<int32_t> head(tokens.begin(), tokens.begin() + first), tail(tokens.begin() + first, tokens.end());
      EXPECT_EQ(prefill(session, head), fakeLogits(tokens, first));
      EXPECT_EQ(prefill(session, tail), fakeLogits(tokens, 150));
    }
  }
}

TEST(State, batchesDecodeAsAlone) {
  Model model = openModel(statePath);
  Team team = makeTeam(2);
  std::vector<Session> sessions;
  std::vector<lmopt_session_t *> handles;
  std::vector<std::vector<int32_t>> texts;
  for (size_t i = 0; i < 7; ++i) {
    sessions.push_back(makeSession(model, team));
    handles.push_back(sessions.back().get());
    texts.push_back(someTokens(i * 9, uint32_t(i)));
    if (i)
      prefill(sessions.back(), texts.back());
  }
  std::vector<float> logits(7 * fakeVocabulary);
  for (int round = 0; round < 4; ++round) {
    std::vector<int32_t> next = someTokens(7, uint32_t(100 + round));
    ASSERT_EQ(lmopt_sessions_decode(handles.data(), 7, next.data(), logits.data(), nullptr), LMOPT_OK);
    for (size_t i = 0; i < 7; ++i) {
      texts[i].push_back(next[i]);
      std::vector<float> own(logits.begin() + i * fakeVocabulary, logits.begin() + (i + 1) * fakeVocabulary);
      ASSERT_EQ(own, fakeLogits(texts[i], texts[i].size())) << i;
    }
  }
}

TEST(State, aSequenceThatIsCutBackIsReadAgain) {
  Model model = openModel(statePath);
  Session session = makeSession(model, makeTeam(2));
  std::vector<int32_t> tokens = someTokens(70);
  prefill(session, tokens);
  for (size_t kept : {69, 50, 20, 1, 0}) {
    ASSERT_EQ(lmopt_session_truncate(session.get(), int64_t(kept), nullptr), LMOPT_OK);
    tokens.resize(kept);
    std::vector<int32_t> more = someTokens(kept % 40 + 3, uint32_t(kept));
    tokens.insert(tokens.end(), more.begin(), more.end());
    EXPECT_EQ(prefill(session, more), fakeLogits(tokens, tokens.size())) << kept;
  }
}

TEST(State, aWindowReadsItsTokensAgain) {
  Model model = openModel(statePath);
  lmopt_session_options_t options{};
  options.struct_size = sizeof options;
  options.threads = 2;
  options.window = 12;
  options.sinks = 2;
  lmopt_session_t *raw = nullptr;
  ASSERT_EQ(lmopt_session_create(model.get(), &options, &raw, nullptr), LMOPT_OK);
  Session session(raw);
  std::vector<int32_t> kept;
  std::vector<float> logits(fakeVocabulary);
  for (int32_t token : someTokens(60)) {
    if (kept.size() == 12) // the sinks and the latest five
      kept.erase(kept.begin() + 2, kept.end() - 5);
    kept.push_back(token);
    ASSERT_EQ(lmopt_session_decode(session.get(), token, logits.data(), nullptr), LMOPT_OK);
    ASSERT_EQ(logits, fakeLogits(kept, kept.size()));
  }
}

} // namespace
