// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See TrainedCodes.h.
#include "dialects/lm/weights/TrainedCodes.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lmopt::lm;

/// What a weight that keeps codes is made from; null of others.
static Attribute sourceWithSameCodes(Attribute weight) {
  return llvm::TypeSwitch<Attribute, Attribute>(weight)
      .Case<PermuteRopeAttr, TakeRowsAttr, ReorderRowsAttr, ScaleAttr, ScaleRowsAttr>(
          [](auto a) { return a.getSource(); })
      .Default(Attribute());
}

static bool hasGivenCodes(Attribute leaf) {
  auto packed = dyn_cast<PackedAttr>(leaf);
  return isa<FakeQuantizeAttr>(leaf) || (packed && packed.hasRowCodes());
}

bool lmopt::lm::hasTrainedCodes(Attribute weight) {
  while (weight && !hasGivenCodes(weight))
    weight = sourceWithSameCodes(weight);
  return bool(weight);
}

static LogicalResult scaleRows(Evaluation &evaluation, ScaleRowsAttr user, std::vector<float> &scales) {
  FailureOr<WeightData> vector = evaluation.readF32(user.getVector(), 1, 1, user);
  if (failed(vector) || failed(evaluation.expectVector(*vector, int64_t(scales.size()), user)))
    return failure();
  for (auto [scale, factor] : llvm::zip_equal(scales, vector->f32))
    scale *= factor;
  return success();
}

FailureOr<WeightData> lmopt::lm::readTrainedCodes(Evaluation &evaluation, Attribute weight) {
  if (auto given = dyn_cast<FakeQuantizeAttr>(weight))
    return given.readCodes(evaluation);
  if (auto packed = dyn_cast<PackedAttr>(weight))
    return packed.readRowCodes(evaluation);
  FailureOr<WeightData> codes = readTrainedCodes(evaluation, sourceWithSameCodes(weight));
  if (failed(codes))
    return failure();
  if (auto permuted = dyn_cast<PermuteRopeAttr>(weight))
    return permuted.permute(evaluation, std::move(*codes));
  if (auto taken = dyn_cast<TakeRowsAttr>(weight))
    return taken.take(evaluation, std::move(*codes));
  if (auto ordered = dyn_cast<ReorderRowsAttr>(weight))
    return ordered.reorder(evaluation, std::move(*codes));
  if (auto scaled = dyn_cast<ScaleAttr>(weight))
    for (float &scale : codes->scales)
      scale = float(scale * double(scaled.getFactor()));
  if (auto scaled = dyn_cast<ScaleRowsAttr>(weight); scaled && failed(scaleRows(evaluation, scaled, codes->scales)))
    return failure();
  return codes;
}
