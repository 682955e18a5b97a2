// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sessions of a model whose angles depend on the length of the sequence (rope_switch 40 of the fake model, which gives
// NaN when a step finds keys that were turned otherwise): what is computed follows from the sequence alone, however its
// tokens came.
#include "Fixture.h"

#include <cmath>

using namespace lmopt::test;

namespace {

constexpr int64_t kSwitch = 40;
const std::string kPath = LMOPT_BINARY_DIR "/lib/fake_switch.so";

/// The logits after all of `tokens`, in a sequence that counts as `length` tokens long.
std::vector<float> logitsAt(std::vector<int32_t> tokens, int64_t length = 0) {
  length = std::max(length, int64_t(tokens.size()));
  int64_t hash = fakeHash(tokens, tokens.size()) + (length > kSwitch ? 5 * int64_t(tokens.size()) : 0);
  std::vector<float> logits(fakeVocabulary);
  for (int64_t v = 0; v < fakeVocabulary; ++v)
    logits[size_t(v)] = float((hash + 31 * v + int64_t(tokens.size()) - 1) % fakeModulus);
  return logits;
}

std::vector<int32_t> firstOf(const std::vector<int32_t> &tokens, size_t count) {
  return {tokens.begin(), tokens.begin() + std::ptrdiff_t(count)};
}

struct Length : testing::Test {
  Model model = openModel(kPath);
  std::vector<int32_t> tokens = someTokens(120);
  std::vector<float> logits = std::vector<float>(fakeVocabulary);

