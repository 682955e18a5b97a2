// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading statistics, strictly; see Statistics.h.
#include "passes/analysis/Statistics.h"

#include "files/Json.h"

#include "mlir/IR/Diagnostics.h"

#include <cstring>

using namespace mlir;

namespace lmopt::lm {

static InFlightDiagnostic fail(Operation *op, const SafetensorsFile &file) {
  return op->emitError("statistics '") << file.path() << "': ";
}

static std::string metadata(const SafetensorsFile &file, StringRef key) {
  for (const auto &[name, value] : file.metadata())
    if (key == name)
      return value;
  return "";
}

/// name -> fingerprint; false when the text is something else.
static bool readFingerprints(const SafetensorsFile &file, std::map<std::string, std::string> &fingerprints) {
  Result<nlohmann::json> values = parseJson(metadata(file, "values"), file.path());
  if (!values || !values->is_object())
    return false;
  for (const auto &[name, fingerprint] : values->items()) {
    if (!fingerprint.is_string())
      return false;
    fingerprints[name] = fingerprint.get<std::string>();
  }
  return true;
}

FailureOr<Statistics> Statistics::open(ModuleOp module, const std::string &path) {
  Result<SafetensorsFile> file = SafetensorsFile::open(path);
  if (!file)
    return module.emitError("statistics: ") << file.error().message;
  if (metadata(*file, "format") != kStatisticsFormat)
    return fail(module, *file) << "its metadata has no format '" << kStatisticsFormat
                               << "'; expected a file made by `lmopt calibrate`";
  Statistics statistics(file.take());
  bool good = !StringRef(metadata(statistics.file, "tokens")).getAsInteger(10, statistics.tokenCount) &&
              statistics.tokenCount > 0 && readFingerprints(statistics.file, statistics.fingerprints);
  if (!good)
    return fail(module, statistics.file)
           << "its metadata 'tokens' and 'values' are missing or damaged; calibrate again";
  if (metadata(statistics.file, "source") != sourceFingerprint(module))
    return fail(module, statistics.file) << "they were taken of another model; calibrate this one";
  return statistics;
}

/// The numbers of one tensor, which must have `count` of them; the fault else.
template <typename T>
static std::string copyTensor(const SafetensorsFile &file, const std::string &name, StringRef type, int64_t count,
                              std::vector<T> &numbers) {
  const SafetensorsTensor *tensor = file.findTensor(name);
  if (!tensor)
    return "no tensor '" + name + "'";
  if (StringRef(tensor->type->name) != type || tensor->shape != std::vector<int64_t>{count})
    return "tensor '" + name + "' is not " + type.str() + " [" + std::to_string(count) + "]";
  numbers.resize(static_cast<size_t>(count));
  std::memcpy(numbers.data(), tensor->data.data(), tensor->data.size());
  for (T number : numbers)
    if (!std::isfinite(number))
      return "tensor '" + name + "' holds a number that is not finite";
  return "";
}

FailureOr<ValueStatistics> Statistics::read(const ObservedValue &value) const {
  Value place = value.value;
  Operation *op = place.getDefiningOp() ? place.getDefiningOp() : place.getParentBlock()->getParentOp();
  auto known = fingerprints.find(value.name);
  if (known == fingerprints.end())
    return fail(op, file) << "nothing was measured for '" << value.name << "'; calibrate without leaving it out";
  if (known->second != value.fingerprint)
    return fail(op, file) << "what '" << value.name
                          << "' reads is computed otherwise than when they were taken: a pass before this one has "
                             "changed it; calibrate the model as that pass leaves it";
  ValueStatistics result;
  result.tokens = tokenCount;
  int64_t n = value.width();
  std::string fault = copyTensor(file, value.name + ".products", "F64", n * (n + 1) / 2, result.products);
  for (auto [suffix, numbers] : {std::pair(".sums", &result.sums), std::pair(".positive", &result.positive)})
    if (fault.empty())
      fault = copyTensor(file, value.name + suffix, "F64", n, *numbers);
  if (fault.empty())
    fault = copyTensor(file, value.name + ".greatest", "F32", n, result.greatest);
  if (!fault.empty())
    return fail(op, file) << fault << "; the file is damaged, calibrate again";
  return result;
}

} // namespace lmopt::lm
