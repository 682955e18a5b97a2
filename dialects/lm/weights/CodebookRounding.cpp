// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding to codebooks; see CodebookRounding.h.
#include "dialects/lm/weights/CodebookRounding.h"

#include "dialects/lm/weights/WeightKernels.h"

#include <algorithm>
#include <cmath>

namespace lmopt::lm {

static bool allFinite(const CodebookSource &source) {
  return std::all_of(source.weights, source.weights + source.rows * source.columns,
                     [](float x) { return std::isfinite(x); });
}

static double importance(const CodebookSource &source, int64_t column) {
  return source.feedback ? source.feedback->importance(column) : 1;
}

/// The best codebook for W / scale, `group` numbers of a row with one scale; entries within -reach .. reach.
static std::vector<double> findEntries(const CodebookSource &source, int64_t group, const std::vector<float> &scales,
                                       int64_t entries, double reach) {
  Histogram histogram(reach);
  for (int64_t i = 0; i < source.rows * source.columns; ++i) {
    double scale = scales[static_cast<size_t>(i / group)];
    if (scale != 0 && std::isfinite(scale)) // what has no scale is refused later
      histogram.add(source.weights[i] / scale, importance(source, i % source.columns) * scale * scale);
  }
  std::vector<double> found = optimalCodebook(histogram.getCells(), entries);
  for (double &entry : found)
    entry = std::clamp(entry, -reach, reach);
  return found;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

namespace {

/// Codes of rows whose scales and codebook are known.
class RowRounder {
public:
  RowRounder(const CodebookSource &source, CodebookResult &result)
      : source(source), result(result), nearest(result.table) {}

  void roundToNearest(int64_t row) {
    for (int64_t k = 0; k < source.columns; ++k)
      round(row, k, source.weights[row * source.columns + k]);
  }

  /// Several rows share a row of the factor while it is in the nearest cache.
  void roundFitted(int64_t first, int64_t end) {
    const Feedback &feedback = *source.feedback;
    std::vector<float> errors(static_cast<size_t>((end - first) * feedback.padded()));
    for (int64_t place = 0; place < source.columns; ++place)
      for (int64_t row = first; row < end; ++row) {
        float *lost = errors.data() + (row - first) * feedback.padded();
        int64_t column = feedback.column(place);
        float weight = source.weights[row * source.columns + column];
        lost[place] = weight - round(row, column, weight + feedback.takenUp(lost, place, place));
      }
  }

private:
  const CodebookSource &source;
  CodebookResult &result;
  NearestEntry nearest;

  /// The number that is stored for `target`.
  float round(int64_t row, int64_t column, float target) {
    float scale = result.scales[static_cast<size_t>(row)];
    uint8_t code = nearest(scale == 0 ? 0 : target / scale);
    result.codes[static_cast<size_t>(row * source.columns + column)] = static_cast<int8_t>(code);
    return scale * result.table[code];
  }
};

} // namespace

std::optional<CodebookResult> roundToRowCodebook(const CodebookSource &source, int64_t entries) {
  if (!allFinite(source))
    return std::nullopt;
  CodebookResult result;
  result.codes.resize(static_cast<size_t>(source.rows * source.columns));
  for (int64_t n = 0; n < source.rows; ++n) {
    const float *row = source.weights + n * source.columns;
    float greatest = 0;
    for (int64_t k = 0; k < source.columns; ++k)
      greatest = std::max(greatest, std::fabs(row[k]));
    result.scales.push_back(greatest);
  }
  for (double entry : findEntries(source, source.columns, result.scales, entries, 1))
    result.table.push_back(static_cast<float>(entry));
  RowRounder rounder(source, result);
  constexpr int64_t together = 4;
  for (int64_t first = 0; first < source.rows; first += together) {
    int64_t end = std::min(first + together, source.rows);
    if (source.feedback)
      rounder.roundFitted(first, end);
    for (int64_t row = first; !source.feedback && row < end; ++row)
      rounder.roundToNearest(row);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

namespace {

constexpr double kReach = 127;

/// The codebook of a matrix of more rows is that of so many of them, evenly spaced: 16 numbers are known from the
/// hundred thousands in these, and the search for scales, most of the time, is for them only.
constexpr int64_t kRowsForTable = 512;

std::vector<float> sampleRows(const CodebookSource &source) {
  std::vector<float> result;
  for (int64_t i = 0; i < kRowsForTable; ++i) {
    const float *row = source.weights + i * source.rows / kRowsForTable * source.columns;
    result.insert(result.end(), row, row + source.columns);
  }
  return result;
}

/// Scales and a codebook of integers that fit each other, then codes.
class GroupCodebook {
public:
  GroupCodebook(const CodebookSource &source, int64_t entries, int64_t group)
      : source(source), entries(entries), group(group) {
    for (int64_t k = 0; k < source.columns; ++k)
      importances.push_back(static_cast<float>(importance(source, k)));
  }

  std::vector<float> findTable() {
    chooseWholeScales();
    for (int time = 0; time < 4; ++time) {
      chooseTable();
      chooseScales();
    }
    chooseTable();
    return result.table;
  }

  std::optional<CodebookResult> round(std::vector<float> table) {
    result.codes.resize(static_cast<size_t>(source.rows * source.columns));
    result.scales.resize(result.codes.size() / static_cast<size_t>(group));
    result.table = std::move(table);
    if (source.feedback)
      return roundFitted() ? std::optional(std::move(result)) : std::nullopt;
    chooseScales();
    if (!std::all_of(result.scales.begin(), result.scales.end(), [](float scale) { return std::isfinite(scale); }))
      return std::nullopt;
    roundToNearest();
    return std::move(result);
  }

private:
  const CodebookSource &source;
  int64_t entries, group;
  CodebookResult result;
  std::vector<float> importances;

  /// The number of the greatest magnitude becomes 127.
  void chooseWholeScales() {
    for (const float *at = source.weights; at != source.weights + source.rows * source.columns; at += group)
      result.scales.push_back(roundToHalf(findExtreme(at, group) / static_cast<float>(kReach)));
  }

  void chooseTable() {
    result.table.clear();
    for (double entry : findEntries(source, group, result.scales, entries, kReach))
      result.table.push_back(static_cast<float>(std::nearbyint(entry)));
  }

  void chooseScales() {
    GroupScales scales(result.table, group);
    for (size_t g = 0; g < result.scales.size(); ++g)
      result.scales[g] =
          scales.best(source.weights + int64_t(g) * group, importances.data() + int64_t(g) * group % source.columns);
  }

  void roundToNearest() {
    NearestEntry nearest(result.table);
    for (size_t i = 0; i < result.codes.size(); ++i) {
      float scale = result.scales[i / static_cast<size_t>(group)];
      result.codes[i] = static_cast<int8_t>(nearest(scale == 0 ? 0 : source.weights[i] / scale));
    }
  }

  bool roundFitted() {
    NearestEntry nearest(result.table);
    GroupFormat format = {group, 0, false};
    format.table = &result.table;
    format.nearest = &nearest;
    return quantizeGroupsFitted(source.weights, source.rows, *source.feedback, format, result.codes.data(),
                                result.scales.data(), nullptr);
  }
};

} // namespace

std::optional<CodebookResult> roundToGroupCodebook(const CodebookSource &source, int64_t entries, int64_t group) {
  if (!allFinite(source))
    return std::nullopt;
  CodebookSource few = source;
  std::vector<float> sample;
  if (source.rows > kRowsForTable) {
    sample = sampleRows(source);
    few.weights = sample.data();
    few.rows = kRowsForTable;
  }
  return GroupCodebook(source, entries, group).round(GroupCodebook(few, entries, group).findTable());
}

} // namespace lmopt::lm
