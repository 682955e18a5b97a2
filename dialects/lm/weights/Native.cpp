// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.native: codes, scales and minima of a GGUF tensor as the file holds them. Tested by
// test/dialects/lm/weights*.mlir and test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/FileTensor.h"
#include "dialects/lm/weights/Forms.h"

#include <cmath>

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

/// The groups of the block formats that are kept as they are.
static constexpr int64_t nativeGroup = 32;

GgufAttr NativeAttr::findTensor(Attribute source) {
  if (auto permuted = dyn_cast<PermuteRopeAttr>(source))
    source = permuted.getSource();
  else if (auto taken = dyn_cast<TakeRowsAttr>(source))
    source = taken.getSource();
  auto tensor = dyn_cast<GgufAttr>(source);
  bool known = tensor && llvm::is_contained({GgufFormat::q4_0, GgufFormat::q4_1, GgufFormat::q8_0}, tensor.getFormat());
  return known ? tensor : GgufAttr();
}

LogicalResult NativeAttr::verify(EmitError emitError, Attribute source) {
  if (!findTensor(source))
    return emitError() << "C1: expected a #lm.gguf weight in format q4_0, q4_1 or q8_0, or a #lm.permute_rope or "
                          "#lm.take_rows of one, but found "
                       << source;
  return success();
}
WeightForm NativeAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  GgufFormat format = findTensor(getSource()).getFormat();
  form.groupedBits = format == GgufFormat::q8_0 ? 8 : 4;
  form.group = nativeGroup;
  form.hasMin = format == GgufFormat::q4_1;
  return form;
}

/// Codes, scales and minima as the file holds them.
static FailureOr<WeightData> readCodes(Evaluation &evaluation, GgufAttr leaf) {
  const GgufFile *file = evaluation.openGguf(leaf.getPath());
  if (!file)
    return failure();
  auto tensor = findTensor(evaluation, *file, leaf.getKey(), stringifyEnum(leaf.getFormat()));
  if (failed(tensor))
    return failure();
  ArrayRef<int64_t> shape = (*tensor)->shape;
  constexpr int64_t group = nativeGroup;
  if (shape.size() != 2 || shape[1] % group != 0)
    return evaluation.error() << "expected a matrix whose columns are a multiple of 32, but "
                              << printable(leaf.getKey().str()) << " is " << shapeText(shape);
  WeightData data;
  data.shape = (*tensor)->shape;
  data.group = group;
  data.groupedBits = leaf.getFormat() == GgufFormat::q8_0 ? 8 : 4;
  data.s8.resize(elementsOf(shape));
  data.scales.resize(data.s8.size() / group);
  data.minima.resize(leaf.getFormat() == GgufFormat::q4_1 ? data.scales.size() : 0);
  Result<void> result = file->readCodes(**tensor, data.s8.data(), data.scales.data(), data.minima.data());
  if (!result)
    return evaluation.error(result.error());
  auto isFinite = [](float x) { return std::isfinite(x); };
  if (!llvm::all_of(data.scales, isFinite) || !llvm::all_of(data.minima, isFinite))
    return evaluation.error() << "tensor " << printable(leaf.getKey().str()) << " of " << printable(file->path())
                              << " holds a scale that is not finite; the file is damaged";
  return data;
}

FailureOr<WeightData> NativeAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> codes = readCodes(evaluation, findTensor(getSource()));
  if (failed(codes))
    return failure();
  if (auto permuted = dyn_cast<PermuteRopeAttr>(getSource()))
    return permuted.permute(evaluation, std::move(*codes));
  if (auto taken = dyn_cast<TakeRowsAttr>(getSource()))
    return taken.take(evaluation, std::move(*codes));
  return codes;
}
