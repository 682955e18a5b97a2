// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.native: codes, scales and minima of a GGUF tensor as the file holds them, rows moved or all of them scaled.
// Tested by test/dialects/lm/weights*.mlir and test/unit/dialects/NativeTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/FileTensor.h"
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

/// Null for formats without codes.
static const GgufCodes *codesOf(GgufAttr tensor) {
  StringRef name = stringifyEnum(tensor.getFormat());
  return ggufCodes(static_cast<GgufType>(ggufTypeInfo(std::string_view(name.data(), name.size()))->id));
}

/// The weight whose rows `source` moves, or whose numbers it scales; null when it does neither.
static Attribute sourceOf(Attribute source) {
  return llvm::TypeSwitch<Attribute, Attribute>(source)
      .Case<PermuteRopeAttr, TakeRowsAttr, TakeBlocksAttr, ScaleAttr>([](auto a) -> Attribute { return a.getSource(); })
      .Default(Attribute());
}

GgufAttr NativeAttr::findTensor(Attribute source) {
  while (Attribute inner = sourceOf(source))
    source = inner;
  auto tensor = dyn_cast<GgufAttr>(source);
  return tensor && codesOf(tensor) ? tensor : GgufAttr();
}

LogicalResult NativeAttr::verify(EmitError emitError, Attribute source) {
  if (!findTensor(source))
    return emitError() << "C1: expected a #lm.gguf weight in one of the formats " << ggufTypesWithCodes()
                       << ", or a #lm.permute_rope, #lm.take_rows, #lm.take_blocks or #lm.scale of one, but found "
                       << source;
  return success();
}

WeightForm NativeAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  const GgufCodes &codes = *codesOf(findTensor(getSource()));
  form.groupedBits = codes.entries ? 0 : codes.bits;
  form.entries = codes.entries ? 16 : 0;
  form.group = codes.group;
  form.hasMin = codes.hasMin;
  return form;
}

//===- Its numbers -----------------------------------------------------------------------------------------------===//

/// Codes, scales and minima as the file holds them.
static FailureOr<WeightData> readCodes(Evaluation &evaluation, GgufAttr leaf) {
  const GgufFile *file = evaluation.openGguf(leaf.getPath());
  if (!file)
    return failure();
  auto tensor = findTensor(evaluation, *file, leaf.getKey(), stringifyEnum(leaf.getFormat()));
  if (failed(tensor))
    return failure();
  ArrayRef<int64_t> shape = (*tensor)->shape;
  if (shape.size() != 2) // whole blocks in a row, and with that whole groups, are the reader's rule
    return evaluation.error() << "expected a matrix, but " << printable(leaf.getKey().str()) << " is "
                              << shapeText(shape);
  const GgufCodes &codes = *codesOf(leaf);
  WeightData data;
  data.shape = (*tensor)->shape;
  data.group = codes.group;
  data.groupedBits = codes.entries ? 0 : codes.bits;
  if (codes.entries)
    data.table.assign(codes.entries, codes.entries + 16);
  data.s8.resize(elementsOf(shape));
  data.scales.resize(data.s8.size() / codes.group);
  data.minima.resize(codes.hasMin ? data.scales.size() : 0);
  Result<void> result = file->readCodes(**tensor, data.s8.data(), data.scales.data(), data.minima.data());
  if (!result)
    return evaluation.error(result.error());
  auto isFinite = [](float x) { return std::isfinite(x); };
  if (!llvm::all_of(data.scales, isFinite) || !llvm::all_of(data.minima, isFinite))
    return evaluation.error() << "tensor " << printable(leaf.getKey().str()) << " of " << printable(file->path())
                              << " holds a scale that is not finite; the file is damaged";
  return data;
}

static void scaleAll(WeightData &data, double factor) {
  for (std::vector<float> *numbers : {&data.scales, &data.minima})
    for (float &x : *numbers)
      x = static_cast<float>(x * factor);
}

/// The codes of the leaf, with what is done to rows and numbers above it.
static FailureOr<WeightData> readMoved(Evaluation &evaluation, Attribute source) {
  Attribute inner = sourceOf(source);
  if (!inner)
    return readCodes(evaluation, cast<GgufAttr>(source));
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

static LogicalResult narrowScales(Evaluation &evaluation, WeightData &data, GgufAttr leaf) {
  auto refuse = [&](StringRef what, float x) {
    return evaluation.error(kErrorUnsupported)
           << "tensor " << printable(leaf.getKey().str()) << " in format " << stringifyEnum(leaf.getFormat())
           << " has a " << what << " of " << std::to_string(x) << " (exponent " << std::ilogb(x)
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

FailureOr<WeightData> NativeAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> data = readMoved(evaluation, getSource());
  if (failed(data) || failed(narrowScales(evaluation, *data, findTensor(getSource()))))
    return failure();
  return data;
}
