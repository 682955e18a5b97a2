// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.distance_buckets: what is learned for ranges of distances, as a number for each distance. In: buckets x heads.
// Out: heads x (2 max + 1). Tested by test/dialects/lm/weights*.mlir and test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace lmopt::lm;

static constexpr int64_t kMostDistance = 65536;

static bool canBeBuckets(int64_t rows) { return rows > 0 && rows % 4 == 0; }

LogicalResult DistanceBucketsAttr::verify(EmitError emitError, Attribute source, int64_t max) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form))
    return failure();
  const int64_t rows = form->shape ? form->shape->front() : 4;
  if (!canBeBuckets(rows))
    return emitError() << "C2: expected a row for each bucket, a multiple of 4, found " << rows;
  if (max > rows / 4 && max <= kMostDistance)
    return success();
  return emitError() << "C3: expected a largest distance above a quarter of " << rows << " buckets and up to "
                     << kMostDistance << ", found " << max;
}

WeightForm DistanceBucketsAttr::getForm() const {
  WeightForm form = deriveForm(getSource());
  if (form.shape)
    form.shape = {form.shape->back(), 2 * getMax() + 1};
  return form;
}

/// Of one side: of `buckets` the first half are of one distance each.
static int64_t bucketOf(int64_t distance, int64_t buckets, int64_t max) {
  const int64_t exact = buckets / 2;
  if (distance < exact)
    return distance;
  const auto range = static_cast<float>(std::log(static_cast<double>(max) / static_cast<double>(exact)));
  const float part = std::log(static_cast<float>(distance) / static_cast<float>(exact)) / range;
  return std::min(buckets - 1, exact + static_cast<int64_t>(part * static_cast<float>(buckets - exact)));
}

FailureOr<WeightData> DistanceBucketsAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.readF32(getSource(), 2, 2, *this);
  if (failed(source))
    return failure();
  const int64_t buckets = source->rows(), heads = source->columns(), max = getMax(), width = 2 * max + 1;
  if (!canBeBuckets(buckets) || max <= buckets / 4)
    return evaluation.error() << "a table of " << buckets << " buckets; expected a multiple of 4, below four times the "
                              << "largest distance " << max;
  WeightData result;
  result.shape = {heads, width};
  result.f32.resize(heads * width);
  for (int64_t k = 0; k < width; ++k) {
    const int64_t side = k > max ? buckets / 2 : 0, bucket = side + bucketOf(std::abs(k - max), buckets / 2, max);
    for (int64_t head = 0; head < heads; ++head)
      result.f32[head * width + k] = source->f32[bucket * heads + head];
  }
  return result;
}
