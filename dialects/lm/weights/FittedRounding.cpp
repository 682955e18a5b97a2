// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding with feedback; see FittedRounding.h.
#include "dialects/lm/weights/FittedRounding.h"

#include "dialects/lm/weights/WeightKernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace lmopt::lm {

// As in LeastSquares.cpp: the same sums in the same order with and without AVX2, each product rounded.
#define LMOPT_FOR_ALL_CPUS __attribute__((target_clones("default", "arch=x86-64-v3")))
#pragma clang fp contract(off)

static constexpr int64_t kLanes = 32;

static int64_t roundUp(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

/// The product of two runs of numbers that are zero, one or the other, from `count` on to a multiple of kLanes.
LMOPT_FOR_ALL_CPUS static float dot(const float *a, const float *b, int64_t count) {
  float sums[kLanes] = {};
  for (int64_t i = 0; i < count; i += kLanes)
    for (int64_t k = 0; k < kLanes; ++k)
      sums[k] += a[i + k] * b[i + k];
  for (int64_t half = kLanes / 2; half > 0; half /= 2)
    for (int64_t k = 0; k < half; ++k)
      sums[k] += sums[k + half];
  return sums[0];
}

/// Half to even, for magnitudes below 2^22: as in WeightKernels.cpp.
static float roundNumber(float x) {
  const float magic = 12582912.0f;
  return (x + magic) - magic;
}

/// A group may begin anywhere and its in-group sums read a padded run from there.
int64_t Feedback::padded() const { return roundUp(size()) + kLanes; }

static std::vector<int64_t> chooseOrder(const SquareMatrix &moments, bool byMoments) {
  std::vector<int64_t> order(static_cast<size_t>(moments.size));
  std::iota(order.begin(), order.end(), 0);
  if (byMoments)
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return std::pair(-moments.row(a)[a], a) < std::pair(-moments.row(b)[b], b);
    });
  return order;
}

/// Backwards, so that the lower factor of `factorize` is the upper one that is wanted.
static SquareMatrix reversed(const SquareMatrix &moments, const std::vector<int64_t> &order) {
  int64_t size = moments.size;
  SquareMatrix result(size);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      result.row(i)[j] = moments.row(order[size_t(size - 1 - i)])[order[size_t(size - 1 - j)]];
  return result;
}

std::optional<Feedback> Feedback::create(const SquareMatrix &moments, double damping, bool byMoments) {
  Feedback result;
  int64_t size = moments.size;
  // Of a value that is always zero nothing matters; a positive number keeps the factor defined.
  double mean = moments.meanDiagonal(), added = mean > 0 ? damping * mean : 1;
  for (int64_t i = 0; i < size; ++i)
    if (!std::isfinite(moments.row(i)[i]))
      return std::nullopt;
  result.order = chooseOrder(moments, byMoments);
  for (int64_t i = 0; i < size; ++i)
    result.importances.push_back(mean > 0 ? moments.row(i)[i] / mean : 1);
  SquareMatrix factor = reversed(moments, result.order);
  factor.addToDiagonal(added);
  if (!factorize(factor))
    return std::nullopt;
  result.numbers.resize(size_t(size * result.padded()));
  result.costs.resize(size_t(size));
  for (int64_t place = 0; place < size; ++place) {
    int64_t column = size - 1 - place;
    double root = factor.row(column)[column];
    result.costs[size_t(place)] = static_cast<float>(root * root / (mean > 0 ? mean : 1));
    for (int64_t j = 0; j < place; ++j)
      result.numbers[size_t(place * result.padded() + j)] = static_cast<float>(factor.row(size - 1 - j)[column] / root);
  }
  return result;
}

float Feedback::takenUp(const float *lost, int64_t place, int64_t end) const { return dot(lost, shares(place), end); }

/// So many rows share a row of A while it is in the nearest cache.
static constexpr int64_t kTogether = 4;

static bool allFinite(const float *numbers, int64_t count) {
  return std::all_of(numbers, numbers + count, [](float x) { return std::isfinite(x); });
}

