// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading statistics, strictly; see Statistics.h.
#include "passes/analysis/Statistics.h"

#include "files/Json.h"
#include "files/safetensors/Statistics.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"

#include <numeric>

using namespace mlir;

namespace lmopt::lm {

static InFlightDiagnostic fail(Operation *op, const SafetensorsFile &file) {
  return op->emitError("statistics '") << file.path() << "': ";
}

/// name -> fingerprint; false when the text is something else.
static bool readFingerprints(const SafetensorsFile &file, std::map<std::string, std::string> &fingerprints) {
  Result<nlohmann::json> values = parseJson(file.findMetadata("values"), file.path());
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
  if (StringRef(file->findMetadata("format")) != kStatisticsFormat)
    return fail(module, *file) << "its metadata has no format '" << kStatisticsFormat
                               << "'; expected a file made by `lmopt calibrate`";
  Statistics statistics(file.take());
  Result<int64_t> tokens = statisticsTokens(statistics.file);
  statistics.tokenCount = tokens ? *tokens : 0;
  bool good = tokens && readFingerprints(statistics.file, statistics.fingerprints);
  if (!good)
    return fail(module, statistics.file)
           << "its metadata 'tokens' and 'values' are missing or damaged; calibrate again";
  if (statistics.file.findMetadata("source") != sourceFingerprint(module))
    return fail(module, statistics.file) << "they were taken of another model; calibrate this one";
  return statistics;
}

static InFlightDiagnostic damaged(Operation *op, const Error &error) {
  return op->emitError("statistics: ") << error.message << "; the file is damaged, calibrate again";
}

static Operation *placeOf(const ObservedValue &value) {
  Value place = value.value;
  return place.getDefiningOp() ? place.getDefiningOp() : place.getParentBlock()->getParentOp();
}

std::optional<std::string> Statistics::findName(const std::string &name, const std::string &fingerprint) const {
  if (auto own = fingerprints.find(name); own != fingerprints.end() && own->second == fingerprint)
    return name;
  for (const auto &[other, itsFingerprint] : fingerprints)
    if (itsFingerprint == fingerprint)
      return other;
  return std::nullopt;
}

FailureOr<StatisticsAttr> Statistics::findSource(const ObservedValue &value, bool &isOrigin) const {
  std::optional<std::string> name = findName(value.name, value.fingerprint);
  isOrigin = !name && !value.origin.empty();
  if (isOrigin)
    name = findName(value.name, value.origin);
  if (!name) {
    (void)read(value); // says why
    return failure();
  }
  llvm::SmallString<128> path(file.path());
  llvm::sys::fs::make_absolute(path);
  return StatisticsAttr::get(value.value.getContext(), path, *name);
}

FailureOr<FitAttr> Statistics::fit(ArrayRef<ObservedValue> values, double damping) const {
  llvm::SmallVector<StatisticsAttr> sources;
  Attribute times;
  int64_t rotated = 0;
  for (const ObservedValue &value : values) {
    bool isOrigin;
    FailureOr<StatisticsAttr> source = findSource(value, isOrigin);
    if (failed(source))
      return failure();
    Attribute itsTimes = isOrigin ? value.times : Attribute();
    int64_t itsRotated = isOrigin ? value.rotated : 0;
    if (!sources.empty() && (itsTimes != times || itsRotated != rotated))
      return fail(placeOf(value), file) << "'" << values.front().name << "' and '" << value.name
                                        << "' share a matrix, but what they read was scaled or rotated differently";
    times = itsTimes, rotated = itsRotated;
    if (!llvm::is_contained(sources, *source))
      sources.push_back(*source);
  }
  return FitAttr::get(values.front().value.getContext(), sources, times, rotated, Real(damping),
                      /*zeros=*/false);
}

LogicalResult Statistics::check(const ObservedValue &value) const {
  Operation *op = placeOf(value);
  auto known = fingerprints.find(value.name);
  if (known == fingerprints.end())
    return fail(op, file) << "nothing was measured for '" << value.name << "'; calibrate without leaving it out";
  if (known->second != value.fingerprint)
    return fail(op, file) << "what '" << value.name
                          << "' reads is computed otherwise than when they were taken: a pass before this one has "
                             "changed it; calibrate the model as that pass leaves it";
  return success();
}

FailureOr<double> Statistics::readChange(LinearOp last, const ObservedValue &input) const {
  if (failed(check(input)))
    return failure();
  std::string name = getPartName(last).str();
  if (!file.findTensor(name + ".change"))
    return fail(last, file) << "it does not say how '" << name
                            << "' changes the rows; an older lmopt made it, calibrate again";
  Result<std::vector<double>> sum = readStatistics(file, name + ".change", 1);
  if (!sum)
    return damaged(last, sum.error());
  return sum->front() / static_cast<double>(std::max<int64_t>(1, tokenCount));
}

FailureOr<double> Statistics::readPositiveShare(const ObservedValue &value) const {
  if (failed(check(value)))
    return failure();
  Result<std::vector<double>> counts = readStatistics(file, value.name + ".positive", value.width());
  if (!counts)
    return damaged(placeOf(value), counts.error());
  double all = static_cast<double>(tokenCount) * static_cast<double>(value.width());
  return std::accumulate(counts->begin(), counts->end(), 0.0) / all;
}

FailureOr<HeadRows> Statistics::readHeadRows(const ObservedValue &value) const {
  if (failed(check(value)))
    return failure();
  Operation *op = placeOf(value);
  const SafetensorsTensor *sums = file.findTensor(value.name + ".lse");
  if (!sums || sums->shape.size() != 1)
    return fail(op, file) << "no rows were kept of what '" << value.name
                          << "' reads; calibrate a decoder, with --head-rows above 0";
  HeadRows result;
  result.width = value.width();
  Result<std::vector<double>> lse = readStatistics(file, value.name + ".lse", sums->shape.front());
  Result<std::vector<float>> rows = readStatisticsRows(file, value.name + ".rows", sums->shape.front(), result.width);
  if (!lse || !rows)
    return damaged(op, lse ? rows.error() : lse.error());
  result.lse = lse.take(), result.rows = rows.take();
  return result;
}

FailureOr<std::vector<float>> Statistics::readBlockRows(const ObservedValue &value) const {
  if (failed(check(value)))
    return failure();
  const SafetensorsTensor *kept = file.findTensor(value.name + ".rows");
  if (!kept)
    return std::vector<float>();
  int64_t count = kept->shape.size() == 2 ? kept->shape.front() : -1;
  Result<std::vector<float>> rows = readStatisticsRows(file, value.name + ".rows", count, value.width());
  if (!rows)
    return damaged(placeOf(value), rows.error());
  return rows.take();
}

FailureOr<ValueStatistics> Statistics::read(const ObservedValue &value) const {
  if (failed(check(value)))
    return failure();
  Operation *op = placeOf(value);
  ValueStatistics result;
  result.tokens = tokenCount;
  int64_t n = value.width();
  std::optional<Error> fault;
  auto take = [&](auto read, const char *suffix, int64_t count, auto &numbers) {
    auto found = read(file, value.name + suffix, count);
    if (found)
      numbers = found.take();
    else if (!fault)
      fault = found.error();
  };
  take(readStatistics, ".products", n * (n + 1) / 2, result.products);
  take(readStatistics, ".sums", n, result.sums);
  take(readStatistics, ".positive", n, result.positive);
  take(readStatisticsF32, ".greatest", n, result.greatest);
  if (fault)
    return damaged(op, *fault);
  return result;
}

StatisticsAttr Statistics::attributeOf(const ObservedValue &value) const {
  llvm::SmallString<128> path(file.path());
  llvm::sys::fs::make_absolute(path);
  return StatisticsAttr::get(value.value.getContext(), path, value.name);
}

} // namespace lmopt::lm
