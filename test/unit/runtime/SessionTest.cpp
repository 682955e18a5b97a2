// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sessions over the fake models: any way of cutting a prompt, any team and any batch give the logits that the tokens
// alone define; misuse is refused before anything changes; cancelling leaves a session that can go on.
#include "Fixture.h"

#include <thread>
#include <xmmintrin.h>

using namespace lmopt::test;

namespace {

std::vector<float> prefill(const Session &session, const std::vector<int32_t> &tokens) {
  std::vector<float> logits(fakeVocabulary);
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_prefill(session.get(), tokens.data(), int64_t(tokens.size()), logits.data(), &error),
            LMOPT_OK)
      << error.message;
  return logits;
}

TEST(Session, anyLengthOnAnyTeam) {
  Model model = openModel(decoderPath);
  for (int32_t threads = 1; threads <= 4; ++threads) {
    Team team = makeTeam(threads);
    for (size_t count : {1, 2, 15, 16, 17, 31, 32, 33, 64, 65, 199, 200}) {
      std::vector<int32_t> tokens = someTokens(count, uint32_t(count));
      Session session = makeSession(model, team);
      EXPECT_EQ(prefill(session, tokens), fakeLogits(tokens, count)) << count << " tokens, " << threads << " threads";
      EXPECT_EQ(lmopt_session_position(session.get()), int64_t(count));
    }
  }
}

TEST(Session, anySplitOfThePrompt) {
  Model model = openModel(decoderPath);
  Team team = makeTeam(2);
  std::vector<int32_t> tokens = someTokens(90);
  for (size_t first : {1, 5, 32, 40, 89}) {
    Session session = makeSession(model, team);
    std::vector<int32_t> head(tokens.begin(), tokens.begin() + first), tail(tokens.begin() + first, tokens.end());
    EXPECT_EQ(prefill(session, head), fakeLogits(tokens, first));
    EXPECT_EQ(prefill(session, tail), fakeLogits(tokens, 90));
  }
  Session session = makeSession(model, team);
  std::vector<float> logits(fakeVocabulary);
  for (size_t i = 0; i < tokens.size(); ++i) {
    ASSERT_EQ(lmopt_session_decode(session.get(), tokens[i], logits.data(), nullptr), LMOPT_OK);
    ASSERT_EQ(logits, fakeLogits(tokens, i + 1));
  }
}

TEST(Session, prefillWithoutLogits) {
  Model model = openModel(decoderPath);
  Session session = makeSession(model, makeTeam(2));
  std::vector<int32_t> tokens = someTokens(41);
  ASSERT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 40, nullptr, nullptr), LMOPT_OK);
  EXPECT_EQ(prefill(session, {tokens[40]}), fakeLogits(tokens, 41));
}

struct Received {
  std::vector<std::vector<float>> rows;
  int64_t stopAfter = -1;
};

int receive(void *user, int64_t first, int64_t rows, const float *logits) {
  auto *received = static_cast<Received *>(user);
  EXPECT_EQ(first, int64_t(received->rows.size()));
  for (int64_t i = 0; i < rows; ++i)
    received->rows.emplace_back(logits + i * fakeVocabulary, logits + (i + 1) * fakeVocabulary);
  return received->stopAfter >= 0 && int64_t(received->rows.size()) > received->stopAfter;
}

TEST(Session, logitsOfManyRows) {
  Model model = openModel(decoderPath);
  Team team = makeTeam(3);
  std::vector<int32_t> tokens = someTokens(100);
  for (int64_t begin : {0, 1, 31, 32, 50, 99, 100}) {
    Session session = makeSession(model, team);
    Received received;
    ASSERT_EQ(lmopt_session_prefill_rows(session.get(), tokens.data(), 100, begin, receive, &received, nullptr),
              LMOPT_OK);
    ASSERT_EQ(received.rows.size(), size_t(100 - begin));
    for (size_t i = 0; i < received.rows.size(); ++i)
      ASSERT_EQ(received.rows[i], fakeLogits(tokens, size_t(begin) + i + 1)) << begin << " + " << i;
  }
  Session session = makeSession(model, team);
  Received received;
  received.stopAfter = 10;
  EXPECT_EQ(lmopt_session_prefill_rows(session.get(), tokens.data(), 100, 0, receive, &received, nullptr),
            LMOPT_INTERRUPTED);
  EXPECT_EQ(lmopt_session_position(session.get()), 32);
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_prefill_rows(session.get(), tokens.data(), 10, 11, receive, &received, &error),
            LMOPT_ERROR_USAGE);
}

