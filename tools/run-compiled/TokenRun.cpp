// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sessions of the runtime; see TokenRun.h.
#include "tools/run-compiled/TokenRun.h"

#include "tools/support/RuntimeHandles.h"

#include <algorithm>
#include <cstring>

namespace lmopt {

namespace {

class Runner {
public:
  Runner(const TokenRun &run, int threads) : run(run), threads(threads) {}

  Result<std::vector<float>> go(const std::string &path) {
    lmopt_model_t *opened = nullptr;
    if (!isFine(lmopt_model_open(path.c_str(), nullptr, &opened, &error)))
      return failure();
    model.reset(opened);
    info.struct_size = sizeof info;
    if (!isFine(lmopt_model_get_info(opened, &info, &error)))
      return failure();
    return run.decoder ? decode() : encode();
  }

private:
  const TokenRun &run;
  int threads;
  ModelPtr model;
  lmopt_model_info_t info = {};
  lmopt_error_t error = {};

  static bool isFine(lmopt_status_t status) { return status == LMOPT_OK; }
  Error failure() const { return {static_cast<int>(error.status), error.message}; }

  SessionPtr openSession() {
    lmopt_session_options_t options = {};
    options.struct_size = sizeof options;
    options.threads = threads;
    options.context = run.decoder ? info.max_positions : 0;
    lmopt_session_t *session = nullptr;
    lmopt_session_create(model.get(), &options, &session, &error);
    return SessionPtr(session);
  }

  /// One for each sequence; none on failure.
  std::vector<SessionPtr> openSessions() {
    std::vector<SessionPtr> sessions;
    for (size_t i = 0; i < run.calls.front().size(); ++i) {
      sessions.push_back(openSession());
      if (!sessions.back())
        return {};
    }
    return sessions;
  }

  Result<std::vector<float>> encode() {
    const TokenRun::Sequences &sequences = run.calls.front();
    SessionPtr session = openSession();
    if (!session)
      return failure();
    std::vector<int32_t> tokens;
    std::vector<int64_t> lengths;
    for (const std::vector<int32_t> &sequence : sequences) {
      tokens.insert(tokens.end(), sequence.begin(), sequence.end());
      lengths.push_back(static_cast<int64_t>(sequence.size()));
    }
    std::vector<float> vectors(run.rows.size() * static_cast<size_t>(info.output_width));
    float *results[] = {vectors.data()};
    if (!isFine(lmopt_session_encode_all(session.get(), tokens.data(), lengths.data(),
                                         static_cast<int64_t>(lengths.size()), nullptr, results, &error)))
      return failure();
    return place(vectors);
  }

  Result<std::vector<float>> decode() {
    std::vector<float> whole, single;
    if (!prefill(whole) || !decodeSingly(single))
      return failure();
    if (whole.size() != single.size() || std::memcmp(whole.data(), single.data(), whole.size() * sizeof(float)) != 0)
      return Error{kErrorInternal, "the entries of the code disagree: tokens that come at once (prefill) and one after "
                                   "another (decode) give other bits"};
    return place(whole);
  }

  // All tokens of a sequence at once. Only the last call's vectors count.
  bool prefill(std::vector<float> &vectors) {
    std::vector<SessionPtr> sessions = openSessions();
    auto receive = [](void *user, int64_t, int64_t rows, const float *logits) {
      auto &[to, width] = *static_cast<std::pair<std::vector<float> *, int64_t> *>(user);
      to->insert(to->end(), logits, logits + rows * width);
      return 0;
    };
    std::pair<std::vector<float> *, int64_t> target(&vectors, info.output_width);
    for (const TokenRun::Sequences &call : run.calls)
      for (size_t i = 0; i < sessions.size(); ++i) {
        int64_t count = static_cast<int64_t>(call[i].size()), begin = &call == &run.calls.back() ? 0 : count;
        if (!isFine(
                lmopt_session_prefill_rows(sessions[i].get(), call[i].data(), count, begin, receive, &target, &error)))
          return false;
      }
    return !sessions.empty();
  }

  // One token of all sequences after another: rows come by position, and are put in the order of prefill.
  bool decodeSingly(std::vector<float> &vectors) {
    std::vector<SessionPtr> owners = openSessions();
    std::vector<lmopt_session_t *> sessions;
    for (const SessionPtr &owner : owners)
      sessions.push_back(owner.get());
    size_t width = static_cast<size_t>(info.output_width), length = run.calls.back().front().size();
    vectors.resize(sessions.size() * length * width);
    std::vector<float> together(sessions.size() * width);
    int64_t end = 0;
    for (const TokenRun::Sequences &call : run.calls) {
      end += static_cast<int64_t>(call.front().size());
      for (lmopt_session_t *session : sessions) // rotary scaling depends on the length, which prefill sees
        if (!isFine(lmopt_session_expect(session, end, &error)))
          return false;
      for (size_t t = 0; t < call.front().size(); ++t) {
        std::vector<int32_t> tokens;
        for (const std::vector<int32_t> &sequence : call)
          tokens.push_back(sequence[t]);
        if (!isFine(lmopt_sessions_decode(sessions.data(), static_cast<int64_t>(sessions.size()), tokens.data(),
                                          together.data(), &error)))
          return false;
        if (&call == &run.calls.back())
          for (size_t i = 0; i < sessions.size(); ++i)
            std::copy_n(together.data() + i * width, width, vectors.data() + (i * length + t) * width);
      }
    }
    return !sessions.empty();
  }

  std::vector<float> place(const std::vector<float> &vectors) const {
    std::vector<float> result(static_cast<size_t>(run.resultRows * run.width));
    for (size_t i = 0; i < run.rows.size(); ++i)
      std::copy_n(vectors.data() + i * static_cast<size_t>(info.output_width), run.width,
                  result.data() + run.rows[i] * run.width);
    return result;
  }
};

} // namespace

Result<std::vector<float>> runTokens(const std::string &artifact, const TokenRun &run, int threads) {
  return Runner(run, threads).go(artifact);
}

} // namespace lmopt
