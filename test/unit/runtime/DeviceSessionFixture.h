// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of sessions on GPUs share: the fake models for GPUs (fake_device.c), teams of the fake driver's card,
// and whoever asks a session for logits.
#ifndef LMOPT_TEST_UNIT_RUNTIME_DEVICESESSIONFIXTURE_H
#define LMOPT_TEST_UNIT_RUNTIME_DEVICESESSIONFIXTURE_H

#include "DeviceFixture.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace lmopt::test {

inline const std::string deviceDecoderPath = LMOPT_BINARY_DIR "/lib/fake_device_decoder.so";
inline const std::string deviceEncoderPath = LMOPT_BINARY_DIR "/lib/fake_device_encoder.so";
inline const std::string deviceSwitchPath = LMOPT_BINARY_DIR "/lib/fake_device_switch.so";
inline const std::string deviceStatePath = LMOPT_BINARY_DIR "/lib/fake_device_state.so";

class DeviceSessionTest : public DeviceTest {
protected:
  static Answer tryTeam(const char *name, Team &team) {
    lmopt_team_options_t options{};
    options.struct_size = sizeof options;
    options.device = name;
    lmopt_team_t *made = nullptr;
    Answer answer = tell([&](lmopt_error_t *error) { return lmopt_team_create(&options, &made, error); });
    EXPECT_EQ(made == nullptr, answer.status != LMOPT_OK);
    team.reset(made);
    return answer;
  }
  static Team gpu() {
    Team team;
    EXPECT_OK(tryTeam("cuda", team));
    return team;
  }
  static Answer trySession(const Model &model, const lmopt_session_options_t &given, Session &session) {
    lmopt_session_options_t options = given;
    options.struct_size = sizeof options;
    lmopt_session_t *made = nullptr;
    Answer answer =
        tell([&](lmopt_error_t *error) { return lmopt_session_create(model.get(), &options, &made, error); });
    EXPECT_EQ(made == nullptr, answer.status != LMOPT_OK);
    session.reset(made);
    return answer;
  }
  static Answer trySession(const Model &model, const Team &team, Session &session) {
    lmopt_session_options_t options{};
    options.team = team.get();
    return trySession(model, options, session);
  }

  /// The logits after the last of these tokens.
  static std::vector<float> prefill(const Session &session, const std::vector<int32_t> &tokens) {
    std::vector<float> logits(fakeVocabulary);
    EXPECT_OK(tell([&](lmopt_error_t *error) {
      return lmopt_session_prefill(session.get(), tokens.data(), int64_t(tokens.size()), logits.data(), error);
    }));
    return logits;
  }
  static std::vector<float> decode(const Session &session, int32_t token) {
    std::vector<float> logits(fakeVocabulary);
    EXPECT_OK(
        tell([&](lmopt_error_t *error) { return lmopt_session_decode(session.get(), token, logits.data(), error); }));
    return logits;
  }
  /// All but the `top` greatest are -infinity: what decode_top gives where the model finds these alone.
  static std::vector<float> onlyGreatest(const std::vector<float> &logits, int32_t top) {
    std::vector<float> sorted = logits, left = logits;
    std::nth_element(sorted.begin(), sorted.begin() + (top - 1), sorted.end(), std::greater<>());
    for (float &number : left) // no two are equal
      number = number < sorted[size_t(top - 1)] ? -INFINITY : number;
    return left;
  }
  static Answer tryDecode(const Session &session, int32_t token = 1) {
    std::vector<float> logits(fakeVocabulary);
    return tell([&](lmopt_error_t *error) { return lmopt_session_decode(session.get(), token, logits.data(), error); });
  }

  static std::vector<int32_t> part(const std::vector<int32_t> &tokens, size_t from, size_t to) {
    return {tokens.begin() + std::ptrdiff_t(from), tokens.begin() + std::ptrdiff_t(to)};
  }
};

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_RUNTIME_DEVICESESSIONFIXTURE_H
