// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Models over sequences; see Quality.h.
#include "tools/compress/Quality.h"

#include "tools/lmopt/Scores.h"

#include <algorithm>
#include <cmath>

namespace lmopt {

using namespace driver;

double Quality::loss(Metric metric) const {
  switch (metric) {
  case Metric::KullbackLeibler:
    return divergence;
  case Metric::Perplexity:
    return perplexity / referencePerplexity - 1;
  case Metric::Cosine:
    return 1 - meanCosine;
  }
  return 0;
}

using TakeRow = std::function<void(const float *row, int32_t next)>;

namespace {
/// Takes the rows of one sequence as the runtime gives them.
struct Receiver {
  const TakeRow &take;
  const int32_t *next; ///< the token behind the row
  size_t width;

  static int receive(void *user, int64_t, int64_t rows, const float *logits) {
    auto &self = *static_cast<Receiver *>(user);
    for (int64_t i = 0; i < rows; ++i)
      self.take(logits + static_cast<size_t>(i) * self.width, *self.next++);
    return 0;
  }
};
} // namespace

/// The row behind token i predicts token i + 1, so the last token is never fed.
static Result<void> runDecoder(const Model &model, lmopt_session_t *session, const Sequences &sequences,
                               const TakeRow &take) {
  const int32_t *ids = sequences.ids.data();
  for (int64_t length : sequences.lengths) {
    lmopt_error_t error{};
    int64_t first = length / 8;
    Receiver receiver{take, ids + first + 1, static_cast<size_t>(model.info.vocabulary)};
    if (length > 1 &&
        (lmopt_session_truncate(session, 0, &error) != LMOPT_OK ||
         lmopt_session_prefill_rows(session, ids, length - 1, first, Receiver::receive, &receiver, &error) != LMOPT_OK))
      return runtimeError(error);
    ids += length;
  }
  return {};
}

static Result<void> runEncoder(const Model &model, lmopt_session_t *session, const Sequences &sequences,
                               const TakeRow &take) {
  std::vector<float> rows;
  lmopt_error_t error{};
  if (encodeAll(model, session, sequences.ids, sequences.lengths, rows, &error) != LMOPT_OK)
    return runtimeError(error);
  auto width = static_cast<size_t>(model.info.output_width);
  for (size_t at = 0; at < rows.size(); at += width)
    take(rows.data() + at, 0);
  return {};
}

Result<void> Judge::run(const std::string &artifact, const TakeRow &take, size_t &rowWidth) const {
  Result<Model> model = openModel(artifact);
  if (!model)
    return model.error();
  int64_t longest = *std::max_element(sequences.lengths.begin(), sequences.lengths.end());
  Result<SessionPtr> session =
      createSession(*model, {{threads, ""}, model->isDecoder() ? longest : 0, nullptr}, *context);
  if (!session)
    return session.error();
  rowWidth = static_cast<size_t>(model->isDecoder() ? model->info.vocabulary : model->info.output_width);
  if (width != 0 && rowWidth != width)
    return Error{kErrorInternal, "'" + artifact + "' gives rows of another width than the reference"};
  return model->isDecoder() ? runDecoder(*model, session->get(), sequences, take)
                            : runEncoder(*model, session->get(), sequences, take);
}

Result<Judge> Judge::create(const std::string &reference, Sequences sequences, const Context &context, int threads) {
  Judge judge(std::move(sequences), context, threads);
  Result<Model> model = openModel(reference);
  if (!model)
    return model.error();
  judge.decoder = model->isDecoder();
  Result<void> ran = judge.run(
      reference,
      [&](const float *row, int32_t) { judge.reference.insert(judge.reference.end(), row, row + judge.width); },
      judge.width);
  if (!ran)
    return ran.error();
  if (judge.reference.empty())
    return Error{kErrorUsage, "the text is too short to judge models by"};
  return judge;
}

/// 0 where a vector is all zeros.
static double cosine(const float *a, const float *b, size_t width) {
  double product = 0, first = 0, second = 0;
  for (size_t i = 0; i < width; ++i) {
    product += static_cast<double>(a[i]) * b[i];
    first += static_cast<double>(a[i]) * a[i];
    second += static_cast<double>(b[i]) * b[i];
  }
  return first > 0 && second > 0 ? product / std::sqrt(first * second) : 0;
}

Result<Quality> Judge::judge(const std::string &artifact) const {
  Quality quality;
  Scores scores(width);
  double sum = 0, least = 1;
  size_t rowWidth = 0;
  const float *expected = reference.data();
  Result<void> ran = run(
      artifact,
      [&](const float *row, int32_t next) {
        if (decoder) {
          scores.add(row, expected, next);
        } else {
          double one = cosine(row, expected, width);
          sum += one;
          least = std::min(least, one);
        }
        expected += width;
      },
      rowWidth);
  if (!ran)
    return ran.error();
  quality.rows = rows();
  if (decoder) {
    quality.divergence = scores.meanDivergence();
    quality.perplexity = scores.perplexity();
    quality.referencePerplexity = scores.referencePerplexity();
    quality.sameTop = scores.sameTop();
  } else {
    quality.meanCosine = sum / static_cast<double>(quality.rows);
    quality.leastCosine = least;
  }
  return quality;
}

} // namespace lmopt
