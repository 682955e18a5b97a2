// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.absorb_heads: A_gᵀ W_h for each head. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult AbsorbHeadsAttr::verify(EmitError emitError, Attribute source, Attribute factor, int64_t heads,
                                      int64_t kvHeads) {
  FailureOr<WeightForm> weight = expectF32(emitError, source, {"C1", "the source", 1, 2});
  FailureOr<WeightForm> narrow = expectF32(emitError, factor, {"C1", "the factor", 2, 2});
  if (failed(weight) || failed(narrow))
    return failure();
  if (kvHeads < 1 || heads < 1 || heads % kvHeads != 0 || (weight->shape && weight->shape->front() % heads != 0))
    return emitError() << "C2: " << heads << " heads and " << kvHeads
                       << " kv_heads: the second must divide the first, and that the rows of the source";
  if (narrow->shape && narrow->shape->front() % kvHeads != 0)
    return emitError() << "C3: " << kvHeads << " kv_heads do not divide the " << narrow->shape->front()
                       << " rows of the factor";
  if (weight->shape && narrow->shape && narrow->shape->front() / kvHeads != weight->shape->front() / heads)
    return emitError() << "C3: expected heads of one width, but found " << weight->shape->front() / heads << " and "
                       << narrow->shape->front() / kvHeads;
  return success();
}

WeightForm AbsorbHeadsAttr::getForm() const {
  WeightForm source = *getWeightForm(getSource()), factor = *getWeightForm(getFactor()), form;
  form.depth = std::max(source.depth, factor.depth) + 1;
  form.leaves = source.leaves + factor.leaves;
  if (source.shape && factor.shape) {
    form.shape = source.shape;
    form.shape->front() = getHeads() * factor.shape->back();
  }
  return form;
}

/// result [r, n] = sum over d of A[d, :]ᵀ W[d, :], in f64.
static void absorb(const float *factor, const float *weight, int64_t width, int64_t rank, int64_t columns,
                   float *result) {
  std::vector<double> sums(static_cast<size_t>(columns));
  for (int64_t r = 0; r < rank; ++r) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (int64_t d = 0; d < width; ++d)
      for (int64_t k = 0; k < columns; ++k)
        sums[k] += double(factor[d * rank + r]) * weight[d * columns + k];
    std::copy(sums.begin(), sums.end(), result + r * columns);
  }
}

FailureOr<WeightData> AbsorbHeadsAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.readF32(getSource(), 1, 2, *this);
  FailureOr<WeightData> factor = evaluation.readF32(getFactor(), 2, 2, *this);
  if (failed(source) || failed(factor))
    return failure();
  const int64_t heads = getHeads(), kvHeads = getKvHeads(), rank = factor->columns();
  if (source->rows() % heads != 0 || factor->rows() % kvHeads != 0 ||
      source->rows() / heads != factor->rows() / kvHeads)
    return evaluation.error() << "expected " << heads << " heads and " << kvHeads << " of one width, but found "
                              << source->rows() << " and " << factor->rows() << " rows";
  const int64_t width = source->rows() / heads;
  const int64_t columns = static_cast<int64_t>(source->f32.size()) / source->rows();
  WeightData result;
  result.shape = source->shape;
  result.shape.front() = heads * rank;
  result.f32.resize(static_cast<size_t>(heads * rank * columns));
  for (int64_t h = 0; h < heads; ++h)
    absorb(factor->f32.data() + h / (heads / kvHeads) * width * rank, source->f32.data() + h * width * columns, width,
           rank, columns, result.f32.data() + h * rank * columns);
  return result;
}
