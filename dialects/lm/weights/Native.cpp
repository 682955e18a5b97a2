// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.native: codes, scales and minima of a tensor as the file holds them, rows moved or all of them scaled; of experts
// those of one tensor with all their matrices, or of a tensor each.
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
      .Case<PermuteRopeAttr, TakeRowsAttr, TakeBlocksAttr, ScaleAttr, ReshapeAttr>(
          [](auto a) -> Attribute { return a.getSource(); })
      .Default(Attribute());
}

static FileCodesInterface leafOf(Attribute source) {
  while (Attribute inner = sourceOf(source))
    source = inner;
  return dyn_cast<FileCodesInterface>(source);
}

/// Those that stand below one another; else `source` alone.
static ArrayRef<Attribute> partsOf(const Attribute &source) {
  auto all = dyn_cast<ConcatRowsAttr>(source);
  return all ? all.getSources() : ArrayRef(source);
}

/// The codes of a part; none when they cannot be multiplied as they are.
static std::optional<FileCodes> usableCodes(Attribute part) {
  FileCodesInterface leaf = leafOf(part);
  std::optional<FileCodes> codes = leaf ? leaf.getFileCodes() : std::nullopt;
  return codes && codes->problem.empty() ? codes : std::nullopt;
}

/// Whether the codes of two tensors can be those of one matrix.
static bool areAlike(const FileCodes &a, const FileCodes &b) {
  return a.format == b.format && a.form.groupedBits == b.form.groupedBits && a.form.entries == b.form.entries &&
         a.form.group == b.form.group && a.form.hasMin == b.form.hasMin;
}

FileCodesInterface NativeAttr::findLeaf(Attribute source) {
  ArrayRef<Attribute> parts = partsOf(source);
  std::optional<FileCodes> first = usableCodes(parts.front());
  if (!first)
    return {};
  for (Attribute part : parts.drop_front())
    if (std::optional<FileCodes> codes = usableCodes(part); !codes || !areAlike(*first, *codes))
      return {};
  return leafOf(parts.front());
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
                     << ", a #lm.permute_rope, #lm.take_rows, #lm.take_blocks, #lm.scale or #lm.reshape of one, or a "
                        "#lm.concat_rows of several of one form, but found "
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

static LogicalResult expectMatrix(Evaluation &evaluation, const WeightData &data, const FileCodes &codes) {
  if (data.shape.size() == 2)
    return success();
  return evaluation.error() << "expected a matrix, but " << printable(codes.tensor.str()) << " is "
                            << shapeText(data.shape);
}

/// Matrices below one another: codes that share a scale stay side by side.
static FailureOr<WeightData> reshape(Evaluation &evaluation, WeightData data, ArrayRef<int64_t> shape) {
  bool keepsRows = shape.size() == 2 && shape.back() == data.columns() && elementsOf(shape) == elementsOf(data.shape);
  if (!keepsRows)
    return evaluation.error() << "expected codes whose rows stay whole as " << shapeText(shape) << ", but found "
                              << shapeText(data.shape);
  data.shape.assign(shape.begin(), shape.end());
  return data;
}

/// The codes of the leaf, with what is done to rows and numbers above it.
static FailureOr<WeightData> readMoved(Evaluation &evaluation, Attribute source) {
  Attribute inner = sourceOf(source);
  if (!inner)
    return cast<FileCodesInterface>(source).readFileCodes(evaluation);
  FailureOr<WeightData> data = readMoved(evaluation, inner); // the verifiers bound the depth
  if (failed(data))
    return failure();
  if (auto reshaped = dyn_cast<ReshapeAttr>(source))
    return reshape(evaluation, std::move(*data), reshaped.getShape());
  if (failed(expectMatrix(evaluation, *data, *leafOf(inner).getFileCodes())))
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

/// A matrix of one tensor, its scales as f16 holds them.
static FailureOr<WeightData> readPart(Evaluation &evaluation, Attribute part) {
  FileCodes codes = *leafOf(part).getFileCodes();
  FailureOr<WeightData> data = readMoved(evaluation, part);
  if (failed(data) || failed(expectMatrix(evaluation, *data, codes)) || failed(narrowScales(evaluation, *data, codes)))
    return failure();
  return data;
}

/// `part` below `all`; of `parts` there will be as many in the end, so that nothing is copied twice.
static LogicalResult append(Evaluation &evaluation, WeightData &all, const WeightData &part, size_t parts) {
  if (part.columns() != all.columns())
    return evaluation.error() << "expected matrices with rows of one width, but found " << shapeText(all.shape)
                              << " and " << shapeText(part.shape);
  auto add = [&](auto &numbers, const auto &more) {
    numbers.reserve(more.size() * parts);
    numbers.insert(numbers.end(), more.begin(), more.end());
  };
  add(all.s8, part.s8);
  add(all.scales, part.scales);
  add(all.minima, part.minima);
  all.shape.front() += part.rows();
  return success();
}

FailureOr<WeightData> NativeAttr::evaluate(Evaluation &evaluation) const {
  Attribute source = getSource();
  ArrayRef<Attribute> parts = partsOf(source);
  FailureOr<WeightData> all = readPart(evaluation, parts.front());
  if (failed(all))
    return failure();
  for (Attribute part : parts.drop_front()) {
    FailureOr<WeightData> data = readPart(evaluation, part);
    if (failed(data) || failed(append(evaluation, *all, *data, parts.size())))
      return failure();
  }
  if (getGroup())
    cutGroups(*all, getGroup());
  return all;
}
