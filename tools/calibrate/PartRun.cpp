// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packs of sequences through the runtime; see PartRun.h.
#include "tools/calibrate/PartRun.h"

#include "tools/support/RuntimeHandles.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lmopt {

/// All results of a pack of sequences take at most so much memory, or it is one sequence.
static constexpr int64_t kPackBytes = int64_t{256} << 20;
/// A pack is long enough that threads share its sums well, and no longer.
static constexpr int64_t kPackTokens = 4096;

namespace {

class Runner {
public:
  explicit Runner(PartRun &part) : part(part) {}

  Result<void> go() {
    if (!open())
      return Error{static_cast<int>(error.status), error.message};
    const std::vector<int64_t> &lengths = part.sequences.lengths;
    for (size_t first = 0; first < lengths.size();) {
      size_t count = packFrom(first);
      if (Result<void> ran = runPack(first, count); !ran)
        return ran;
      first += count;
      part.progress(static_cast<double>(token) / static_cast<double>(part.sequences.tokens()));
    }
    return {};
  }

private:
  PartRun &part;
  lmopt_error_t error = {};
  TeamPtr team;
  ModelPtr model;
  SessionPtr session;
  std::vector<int64_t> widths;
  std::vector<std::vector<float>> rows; ///< of each result, for the pack at hand
  int64_t token = 0;                    ///< where the pack at hand begins

  bool open() {
    lmopt_team_options_t teamOptions = {};
    teamOptions.struct_size = sizeof teamOptions;
    teamOptions.threads = part.threads;
    lmopt_team_t *madeTeam = nullptr;
    if (lmopt_team_create(&teamOptions, &madeTeam, &error) != LMOPT_OK)
      return false;
    team.reset(madeTeam);
    lmopt_model_t *opened = nullptr;
    if (lmopt_model_open(part.artifact.c_str(), nullptr, &opened, &error) != LMOPT_OK)
      return false;
    model.reset(opened);
    return readWidths() && openSession();
  }

  bool readWidths() {
    lmopt_model_info_t info = {};
    info.struct_size = sizeof info;
    if (lmopt_model_get_info(model.get(), &info, &error) != LMOPT_OK)
      return false;
    for (uint32_t i = 0; i < info.result_count; ++i) {
      lmopt_result_info_t result = {};
      result.struct_size = sizeof result;
      if (lmopt_model_get_result(model.get(), i, &result, &error) != LMOPT_OK)
        return false;
      widths.push_back(result.width);
    }
    rows.resize(widths.size());
    return true;
  }

  bool openSession() {
    lmopt_session_options_t options = {};
    options.struct_size = sizeof options;
    options.team = team.get();
    lmopt_session_t *made = nullptr;
    if (lmopt_session_create(model.get(), &options, &made, &error) != LMOPT_OK)
      return false;
    session.reset(made);
    return true;
  }

  size_t packFrom(size_t first) const {
    const std::vector<int64_t> &lengths = part.sequences.lengths;
    int64_t rowBytes = 4 * std::accumulate(widths.begin(), widths.end(), int64_t{0});
    int64_t most = std::min(kPackTokens, kPackBytes / rowBytes), tokens = lengths[first];
    size_t count = 1;
    while (first + count < lengths.size() && tokens + lengths[first + count] <= most)
      tokens += lengths[first + count++];
    return count;
  }

  Result<void> runPack(size_t first, size_t count) {
    auto begin = part.sequences.lengths.begin() + static_cast<ptrdiff_t>(first);
    int64_t tokens = std::accumulate(begin, begin + static_cast<ptrdiff_t>(count), int64_t{0});
    std::vector<float *> results;
    for (size_t i = 0; i < widths.size(); ++i) {
      rows[i].resize(static_cast<size_t>(tokens * widths[i]));
      results.push_back(rows[i].data());
    }
    if (lmopt_session_encode_all(session.get(), part.sequences.ids.data() + token, &*begin, static_cast<int64_t>(count),
                                 nullptr, results.data(), &error) != LMOPT_OK)
      return Error{static_cast<int>(error.status), error.message};
    sumUp(tokens);
    for (RowChange &change : part.changes)
      add(change, tokens);
    keep(part.head.input, tokens);
    keepLogits(part.head, tokens);
    for (KeptRows &kept : part.kept)
      keep(kept, tokens);
    token += tokens;
    if (part.next >= rows.size())
      return {};
    return part.handOn(rows[part.next].data(), static_cast<int64_t>(rows[part.next].size()));
  }

  void sumUp(int64_t tokens) {
    std::vector<MomentRows> values;
    for (size_t i = 0; i < part.moments.size(); ++i)
      values.push_back({&part.moments[i], rows[i].data()});
    addRows(values, tokens, lmopt_team_threads(team.get()));
  }

  // Row after row, in f64: the same bits whatever the packs.
  void add(RowChange &change, int64_t tokens) {
    int64_t width = widths[change.before];
    for (int64_t t = 0; t < tokens; ++t) {
      const float *before = rows[change.before].data() + t * width, *after = rows[change.after].data() + t * width;
      change.sum += 1 - cosine(before, after, width);
    }
  }

  /// Of rows without a direction: 1 when neither has one, else 0.
  static double cosine(const float *a, const float *b, int64_t width) {
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < width; ++i) {
      double x = a[i], y = b[i];
      ab += x * y, aa += x * x, bb += y * y;
    }
    if (aa == 0 || bb == 0)
      return aa == bb ? 1 : 0;
    return ab / std::sqrt(aa * bb);
  }

  /// Tells the tokens of the pack that are kept.
  template <typename Function>
  void forKept(int64_t stride, int64_t tokens, Function tellRow) {
    for (int64_t t = stride ? (stride - token % stride) % stride : tokens; t < tokens; t += stride)
      tellRow(t);
  }

  void keep(KeptRows &kept, int64_t tokens) {
    int64_t width = widths[kept.result];
    forKept(kept.stride, tokens, [&](int64_t t) {
      const float *row = rows[kept.result].data() + t * width;
      kept.rows.insert(kept.rows.end(), row, row + width);
    });
  }

  void keepLogits(HeadRows &head, int64_t tokens) {
    int64_t width = widths[head.logits];
    forKept(head.input.stride, tokens,
            [&](int64_t t) { head.lse.push_back(logSumExp(rows[head.logits].data() + t * width, width)); });
  }

  static double logSumExp(const float *logits, int64_t count) {
    double greatest = *std::max_element(logits, logits + count), sum = 0;
    for (int64_t i = 0; i < count; ++i)
      sum += std::exp(logits[i] - greatest);
    return greatest + std::log(sum);
  }
};

} // namespace

Result<void> PartRun::run() { return Runner(*this).go(); }

} // namespace lmopt
