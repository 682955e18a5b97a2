// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.native: codes, scales and minima of a tensor as the file holds them, rows moved or all of them scaled.
// Tested by test/dialects/lm/weights*.mlir and test/unit/dialects/NativeTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/TakeBlocks.h"
#include "dialects/lm/weights/WeightKernels.h"

#include "files/gguf/BlockCodes.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

//===- What it is made of ----------------------------------------------------------------------------------------===//

/// The weight whose rows `source` moves, or whose numbers it scales; null when it does neither.
static Attribute sourceOf(Attribute source) {
  return llvm::TypeSwitch<Attribute, Attribute>(source)
      .Case<PermuteRopeAttr, TakeRowsAttr, TakeBlocksAttr, ScaleAttr>([](auto a) -> Attribute { return a.getSource(); })
      .Default(Attribute());
}

static FileCodesInterface leafOf(Attribute source) {
  while (Attribute inner = sourceOf(source))
    source = inner;
  return dyn_cast<FileCodesInterface>(source);
}

FileCodesInterface NativeAttr::findLeaf(Attribute source) {
  FileCodesInterface leaf = leafOf(source);
  std::optional<FileCodes> codes = leaf ? leaf.getFileCodes() : std::nullopt;
  return codes && codes->problem.empty() ? leaf : FileCodesInterface();
}

static LogicalResult verifyGroup(EmitError emitError, int64_t group, int64_t whole) {
  if (group == 0 || (group > 0 && whole % group == 0))
    return success();
  return emitError() << "C2: expected parts that divide groups of " << whole << ", but found " << group;
}

LogicalResult NativeAttr::verify(EmitError emitError, Attribute source, int64_t group) {
  if (FileCodesInterface leaf = findLeaf(source))
    return verifyGroup(emitError, group, leaf.getFileCodes()->form.group);
  if (FileCodesInterface leaf = leafOf(source))
    if (std::optional<FileCodes> codes = leaf.getFileCodes())
      return emitError() << "C1: expected codes that can be multiplied as they are, but found " << codes->problem;
  return emitError() << "C1: expected a #lm.packed weight, a #lm.gguf one in one of the formats "
                     << ggufTypesWithCodes()
                     << ", or a #lm.permute_rope, #lm.take_rows, #lm.take_blocks or #lm.scale of one, but found "
                     << source;
}

WeightForm NativeAttr::getForm() const {
  WeightForm form = deriveForm(getSource()), codes = findLeaf(getSource()).getFileCodes()->form;
  form.groupedBits = codes.groupedBits;
  form.entries = codes.entries;
  form.group = getGroup() ? getGroup() : codes.group;
  form.hasMin = codes.hasMin;
  return form;
}

//===- Its numbers -----------------------------------------------------------------------------------------------===//

static void scaleAll(WeightData &data, double factor) {
  for (std::vector<float> *numbers : {&data.scales, &data.minima})
    for (float &x : *numbers)
      x = static_cast<float>(x * factor);
}

/// The codes of the leaf, with what is done to rows and numbers above it.
static FailureOr<WeightData> readMoved(Evaluation &evaluation, Attribute source) {
  Attribute inner = sourceOf(source);
  if (!inner)
    return cast<FileCodesInterface>(source).readFileCodes(evaluation);
  FailureOr<WeightData> data = readMoved(evaluation, inner); // the verifiers bound the depth
  if (failed(data))
    return failure();
  if (auto permuted = dyn_cast<PermuteRopeAttr>(source))
    return permuted.permute(evaluation, std::move(*data));
  if (auto taken = dyn_cast<TakeRowsAttr>(source))
    return taken.take(evaluation, std::move(*data));
  if (auto blocks = dyn_cast<TakeBlocksAttr>(source))
    return takeBlocks(evaluation, std::move(*data), blocks);
  scaleAll(*data, double(cast<ScaleAttr>(source).getFactor()));
  return data;
}

/// Whether all numbers of the group are zero, whatever its scale.
static bool isZero(const WeightData &data, size_t group) {
  auto size = static_cast<size_t>(data.group);
  ArrayRef<int8_t> codes = ArrayRef(data.s8).slice(group * size, size);
  return llvm::all_of(codes, [&](int8_t code) { return data.table.empty() ? code == 0 : data.table[code] == 0; });
}

/// Rounds to f16; false when that moves x by more than 2^-11 of itself: beyond 65504, or below 2^-14 and not a multiple
/// of 2^-24, which products of an f16 and an integer are.
static bool narrow(float &x) {
  float exact = x;
  x = roundToHalf(exact);
  return std::fabs(double(x) - exact) <= 0x1p-11 * std::fabs(double(exact));
}

static LogicalResult narrowScales(Evaluation &evaluation, WeightData &data, const FileCodes &codes) {
  auto refuse = [&](StringRef what, float x) {
    return evaluation.error(kErrorUnsupported)
           << "tensor " << printable(codes.tensor.str()) << " in format " << codes.format << " has a " << what << " of "
           << std::to_string(x) << " (exponent " << std::ilogb(x)
           << "), which f16 does not hold; leave it out of lm-keep-native (option skip), or use the recipe f32 or int8";
  };
  for (size_t g = 0; g < data.scales.size(); ++g) {
    float exact = data.scales[g];
    if (!narrow(data.scales[g]) && !isZero(data, g))
      return refuse("scale", exact);
    if (!std::isfinite(data.scales[g]))
      data.scales[g] = 0; // of a group of zeros
  }
  for (float &minimum : data.minima)
    if (float exact = minimum; !narrow(minimum))
      return refuse("minimum", exact);
  return success();
}

/// Each number `times` times on end.
static std::vector<float> repeated(const std::vector<float> &numbers, int64_t times) {
  std::vector<float> result;
  result.reserve(numbers.size() * times);
  for (float number : numbers)
    result.insert(result.end(), times, number);
  return result;
}

static void cutGroups(WeightData &data, int64_t group) {
  int64_t parts = data.group / group;
  data.scales = repeated(data.scales, parts);
  data.minima = repeated(data.minima, parts);
  data.group = group;
}

FailureOr<WeightData> NativeAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> data = readMoved(evaluation, getSource());
  if (failed(data) || failed(narrowScales(evaluation, *data, *findLeaf(getSource()).getFileCodes())))
    return failure();
  if (getGroup())
    cutGroups(*data, getGroup());
  return data;
}