TEST(Session, truncateAndGoOn) {
  Model model = openModel(decoderPath);
  Session session = makeSession(model, makeTeam(2));
  std::vector<int32_t> tokens = someTokens(70);
  prefill(session, tokens);
  ASSERT_EQ(lmopt_session_truncate(session.get(), 20, nullptr), LMOPT_OK);
  std::vector<int32_t> other = someTokens(45, 9), joined(tokens.begin(), tokens.begin() + 20);
  joined.insert(joined.end(), other.begin(), other.end());
  EXPECT_EQ(prefill(session, other), fakeLogits(joined, joined.size()));
  EXPECT_EQ(lmopt_session_truncate(session.get(), 66, nullptr), LMOPT_ERROR_USAGE);
  EXPECT_EQ(lmopt_session_truncate(session.get(), -1, nullptr), LMOPT_ERROR_USAGE);
  ASSERT_EQ(lmopt_session_truncate(session.get(), 0, nullptr), LMOPT_OK);
  EXPECT_EQ(prefill(session, tokens), fakeLogits(tokens, tokens.size()));
}

TEST(Session, batchesDecodeAsAlone) {
  Model model = openModel(decoderPath);
  for (int32_t threads : {1, 2, 3}) {
    Team team = makeTeam(threads);
    const size_t count = 11; // three passes of at most four
    std::vector<Session> sessions;
    std::vector<lmopt_session_t *> handles;
    std::vector<std::vector<int32_t>> texts;
    for (size_t i = 0; i < count; ++i) {
      sessions.push_back(makeSession(model, team, 100));
      handles.push_back(sessions.back().get());
      texts.push_back(someTokens(1 + 7 * i, uint32_t(i)));
      prefill(sessions.back(), texts.back());
    }
    std::vector<float> logits(count * fakeVocabulary);
    for (int round = 0; round < 5; ++round) {
      std::vector<int32_t> next = someTokens(count, uint32_t(100 + round));
      lmopt_error_t error{};
      ASSERT_EQ(lmopt_sessions_decode(handles.data(), count, next.data(), logits.data(), &error), LMOPT_OK)
          << error.message;
      for (size_t i = 0; i < count; ++i) {
        texts[i].push_back(next[i]);
        std::vector<float> own(logits.begin() + i * fakeVocabulary, logits.begin() + (i + 1) * fakeVocabulary);
        ASSERT_EQ(own, fakeLogits(texts[i], texts[i].size())) << i;
      }
    }
  }
}

TEST(Session, batchesAreChecked) {
  Model model = openModel(decoderPath), other = openModel(decoderPath);
  Team team = makeTeam(1);
  Session a = makeSession(model, team), b = makeSession(model, team), c = makeSession(other, team);
  std::vector<float> logits(3 * fakeVocabulary);
  int32_t tokens[] = {1, 2, 3};
  lmopt_error_t error{};
  lmopt_session_t *twice[] = {a.get(), b.get(), a.get()}, *mixed[] = {a.get(), c.get()};
  EXPECT_EQ(lmopt_sessions_decode(twice, 3, tokens, logits.data(), &error), LMOPT_ERROR_USAGE);
  EXPECT_NE(std::string(error.message).find("session 2"), std::string::npos);
  EXPECT_EQ(lmopt_sessions_decode(mixed, 2, tokens, logits.data(), &error), LMOPT_ERROR_USAGE);
  EXPECT_EQ(lmopt_sessions_decode(twice, 0, tokens, logits.data(), &error), LMOPT_ERROR_USAGE);
  EXPECT_EQ(lmopt_session_position(a.get()), 0);
  EXPECT_EQ(lmopt_sessions_decode(twice, 2, tokens, logits.data(), &error), LMOPT_OK) << "marks were not taken back";
}

