// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A decoder that is fed chunks of tokens, for commands that look at all of its logits.
//
// In: an artifact, chunks. Out: rows of logits, those of one pass of the runtime at a time. Used by eval. Tested by
// test/tools/lmopt and test/e2e.
#ifndef LMOPT_TOOLS_LMOPT_EVALRUNNER_H
#define LMOPT_TOOLS_LMOPT_EVALRUNNER_H

#include "tools/lmopt/Model.h"

#include <functional>

namespace lmopt::driver {

struct EvalRunner {
  Model model;
  SessionPtr session;

  /// `context`: tokens of the longest chunk.
  static Result<EvalRunner> open(const std::string &path, int64_t context, const Place &place, const Context &caller);

  size_t vocabulary() const { return static_cast<size_t>(model.info.vocabulary); }
  /// Forgets what it has been fed.
  Result<void> restart();
  /// Feeds tokens [from, to) of the chunk; `logits` gets rows of those at `scored` or later.
  Result<void> feed(const int32_t *chunk, int64_t from, int64_t to, int64_t scored, std::vector<float> &logits);
  /// Of a model that can (info.token_scores): the logarithm of the probability of each token of the chunk but the
  /// first.
  Result<void> scoreNext(const int32_t *chunk, int64_t length, std::vector<float> &scores);
  /// A whole chunk, pass by pass; `take` gets a row for each token from `first` on but the last, which is never fed,
  /// and the token that came next.
  Result<void> score(const int32_t *chunk, int64_t length, int64_t first,
                     const std::function<void(const float *logits, int32_t next)> &take);
};

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_EVALRUNNER_H
