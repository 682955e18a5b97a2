// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Implementation of TrainedRanges.h. PyTorch's files do not say which codes there were; scale and observed numbers do:
// the observer made one from the others by a formula for each kind of codes, and the kinds differ by more than
// rounding.
#include "frontends/huggingface/TrainedRanges.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

using namespace lmopt;

static constexpr const char *kGreatestOfWeight[] = {"._weight_quantizer._amax", ".weight_quantizer._amax"};
static constexpr const char *kGreatestOfInput[] = {"._input_quantizer._amax", ".input_quantizer._amax"};
static constexpr const char kWeightFakeQuant[] = ".weight_fake_quant.";
static constexpr const char kOutputFakeQuant[] = ".activation_post_process.";
static constexpr const char kOn[] = "fake_quant_enabled";
/// All that a fake quantization of PyTorch has in the file.
static constexpr const char *kParts[] = {kOn,
                                         "observer_enabled",
                                         "scale",
                                         "zero_point",
                                         "activation_post_process.min_val",
                                         "activation_post_process.max_val",
                                         "activation_post_process.eps"};
/// Where all is below it, NVIDIA's tools make zeros.
static constexpr double kLeastMagnitude = 0x1p-24;

static std::string shown(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", number);
  return text;
}

/// Whether codes can be made with steps of range / steps, in f32.
static bool makesCodes(double range, int64_t steps) {
  auto number = static_cast<float>(range);
  return number > 0 && std::isnormal(number / static_cast<float>(steps)) &&
         std::isnormal(static_cast<float>(steps) / number);
}

static bool endsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

//===- Numbers of tensors ----------------------------------------------------------------------------------------===//

template <class T>
static std::vector<double> integers(std::string_view data) {
  std::vector<T> numbers(data.size() / sizeof(T));
  std::memcpy(numbers.data(), data.data(), numbers.size() * sizeof(T));
  return std::vector<double>(numbers.begin(), numbers.end());
}

Result<std::vector<double>> TrainedRanges::read(const Checkpoint::Entry &entry) {
  const SafetensorsTensor &tensor = *entry.tensor;
  used.insert(tensor.name);
  std::string_view type = tensor.type->name;
  if (type == "U8" || type == "BOOL")
    return integers<uint8_t>(tensor.data);
  if (type == "I32")
    return integers<int32_t>(tensor.data);
  if (type == "I64")
    return integers<int64_t>(tensor.data);
  std::vector<float> numbers(static_cast<size_t>(tensor.rows() * tensor.columns()));
  if (Result<void> decoded = entry.file->decodeRows(tensor, 0, tensor.rows(), numbers.data()); !decoded)
    return decoded.error();
  return std::vector<double>(numbers.begin(), numbers.end());
}

/// The first of two names that is there.
static Checkpoint::Entry findEither(const Checkpoint &checkpoint, const std::string &module,
                                    const char *const (&names)[2]) {
  Checkpoint::Entry first = checkpoint.find(module + names[0]);
  return first ? first : checkpoint.find(module + names[1]);
}

/// One number, or one for each of `rows`.
static Result<void> checkSize(const Checkpoint::Entry &entry, size_t count, int64_t rows) {
  const std::vector<int64_t> &shape = entry.tensor->shape;
  bool perRow = !shape.empty() && shape.size() <= 2 && shape[0] == rows && static_cast<int64_t>(count) == rows;
  if (count == 1 || perRow)
    return {};
  std::string found = std::to_string(count);
  std::string expected = rows == 1 ? "one number" : "one number, or one for each of " + std::to_string(rows) + " rows";
  return unsupported(placeOf(entry) + ": expected " + expected + ", found " + found + ": not a range that lmopt knows");
}

static Error badRange(const Checkpoint::Entry &entry, double range) {
  return malformed(placeOf(entry) + ": expected positive numbers to make codes with, found " + shown(range));
}

//===- NVIDIA ----------------------------------------------------------------------------------------------------===//

static Result<void> checkMagnitudes(const Checkpoint::Entry &entry, const std::vector<double> &numbers) {
  for (double number : numbers)
    if (!(number > kLeastMagnitude) || !makesCodes(number, 127))
      return badRange(entry, number);
  return {};
}

static std::optional<float> onlyOne(const std::vector<double> &numbers) {
  return numbers.size() == 1 ? std::optional<float>(static_cast<float>(numbers[0])) : std::nullopt;
}

Result<std::optional<WeightRange>> TrainedRanges::greatestOfWeight(const std::string &module, int64_t rows) {
  Checkpoint::Entry entry = findEither(checkpoint, module, kGreatestOfWeight);
  if (!entry)
    return std::optional<WeightRange>();
  Result<std::vector<double>> numbers = read(entry);
  if (!numbers)
    return numbers.error();
  if (Result<void> size = checkSize(entry, numbers->size(), rows); !size)
    return size.error();
  if (Result<void> positive = checkMagnitudes(entry, *numbers); !positive)
    return positive.error();
  return std::optional<WeightRange>({entry, onlyOne(*numbers), /*steps=*/127, /*least=*/-128});
}