TEST(Session, misuseIsRefused) {
  Model model = openModel(decoderPath);
  Team team = makeTeam(1);
  Session session = makeSession(model, team, 50);
  EXPECT_EQ(lmopt_session_capacity(session.get()), 50);
  std::vector<int32_t> tokens = someTokens(60);
  std::vector<float> logits(fakeVocabulary);
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 51, nullptr, &error), LMOPT_ERROR_USAGE);
  EXPECT_NE(std::string(error.message).find("context is full"), std::string::npos) << error.message;
  EXPECT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 0, nullptr, &error), LMOPT_ERROR_USAGE);
  tokens[3] = 97;
  EXPECT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 50, nullptr, &error), LMOPT_ERROR_USAGE);
  EXPECT_NE(std::string(error.message).find("token 3 is 97"), std::string::npos) << error.message;
  tokens[3] = -1;
  EXPECT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 50, nullptr, &error), LMOPT_ERROR_USAGE);
  int64_t length = 1;
  EXPECT_EQ(lmopt_session_encode(session.get(), tokens.data(), &length, 1, logits.data(), &error), LMOPT_ERROR_USAGE);
  EXPECT_EQ(lmopt_session_position(session.get()), 0);
  tokens[3] = 3;
  ASSERT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 50, nullptr, &error), LMOPT_OK);
  EXPECT_EQ(lmopt_session_decode(session.get(), 1, logits.data(), &error), LMOPT_ERROR_USAGE);
  lmopt_session_options_t options{};
  options.struct_size = sizeof options;
  options.team = team.get();
  lmopt_session_t *none = nullptr;
  for (int64_t context : {int64_t(-1), int64_t(201), INT64_MAX}) {
    options.context = context;
    EXPECT_EQ(lmopt_session_create(model.get(), &options, &none, &error), LMOPT_ERROR_USAGE);
  }
  EXPECT_EQ(none, nullptr);
}

TEST(Session, outlivesTheHandlesItWasMadeFrom) {
  Session session;
  {
    Model model = openModel(decoderPath);
    Team team = makeTeam(2);
    session = makeSession(model, team);
  }
  std::vector<int32_t> tokens = someTokens(33);
  EXPECT_EQ(prefill(session, tokens), fakeLogits(tokens, 33));
}

TEST(Session, makesItsOwnTeam) {
  Model model = openModel(decoderPath);
  lmopt_session_t *session = nullptr;
  ASSERT_EQ(lmopt_session_create(model.get(), nullptr, &session, nullptr), LMOPT_OK);
  EXPECT_EQ(lmopt_session_capacity(session), 200) << "the model's longest, being below the default";
  lmopt_session_destroy(session);
}

TEST(Session, cancelBeforeAndDuring) {
  Model model = openModel(decoderPath);
  lmopt_cancel_t cancel{};
  Session session = makeSession(model, makeTeam(2), 0, &cancel);
  std::vector<int32_t> tokens = someTokens(100);
  std::vector<float> logits(fakeVocabulary);
  lmopt_error_t error{};
  lmopt_cancel_request(&cancel);
  EXPECT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 100, logits.data(), &error), LMOPT_INTERRUPTED);
  EXPECT_EQ(error.status, LMOPT_INTERRUPTED);
  EXPECT_EQ(lmopt_session_decode(session.get(), 1, logits.data(), &error), LMOPT_INTERRUPTED);
  EXPECT_EQ(lmopt_session_position(session.get()), 0);
  lmopt_cancel_clear(&cancel);
  // Cancelled after the first chunk, by the receiver of its logits.
  auto request = [](void *user, int64_t, int64_t, const float *) {
    lmopt_cancel_request(static_cast<lmopt_cancel_t *>(user));
    return 0;
  };
  EXPECT_EQ(lmopt_session_prefill_rows(session.get(), tokens.data(), 100, 0, request, &cancel, &error),
            LMOPT_INTERRUPTED);
  ASSERT_EQ(lmopt_session_position(session.get()), 32);
  lmopt_cancel_clear(&cancel);
  ASSERT_EQ(lmopt_session_prefill(session.get(), tokens.data() + 32, 68, logits.data(), &error), LMOPT_OK);
  EXPECT_EQ(logits, fakeLogits(tokens, 100));
}

TEST(Session, sharedTeamFromManyThreads) {
  Model model = openModel(decoderPath);
  Team team = makeTeam(3);
  std::vector<std::thread> hosts;
  for (uint32_t host = 0; host < 4; ++host)
    hosts.emplace_back([&, host] {
      Session session = makeSession(model, team);
      std::vector<int32_t> tokens = someTokens(150, host);
      EXPECT_EQ(prefill(session, tokens), fakeLogits(tokens, tokens.size()));
      std::vector<float> logits(fakeVocabulary);
      for (int32_t next : someTokens(40, host + 50)) {
        tokens.push_back(next);
        ASSERT_EQ(lmopt_session_decode(session.get(), next, logits.data(), nullptr), LMOPT_OK);
        ASSERT_EQ(logits, fakeLogits(tokens, tokens.size()));
      }
    });
  for (std::thread &host : hosts)
    host.join();
}

