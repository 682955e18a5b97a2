// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The search for scales; see ScaleSearch.h. Cost: rows times the square of their width for each of 21 powers.
#include "passes/migrate-scales/ScaleSearch.h"

#include "dialects/lm/weights/WeightKernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lmopt::lm {

std::optional<RoundingForm> RoundingForm::find(const std::string &name, int64_t group) {
  if (name == "int8")
    return RoundingForm{8, 0, false};
  if (name == "int4" || name == "int4-min")
    return RoundingForm{4, group, name == "int4-min"};
  return std::nullopt;
}

ScaleSearch::ScaleSearch(RoundingForm form, SquareMatrix moments, std::vector<int64_t> channels)
    : form(form), moments(std::move(moments)), channels(std::move(channels)) {}

/// The numbers that the codes stand for.
bool ScaleSearch::roundRow(std::vector<float> &row) const {
  int64_t width = moments.size, group = form.group == 0 ? width : form.group;
  std::vector<int8_t> codes(static_cast<size_t>(group));
  for (int64_t first = 0; first < width; first += group) {
    float *numbers = row.data() + first, scale = 0, minimum = 0;
    bool good = form.group == 0 ? quantizeRow(numbers, group, codes.data(), scale)
                                : quantizeShortGroup(numbers, group, form.bits, codes.data(), scale,
                                                     form.hasMin ? &minimum : nullptr);
    if (!good)
      return false;
    for (int64_t k = 0; k < group; ++k)
      numbers[k] = scale * static_cast<float>(codes[static_cast<size_t>(k)]) + minimum;
  }
  return true;
}

double ScaleSearch::error(const std::vector<float> &scales) const {
  const size_t width = static_cast<size_t>(moments.size);
  std::vector<float> lost(rows.size()), row(width);
  for (size_t first = 0; first < rows.size(); first += width) {
    for (size_t k = 0; k < width; ++k)
      row[k] = rows[first + k] * scales[static_cast<size_t>(channels[k])];
    if (!roundRow(row))
      return std::numeric_limits<double>::infinity();
    for (size_t k = 0; k < width; ++k)
      lost[first + k] = row[k] / scales[static_cast<size_t>(channels[k])] - rows[first + k];
  }
  return resultPower(lost.data(), static_cast<int64_t>(rows.size() / width), moments);
}

/// size^power over the geometric mean of the least and the greatest; a channel of which nothing was seen counts as the
/// least that was.
static std::vector<float> powers(const std::vector<double> &sizes, double power) {
  double least = std::numeric_limits<double>::infinity(), greatest = 0;
  for (double size : sizes)
    if (size > 0) {
      least = std::min(least, size);
      greatest = std::max(greatest, size);
    }
  if (greatest == 0)
    return std::vector<float>(sizes.size(), 1.0f);
  double middle = std::sqrt(std::pow(least, power) * std::pow(greatest, power));
  std::vector<float> result;
  for (double size : sizes)
    result.push_back(static_cast<float>(std::clamp(std::pow(std::max(size, least), power) / middle, 0x1p-20, 0x1p20)));
  return result;
}

ScaleSearch::Found ScaleSearch::find(const std::vector<double> &sizes) const {
  Found best = {std::vector<float>(sizes.size(), 1.0f), 0, 0, 0};
  best.error = best.errorWithout = error(best.scales);
  for (int twentieth = 1; twentieth <= 20; ++twentieth) {
    std::vector<float> scales = powers(sizes, twentieth / 20.0);
    if (double found = error(scales); found < best.error)
      best = {std::move(scales), twentieth / 20.0, found, best.errorWithout};
  }
  return best;
}

} // namespace lmopt::lm