Result<std::optional<ActivationRange>> TrainedRanges::ofInput(const std::string &module) {
  Checkpoint::Entry entry = findEither(checkpoint, module, kGreatestOfInput);
  if (!entry)
    return std::optional<ActivationRange>();
  Result<std::vector<double>> numbers = read(entry);
  if (!numbers)
    return numbers.error();
  if (Result<void> size = checkSize(entry, numbers->size(), 1); !size)
    return size.error();
  if (Result<void> positive = checkMagnitudes(entry, *numbers); !positive)
    return positive.error();
  return std::optional<ActivationRange>({static_cast<float>(numbers->front()), 127, 128, 0, 255});
}

//===- PyTorch ---------------------------------------------------------------------------------------------------===//

/// Whether the fake quantization is in force; nothing when there is none.
std::optional<bool> TrainedRanges::isOn(const std::string &prefix) const {
  Checkpoint::Entry entry = checkpoint.find(prefix + kOn);
  if (!entry)
    return std::nullopt;
  std::string_view data = entry.tensor->data;
  return std::any_of(data.begin(), data.end(), [](char byte) { return byte != 0; });
}

Result<Checkpoint::Entry> TrainedRanges::require(const std::string &name) {
  if (Checkpoint::Entry entry = checkpoint.find(name))
    return entry;
  return malformed(checkpoint.files().front().path() + ": the tensor " + printable(name) +
                   ", which belongs to others of that beginning, is missing");
}

/// Scale and zero point, which must be there.
Result<void> TrainedRanges::readScales(const std::string &prefix, FakeQuantize &fake) {
  Result<Checkpoint::Entry> scale = require(prefix + "scale"), zero = require(prefix + "zero_point");
  if (!scale || !zero)
    return scale ? zero.error() : scale.error();
  Result<std::vector<double>> scales = read(*scale), zeros = read(*zero);
  if (!scales || !zeros)
    return scales ? zeros.error() : scales.error();
  fake.scale = *scale, fake.zero = *zero;
  fake.scales = scales.take(), fake.zeros = zeros.take();
  return {};
}

/// What the observer has, which other observers have not.
Result<void> TrainedRanges::readObserved(const std::string &prefix, FakeQuantize &fake) {
  for (auto [name, numbers] :
       {std::pair("min_val", &fake.least), std::pair("max_val", &fake.greatest), std::pair("eps", &fake.leastScale)}) {
    Checkpoint::Entry entry = checkpoint.find(prefix + "activation_post_process." + name);
    Result<std::vector<double>> there = entry ? read(entry) : Result<std::vector<double>>(std::vector<double>());
    if (!there)
      return there.error();
    *numbers = there.take();
  }
  if (fake.leastScale.empty())
    fake.leastScale = {std::numeric_limits<float>::epsilon()};
  return {};
}

Result<std::optional<TrainedRanges::FakeQuantize>> TrainedRanges::readFakeQuantize(const std::string &prefix) {
  if (isOn(prefix) != true)
    return std::optional<FakeQuantize>();
  FakeQuantize fake;
  if (Result<void> there = readScales(prefix, fake); !there)
    return there.error();
  if (Result<void> there = readObserved(prefix, fake); !there)
    return there.error();
  for (const char *part : kParts)
    used.insert(prefix + part);
  return std::optional<FakeQuantize>(std::move(fake));
}

/// Within what some roundings of f32 make of it; the kinds of codes differ by 0.4 % and more.
static bool isAbout(double a, double b) { return std::abs(a - b) <= 1e-4 * std::abs(b); }

static Error cannotTell(const Checkpoint::Entry &scale) {
  return unsupported(placeOf(scale) + ": which codes of 8 bits belong to it cannot be told from the observed numbers "
                                      "(activation_post_process.min_val, max_val); known are scales of PyTorch's "
                                      "min-max observers for qint8 weights and quint8 or qint8 activations");
}

/// Whether symmetric codes from `least` to 127 make these scales. A row with the observer's least scale tells nothing,
/// but one must.
bool TrainedRanges::FakeQuantize::hasCodesFrom(int64_t code) const {
  bool fits = true, told = false;
  for (size_t i = 0; i < scales.size(); ++i) {
    double wanted = std::max({-least[i], greatest[i], 0.0}) / (static_cast<double>(127 - code) / 2);
    bool isLeast = wanted <= leastScale[0] && isAbout(scales[i], leastScale[0]);
    fits = fits && (isLeast || isAbout(scales[i], wanted));
    told = told || !isLeast;
  }
  return fits && told;
}