bool quantizeRowsFitted(const float *weights, int64_t rows, const Feedback &feedback, bool keepZeros, int8_t *codes,
                        float *scales) {
  const int64_t size = feedback.size(), padded = feedback.padded();
  std::vector<float> errors(size_t(kTogether * padded));
  for (int64_t first = 0; first < rows; first += kTogether) {
    int64_t end = std::min(first + kTogether, rows);
    for (int64_t r = first; r < end; ++r) // for the scale; the codes are written again
      if (!quantizeRow(weights + r * size, size, codes + r * size, scales[r]))
        return false;
    std::fill(errors.begin(), errors.end(), 0.0f);
    for (int64_t place = 0; place < size; ++place)
      for (int64_t r = first; r < end; ++r) {
        float *lost = errors.data() + (r - first) * padded, scale = scales[r];
        int64_t column = feedback.column(place);
        float weight = weights[r * size + column];
        float target = weight + dot(lost, feedback.shares(place), place);
        bool isZero = scale == 0 || (keepZeros && weight == 0);
        float code = isZero ? 0 : roundNumber(std::clamp(target / scale, -127.0f, 127.0f));
        codes[r * size + column] = static_cast<int8_t>(code);
        lost[place] = weight - scale * code;
      }
  }
  return true;
}

namespace {

/// One scale, or scale and minimum, and the codes that follow from it.
struct GroupChoice {
  float scale = 0, minimum = 0;
  float cost = std::numeric_limits<float>::infinity();
  std::vector<float> codes, errors; ///< errors: padded by kLanes zeros

  explicit GroupChoice(int64_t group) : codes(size_t(group)), errors(size_t(roundUp(group) + kLanes)) {}
};

/// Rounds the groups of one row after another.
class GroupRounder {
public:
  GroupRounder(const Feedback &feedback, const GroupFormat &format)
      : feedback(feedback), format(format), targets(size_t(format.group)), best(format.group), tried(format.group) {
    if (format.table)
      scales.emplace(*format.table, format.group);
  }

  /// `lost`: the errors of the columns before; zeros from `begin` on. False when a number does not fit.
  bool round(const float *weights, const float *lost, int64_t begin, float itsUnit) {
    unit = itsUnit;
    for (int64_t k = 0; k < format.group; ++k)
      targets[size_t(k)] = weights[begin + k] + dot(lost, feedback.shares(begin + k), begin);
    if (!allFinite(targets.data(), format.group))
      return false;
    best.cost = std::numeric_limits<float>::infinity();
    bool good = format.table    ? chooseCodebookScale(weights + begin, begin)
                : format.hasMin ? chooseRange(weights + begin, begin)
                                : chooseScale(weights + begin, begin);
    return good && std::isfinite(best.cost);
  }

  const GroupChoice &chosen() const { return best; }

private:
  const Feedback &feedback;
  const GroupFormat &format;
  float unit = 0;                    ///< of the row
  std::vector<float> targets;        ///< of the group, before anything of it is rounded
  std::optional<GroupScales> scales; ///< for a codebook
  GroupChoice best, tried;

  /// Both ends of the range drawn in.
  bool chooseRange(const float *weights, int64_t begin) {
    auto [least, greatest] = std::minmax_element(targets.begin(), targets.end());
    float low = *least, width = *greatest - *least;
    for (float above : {0.0f, 0.05f, 0.1f})
      for (float below : {0.0f, 0.05f, 0.1f}) {
        SmallScale range = rangeOf(low + above * width, width * (1 - above - below));
        if (!std::isfinite(range.minimum) || !std::isfinite(range.scale))
          return false;
        attempt(weights, begin, range.scale, range.minimum, 0, 15);
        if (best.cost == 0)
          return true;
      }
    return true;
  }

  SmallScale rangeOf(float low, float width) const {
    if (format.units)
      return roundToUnit(low, low + width, unit);
    return {roundToHalf(width / 15.0f), roundToHalf(low)};
  }

