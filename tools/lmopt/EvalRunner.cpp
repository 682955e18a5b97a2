// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chunks of tokens to rows of logits; see EvalRunner.h.
#include "tools/lmopt/EvalRunner.h"

#include <algorithm>

namespace lmopt::driver {

namespace {
struct Rows {
  std::vector<float> &logits; // (rows, vocabulary)
  size_t vocabulary;

  static int receive(void *user, int64_t, int64_t rows, const float *logits) {
    Rows &self = *static_cast<Rows *>(user);
    self.logits.insert(self.logits.end(), logits, logits + static_cast<size_t>(rows) * self.vocabulary);
    return 0;
  }
};
} // namespace

Result<EvalRunner> EvalRunner::open(const std::string &path, int64_t context, const Place &place,
                                    const Context &caller) {
  Result<Model> model = openModel(path, LMOPT_MODEL_DECODER, "eval");
  if (!model.ok())
    return model.error();
  if (context > model->info.max_positions)
    return Error{kErrorUsage, "--ctx " + std::to_string(context) + " is longer than '" + path +
                                  "' can take: " + std::to_string(model->info.max_positions) + " positions"};
  Result<SessionPtr> session = createSession(*model, {place, context, nullptr}, caller);
  if (!session.ok())
    return session.error();
  lmopt_error_t error{}; // the passes of a chunk are parts of one sequence, whose last token is never fed
  if (lmopt_session_expect(session->get(), context, &error) != LMOPT_OK)
    return runtimeError(error);
  return EvalRunner{model.take(), session.take()};
}

Result<void> EvalRunner::restart() {
  lmopt_error_t error{};
  if (lmopt_session_truncate(session.get(), 0, &error) != LMOPT_OK)
    return runtimeError(error);
  return {};
}

Result<void> EvalRunner::feed(const int32_t *chunk, int64_t from, int64_t to, int64_t scored,
                              std::vector<float> &logits) {
  logits.clear();
  Rows rows{logits, vocabulary()};
  lmopt_error_t error{};
  int64_t begin = std::clamp(scored, from, to) - from;
  if (lmopt_session_prefill_rows(session.get(), chunk + from, to - from, begin, Rows::receive, &rows, &error) !=
      LMOPT_OK)
    return runtimeError(error);
  return {};
}

Result<void> EvalRunner::scoreNext(const int32_t *chunk, int64_t length, std::vector<float> &scores) {
  scores.resize(static_cast<size_t>(length - 1));
  lmopt_error_t error{};
  if (lmopt_session_score(session.get(), chunk, chunk + 1, length - 1, scores.data(), &error) != LMOPT_OK)
    return runtimeError(error);
  return {};
}

Result<void> EvalRunner::score(const int32_t *chunk, int64_t length, int64_t first,
                               const std::function<void(const float *logits, int32_t next)> &take) {
  if (Result<void> restarted = restart(); !restarted.ok())
    return restarted;
  std::vector<float> logits;
  for (int64_t from = 0, pass = model.info.max_step_rows; from < length - 1; from += pass) {
    int64_t to = std::min(from + pass, length - 1);
    if (Result<void> fed = feed(chunk, from, to, first, logits); !fed.ok())
      return fed;
    const int32_t *next = chunk + std::max(from, first) + 1;
    for (size_t i = 0; i * vocabulary() < logits.size(); ++i)
      take(&logits[i * vocabulary()], next[i]);
  }
  return {};
}

} // namespace lmopt::driver