/// -128 or -127; 0 when it is neither.
int64_t TrainedRanges::FakeQuantize::leastCode() const {
  if (least.size() != scales.size() || greatest.size() != scales.size() || leastScale.size() != 1)
    return 0;
  return hasCodesFrom(-128) ? -128 : hasCodesFrom(-127) ? -127 : 0;
}

Result<std::optional<WeightRange>> TrainedRanges::scalesOfWeight(const std::string &module, int64_t rows) {
  Result<std::optional<FakeQuantize>> found = readFakeQuantize(module + kWeightFakeQuant);
  if (!found)
    return found.error();
  if (!*found)
    return std::optional<WeightRange>();
  const FakeQuantize &fake = **found;
  if (Result<void> size = checkSize(fake.scale, fake.scales.size(), rows); !size)
    return size.error();
  for (double zero : fake.zeros)
    if (zero != 0)
      return unsupported(placeOf(fake.zero) + ": expected 0, found " + shown(zero) +
                         ": weights with a zero point are not supported; train them with a symmetric qscheme");
  for (double scale : fake.scales)
    if (!makesCodes(scale, 1))
      return badRange(fake.scale, scale);
  int64_t least = fake.leastCode();
  if (least == 0)
    return cannotTell(fake.scale);
  return std::optional<WeightRange>({fake.scale, onlyOne(fake.scales), /*steps=*/1, least});
}

namespace {
/// Codes from `least`, as many as `steps` and one more.
struct Kind {
  int64_t least, steps;
};
} // namespace

/// quint8, the same with reduce_range, qint8. Zero has a code, so the range reaches to it.
static std::optional<Kind> kindOfCodes(double scale, double zero, double low, double high) {
  low = std::min(low, 0.0), high = std::max(high, 0.0);
  for (Kind kind : {Kind{0, 255}, Kind{0, 127}, Kind{-128, 255}}) {
    double wantedZero = static_cast<double>(kind.least) - std::nearbyint(low / scale);
    if (isAbout(scale, (high - low) / static_cast<double>(kind.steps)) && zero == std::nearbyint(zero) &&
        std::abs(zero - wantedZero) <= 1)
      return kind;
  }
  return std::nullopt;
}

Result<std::optional<ActivationRange>> TrainedRanges::ofOutput(const std::string &module) {
  Result<std::optional<FakeQuantize>> found = readFakeQuantize(module + kOutputFakeQuant);
  if (!found)
    return found.error();
  if (!*found)
    return std::optional<ActivationRange>();
  const FakeQuantize &fake = **found;
  for (auto [entry, count] : {std::pair(&fake.scale, fake.scales.size()), std::pair(&fake.zero, fake.zeros.size())})
    if (Result<void> size = checkSize(*entry, count, 1); !size)
      return size.error();
  double scale = fake.scales[0], zero = fake.zeros[0];
  if (!makesCodes(scale, 1))
    return badRange(fake.scale, scale);
  if (fake.least.size() != 1 || fake.greatest.size() != 1)
    return cannotTell(fake.scale);
  std::optional<Kind> kind = kindOfCodes(scale, zero, fake.least[0], fake.greatest[0]);
  if (!kind || zero < static_cast<double>(kind->least) || zero > static_cast<double>(kind->least + kind->steps))
    return cannotTell(fake.scale);
  return std::optional<ActivationRange>(
      {static_cast<float>(scale), 1, static_cast<int64_t>(zero) - kind->least, 0, kind->steps});
}

//===- All -------------------------------------------------------------------------------------------------------===//

Result<std::optional<WeightRange>> TrainedRanges::ofWeight(const std::string &module, int64_t rows) {
  Result<std::optional<WeightRange>> greatest = greatestOfWeight(module, rows), scales = scalesOfWeight(module, rows);
  if (!greatest || !scales)
    return greatest ? scales : greatest;
  if (*greatest && *scales)
    return unsupported(placeOf((*scales)->numbers) + ": the weight has another range, " +
                       printable((*greatest)->numbers.tensor->name));
  return *greatest ? greatest : scales;
}

bool TrainedRanges::mayRemain(std::string_view tensor) const {
  if (used.find(tensor) != used.end())
    return true;
  for (std::string_view part : kParts)
    if (endsWith(tensor, part) && isOn(std::string(tensor.substr(0, tensor.size() - part.size()))) == false)
      return true;
  return false;
}

std::optional<std::string_view> TrainedRanges::moduleOf(std::string_view tensor) {
  for (std::string_view mark : {"quantizer.", "weight_fake_quant.", "activation_post_process."})
    if (size_t at = tensor.find(mark); at != tensor.npos)
      return tensor.substr(0, tensor.substr(0, at).rfind('.'));
  return std::nullopt;
}