  void prefill(const Session &session, size_t from, size_t count) {
    lmopt_error_t error{};
    ASSERT_EQ(lmopt_session_prefill(session.get(), tokens.data() + from, int64_t(count), logits.data(), &error),
              LMOPT_OK)
        << error.message;
  }
  void decode(const Session &session, int32_t token) {
    ASSERT_EQ(lmopt_session_decode(session.get(), token, logits.data(), nullptr), LMOPT_OK);
  }
};

TEST_F(Length, anyPieces) {
  Team team = makeTeam(2);
  for (size_t piece : {1, 3, 31, 32, 33, 40, 41, 64, 120}) {
    Session session = makeSession(model, team);
    for (size_t i = 0; i < tokens.size(); i += piece) {
      size_t count = std::min(piece, tokens.size() - i);
      prefill(session, i, count);
      ASSERT_EQ(logits, logitsAt(firstOf(tokens, i + count))) << i << " pieces of " << piece;
      ASSERT_EQ(lmopt_session_position(session.get()), int64_t(i + count));
    }
  }
}

/// A prompt in one call is one sequence: its first rows, too, are those of a long one.
TEST_F(Length, allRowsOfACall) {
  Session session = makeSession(model, makeTeam(2));
  for (size_t length : {40, 41, 100}) {
    ASSERT_EQ(lmopt_session_truncate(session.get(), 0, nullptr), LMOPT_OK);
    std::vector<float> all;
    auto receive = [](void *user, int64_t, int64_t rows, const float *values) {
      auto &to = *static_cast<std::vector<float> *>(user);
      to.insert(to.end(), values, values + rows * fakeVocabulary);
      return 0;
    };
    ASSERT_EQ(lmopt_session_prefill_rows(session.get(), tokens.data(), int64_t(length), 0, receive, &all, nullptr),
              LMOPT_OK);
    for (size_t row = 0; row < length; ++row) {
      auto own = all.begin() + std::ptrdiff_t(row * fakeVocabulary);
      ASSERT_EQ(std::vector<float>(own, own + fakeVocabulary), logitsAt(firstOf(tokens, row + 1), int64_t(length)))
          << row << " of " << length;
    }
  }
}

TEST_F(Length, generationCrossesAndTruncationGoesBack) {
  Session session = makeSession(model, makeTeam(3));
  prefill(session, 0, 38);
  std::vector<int32_t> held = firstOf(tokens, 38);
  for (size_t cut : {38, 10, 40, 0}) {
    for (int i = 0; i < 60; ++i) {
      held.push_back(tokens[held.size()]);
      decode(session, held.back());
      ASSERT_EQ(logits, logitsAt(held)) << held.size();
    }
    ASSERT_EQ(lmopt_session_truncate(session.get(), int64_t(cut), nullptr), LMOPT_OK);
    held.resize(cut);
  }
}

TEST_F(Length, besideOthersInABatch) {
  Team team = makeTeam(2);
  size_t lengths[] = {1, 35, 39, 50, 33, 40}; // more than one pass takes
  std::vector<Session> sessions;
  std::vector<lmopt_session_t *> handles;
  std::vector<std::vector<int32_t>> held;
  for (size_t length : lengths) {
    sessions.push_back(makeSession(model, team));
    handles.push_back(sessions.back().get());
    prefill(sessions.back(), 0, length);
    held.push_back(firstOf(tokens, length));
  }
  std::vector<float> all(handles.size() * fakeVocabulary);
  for (uint32_t step = 0; step < 12; ++step) {
    std::vector<int32_t> next = someTokens(handles.size(), step + 7);
    ASSERT_EQ(lmopt_sessions_decode(handles.data(), int64_t(handles.size()), next.data(), all.data(), nullptr),
              LMOPT_OK);
    for (size_t i = 0; i < handles.size(); ++i) {
      held[i].push_back(next[i]);
      auto own = all.begin() + std::ptrdiff_t(i * fakeVocabulary);
      ASSERT_EQ(std::vector<float>(own, own + fakeVocabulary), logitsAt(held[i])) << "session " << i;
    }
  }
}

/// A full window may fall below the switch: the tokens kept are the sequence.
TEST_F(Length, windows) {
  struct {
    size_t window, sinks;
  } cases[] = {{39, 3}, {40, 0}, {41, 4}, {60, 0}, {60, 20}, {100, 50}};
  Team team = makeTeam(2);
  for (auto [window, sinks] : cases)
    for (size_t piece : {1, 5, 40, 100}) {
      lmopt_session_options_t options{};
      options.struct_size = sizeof options;
      options.team = team.get();
      options.window = int64_t(window);
      options.sinks = int64_t(sinks);
      lmopt_session_t *made = nullptr;
      ASSERT_EQ(lmopt_session_create(model.get(), &options, &made, nullptr), LMOPT_OK);
      Session session(made);
      std::vector<int32_t> held, stream = someTokens(400);
      for (size_t i = 0; i < stream.size(); i += piece) {
        for (size_t j = i; j < i + piece; ++j) {
          if (held.size() == window) {
            auto moved = held.begin() + std::ptrdiff_t(sinks);
            held.erase(moved, held.end() - std::ptrdiff_t((window - sinks) / 2));
          }
          held.push_back(stream[j]);
        }
        ASSERT_EQ(lmopt_session_prefill(session.get(), stream.data() + i, int64_t(piece), logits.data(), nullptr),
                  LMOPT_OK);
        ASSERT_EQ(logits, logitsAt(held)) << "window " << window << " sinks " << sinks << " pieces of " << piece;
      }
    }
}

TEST_F(Length, expectedLengthHoldsFromTheFirstToken) {
  Session session = makeSession(model, makeTeam(2));
  ASSERT_EQ(lmopt_session_expect(session.get(), 41, nullptr), LMOPT_OK);
  for (size_t i = 0; i < 60; i += 6) {
    prefill(session, i, 6);
    ASSERT_EQ(logits, logitsAt(firstOf(tokens, i + 6), 41));
  }
  ASSERT_EQ(lmopt_session_truncate(session.get(), 5, nullptr), LMOPT_OK);
  ASSERT_EQ(lmopt_session_expect(session.get(), 40, nullptr), LMOPT_OK);
  prefill(session, 5, 1);
  EXPECT_EQ(logits, logitsAt(firstOf(tokens, 6)));
  EXPECT_EQ(lmopt_session_expect(session.get(), -1, nullptr), LMOPT_ERROR_USAGE);
  EXPECT_EQ(lmopt_session_expect(session.get(), 201, nullptr), LMOPT_ERROR_USAGE);
  Session encoder = makeSession(openModel(encoderPath), makeTeam(1));
  EXPECT_EQ(lmopt_session_expect(encoder.get(), 1, nullptr), LMOPT_ERROR_USAGE);
}

/// What was asked to stop while it read tokens again has lost none of them, and goes on.
TEST_F(Length, cancelledWhileReadingAgain) {
  lmopt_cancel_t cancel{};
  Session session = makeSession(model, makeTeam(1), 0, &cancel);
  prefill(session, 0, 40);
  lmopt_cancel_request(&cancel);
  ASSERT_EQ(lmopt_session_decode(session.get(), tokens[40], logits.data(), nullptr), LMOPT_INTERRUPTED);
  EXPECT_EQ(lmopt_session_position(session.get()), 40);
  lmopt_cancel_clear(&cancel);
  decode(session, tokens[40]);
  EXPECT_EQ(logits, logitsAt(firstOf(tokens, 41)));
}

/// Cut short and never asked for more: nothing is read again, and a full context is told as ever.
TEST_F(Length, contextUpToTheSwitch) {
  Session session = makeSession(model, makeTeam(1), kSwitch);
  prefill(session, 0, 40);
  EXPECT_EQ(logits, logitsAt(firstOf(tokens, 40)));
  EXPECT_EQ(lmopt_session_decode(session.get(), 1, logits.data(), nullptr), LMOPT_ERROR_USAGE);
}

TEST_F(Length, encoderSequencesEachByTheirOwn) {
  Model encoder = openModel(LMOPT_BINARY_DIR "/lib/fake_encoder_switch.so");
  Session session = makeSession(encoder, makeTeam(2));
  std::vector<int64_t> lengths = {3, 41, 40, 16};
  std::vector<int32_t> stream = someTokens(100);
  std::vector<float> vectors(lengths.size() * fakeWidth);
  ASSERT_EQ(lmopt_session_encode(session.get(), stream.data(), lengths.data(), 4, vectors.data(), nullptr), LMOPT_OK);
  for (size_t i = 0, begin = 0; i < lengths.size(); begin += size_t(lengths[i++])) {
    std::vector<int32_t> own(stream.begin() + std::ptrdiff_t(begin),
                             stream.begin() + std::ptrdiff_t(begin + size_t(lengths[i])));
    int64_t hash = fakeHash(own, own.size()) + (lengths[i] > kSwitch ? 5 * lengths[i] : 0);
    for (int64_t d = 0; d < fakeWidth; ++d)
      EXPECT_EQ(vectors[i * size_t(fakeWidth) + size_t(d)], float((hash + d) % fakeModulus)) << i;
  }
}

} // namespace