TEST(Session, computesUnderItsOwnRounding) {
  Model model = openModel(decoderPath);
  Session session = makeSession(model, makeTeam(2));
  std::vector<int32_t> tokens = someTokens(10);
  unsigned before = _mm_getcsr();
  _mm_setcsr(0xffc0); // flush to zero, denormals are zero, round toward zero: the host's own business
  std::vector<float> logits(fakeVocabulary);
  lmopt_status_t status = lmopt_session_prefill(session.get(), tokens.data(), 10, logits.data(), nullptr);
  unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(status, LMOPT_OK);
  EXPECT_EQ(after & 0xffc0u, 0xffc0u) << "the caller's state was not put back";
  EXPECT_EQ(logits, fakeLogits(tokens, 10)) << "the fake model gives NaN under another state";
}

/*===--- Teams ---===*/

TEST(Team, manyMoreThreadsThanCpus) {
  Model model = openModel(decoderPath);
  Team team = makeTeam(32);
  EXPECT_EQ(lmopt_team_threads(team.get()), 32);
  Session session = makeSession(model, team);
  std::vector<int32_t> tokens = someTokens(150);
  EXPECT_EQ(prefill(session, tokens), fakeLogits(tokens, tokens.size()));
}

TEST(Team, withoutSpinningAndWithLongSpinning) {
  Model model = openModel(decoderPath);
  for (int32_t spin : {-1, 1, 100000}) {
    Team team = makeTeam(2, spin);
    Session session = makeSession(model, team);
    std::vector<int32_t> tokens;
    std::vector<float> logits(fakeVocabulary);
    for (int32_t next : someTokens(100)) {
      tokens.push_back(next);
      ASSERT_EQ(lmopt_session_decode(session.get(), next, logits.data(), nullptr), LMOPT_OK);
    }
    EXPECT_EQ(logits, fakeLogits(tokens, tokens.size()));
  }
}

TEST(Team, boundToCpus) {
  cpu_set_t allowed;
  ASSERT_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
  int32_t cpu = 0;
  while (!CPU_ISSET(cpu, &allowed))
    ++cpu;
  int32_t cpus[] = {-1, cpu}; // the first entry belongs to the caller and is not looked at
  lmopt_team_options_t options{};
  options.struct_size = sizeof options;
  options.threads = 2;
  options.cpus = cpus;
  lmopt_team_t *team = nullptr;
  lmopt_error_t error{};
  ASSERT_EQ(lmopt_team_create(&options, &team, &error), LMOPT_OK) << error.message;
  lmopt_team_destroy(team);
  cpus[1] = 1023;
  if (!CPU_ISSET(1023, &allowed)) {
    EXPECT_EQ(lmopt_team_create(&options, &team, &error), LMOPT_ERROR_USAGE);
    EXPECT_NE(std::string(error.message).find("cpus[1] = 1023"), std::string::npos) << error.message;
  }
}

TEST(Team, tellsWhatEachThreadDoes) {
  Model model = openModel(decoderPath);
  Team team = makeTeam(3);
  Session session = makeSession(model, team);
  std::vector<std::vector<int64_t>> told(3);
  auto listen = [](void *user, int64_t thread, int64_t what) {
    (*static_cast<std::vector<std::vector<int64_t>> *>(user))[size_t(thread)].push_back(what);
  };
  lmopt_team_set_profile(team.get(), listen, &told);
  std::vector<int32_t> tokens = someTokens(3);
  EXPECT_EQ(prefill(session, tokens), fakeLogits(tokens, 3));
  const std::vector<int64_t> pass = {LMOPT_PROFILE_BEGIN, 0, LMOPT_PROFILE_WAIT, 1, LMOPT_PROFILE_WAIT,
                                     LMOPT_PROFILE_END};
  for (const std::vector<int64_t> &own : told)
    EXPECT_EQ(own, pass);
  lmopt_team_set_profile(team.get(), nullptr, nullptr);
  EXPECT_EQ(prefill(session, {tokens[0]}).size(), size_t(fakeVocabulary));
  EXPECT_EQ(told[0], pass);
}

TEST(Team, optionsAreChecked) {
  lmopt_team_options_t options{};
  options.struct_size = sizeof options;
  lmopt_team_t *team = nullptr;
  for (int32_t threads : {-1, 1025}) {
    options.threads = threads;
    EXPECT_EQ(lmopt_team_create(&options, &team, nullptr), LMOPT_ERROR_USAGE);
  }
  options.threads = 1;
  options.spin_us = -2;
  EXPECT_EQ(lmopt_team_create(&options, &team, nullptr), LMOPT_ERROR_USAGE);
  EXPECT_EQ(team, nullptr);
}

} // namespace