  bool chooseScale(const float *weights, int64_t begin) {
    auto [least, greatest] = std::minmax_element(targets.begin(), targets.end());
    float extreme = -*least > *greatest ? *least : *greatest;
    if (format.bits == 8) {
      float scale = roundToHalf(std::fabs(extreme) / 127.0f);
      attempt(weights, begin, scale, 0, -127, 127);
      return std::isfinite(scale);
    }
    for (float share : {1.0f, 0.95f, 0.9f, 0.85f, 0.8f}) {
      float scale = roundToHalf(share * extreme / -8.0f);
      if (!std::isfinite(scale))
        return false;
      attempt(weights, begin, scale, 0, -8, 7);
      if (best.cost == 0)
        return true;
    }
    return true;
  }

  /// The scale that costs least as long as the numbers of a group do not make up for each other, and its neighbours.
  bool chooseCodebookScale(const float *weights, int64_t begin) {
    float middle = scales->best(targets.data(), feedback.costsFrom(begin));
    if (!std::isfinite(middle))
      return false;
    for (float share : {1.0f, 0.96f, 1.04f}) {
      float scale = roundToHalf(share * middle);
      if (std::isfinite(scale))
        attempt(weights, begin, scale, 0, 0, 0);
      if (best.cost == 0)
        return true;
    }
    return true;
  }

  /// The code for a number in units of the scale, and what it stands for.
  std::pair<float, float> nearest(float number, float least, float greatest) const {
    if (!format.table) {
      float code = roundNumber(std::clamp(number, least, greatest));
      return {code, code};
    }
    uint8_t code = (*format.nearest)(number);
    return {code, (*format.table)[code]};
  }

  /// Rounds the group with that scale and minimum; keeps the result if it costs less than the best one.
  void attempt(const float *weights, int64_t begin, float scale, float minimum, float least, float greatest) {
    tried.scale = scale, tried.minimum = minimum, tried.cost = 0;
    std::fill(tried.errors.begin(), tried.errors.end(), 0.0f);
    for (int64_t k = 0; k < format.group; ++k) {
      float target = targets[size_t(k)] + dot(tried.errors.data(), feedback.shares(begin + k) + begin, k);
      bool isZero = scale == 0 || (format.keepZeros && weights[k] == 0);
      auto [code, number] = nearest(isZero ? 0 : (target - minimum) / scale, least, greatest);
      float value = scale * number + minimum, missed = target - value;
      tried.codes[size_t(k)] = code;
      tried.errors[size_t(k)] = weights[k] - value;
      tried.cost += feedback.cost(begin + k) * missed * missed;
    }
    if (tried.cost < best.cost)
      std::swap(tried, best);
  }
};

} // namespace

bool quantizeGroupsFitted(const float *weights, int64_t rows, const Feedback &feedback, const GroupFormat &format,
                          int8_t *codes, float *scales, float *minima) {
  const int64_t size = feedback.size(), groups = size / format.group, padded = feedback.padded();
  std::vector<float> errors(size_t(kTogether * padded));
  GroupRounder rounder(feedback, format);
  if (!allFinite(weights, rows * size))
    return false;
  for (int64_t first = 0; first < rows; first += kTogether) {
    std::fill(errors.begin(), errors.end(), 0.0f);
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t r = first; r < std::min(first + kTogether, rows); ++r) {
        float *lost = errors.data() + (r - first) * padded;
        if (!rounder.round(weights + r * size, lost, g * format.group, format.units ? format.units[r] : 0))
          return false;
        const GroupChoice &chosen = rounder.chosen();
        std::copy_n(chosen.errors.begin(), format.group, lost + g * format.group);
        std::copy_n(chosen.codes.begin(), format.group, codes + r * size + g * format.group);
        scales[r * groups + g] = chosen.scale;
        if (format.hasMin)
          minima[r * groups + g] = chosen.minimum;
      }
  }
  return true;
}

} // namespace lmopt::lm
