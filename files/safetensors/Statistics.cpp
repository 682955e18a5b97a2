// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading statistics, strictly; see Statistics.h.
#include "files/safetensors/Statistics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

namespace lmopt {

Result<int64_t> statisticsTokens(const SafetensorsFile &file) {
  std::string_view text = file.findMetadata("tokens");
  int64_t tokens = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), tokens);
  if (failed == std::errc() && end == text.data() + text.size() && tokens > 0)
    return tokens;
  return malformed(printable(file.path()) +
                   " does not say how many tokens its sums are of; is it a file of `lmopt calibrate`?");
}

template <typename T>
static Result<std::vector<T>> read(const SafetensorsFile &file, const std::string &name, std::string_view type,
                                   const std::vector<int64_t> &shape) {
  const SafetensorsTensor *tensor = file.findTensor(name);
  if (!tensor)
    return malformed(printable(file.path()) + " has no tensor " + printable(name));
  int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
  if (tensor->type->name != type || tensor->shape != shape)
    return malformed("expected a tensor " + printable(name) + " of " + std::string(type) + " and " +
                     std::to_string(count) + " numbers in " + printable(file.path()) +
                     "; is it a file of `lmopt calibrate` for this model?");
  std::vector<T> numbers(static_cast<size_t>(count));
  std::memcpy(numbers.data(), tensor->data.data(), tensor->data.size());
  if (!std::all_of(numbers.begin(), numbers.end(), [](T number) { return std::isfinite(number); }))
    return malformed("tensor " + printable(name) + " of " + printable(file.path()) +
                     " holds a number that is not finite");
  return numbers;
}

Result<std::vector<double>> readStatistics(const SafetensorsFile &file, const std::string &tensor, int64_t count) {
  return read<double>(file, tensor, "F64", {count});
}
Result<std::vector<float>> readStatisticsF32(const SafetensorsFile &file, const std::string &tensor, int64_t count) {
  return read<float>(file, tensor, "F32", {count});
}
Result<std::vector<float>> readStatisticsRows(const SafetensorsFile &file, const std::string &tensor, int64_t rows,
                                              int64_t width) {
  return read<float>(file, tensor, "F32", {rows, width});
}

} // namespace lmopt
