// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.fit: second moments from files of statistics, scaled and rotated as the measured values were since. Tested by
// test/dialects/lm/weights*.mlir and test/unit/models/FittedRoundingTest.cpp.
#include "dialects/lm/weights/Fit.h"

#include "files/safetensors/Statistics.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

static bool isVector(Attribute numbers) {
  auto dense = dyn_cast<DenseElementsAttr>(numbers);
  return dense && dense.getType().getRank() == 1 && dense.getElementType().isF32();
}

LogicalResult FitAttr::verify(EmitError emitError, ArrayRef<StatisticsAttr> statistics, Attribute times,
                              int64_t rotated, Real damping, bool) {
  if (statistics.empty())
    return emitError() << "C1: expected the statistics of at least one value";
  if (times && !isVector(times))
    return emitError() << "C2: expected a dense f32 vector to scale by, but found " << times;
  if (rotated != 0 && (rotated < 2 || rotated > 65536 || !llvm::isPowerOf2_64(static_cast<uint64_t>(rotated))))
    return emitError() << "C3: expected rotated blocks of a power of two from 2 to 65536, but found " << rotated;
  if (!(damping.value > 0))
    return emitError() << "C4: expected a positive damping, found " << damping.value;
  return success();
}

LogicalResult lmopt::lm::expectFit(EmitError emitError, FitAttr fit, const WeightForm &form, StringRef constraint) {
  if (!fit || !form.shape)
    return success();
  int64_t width = form.shape->back();
  if (auto times = dyn_cast_or_null<DenseElementsAttr>(fit.getTimes()); times && times.getNumElements() != width)
    return emitError() << constraint << ": expected a fit that scales " << width << " columns, but found "
                       << times.getNumElements();
  if (fit.getRotated() != 0 && width % fit.getRotated() != 0)
    return emitError() << constraint << ": expected a fit whose rotated blocks divide the " << width
                       << " columns, but found " << fit.getRotated();
  return success();
}

static LogicalResult addMoments(Evaluation &evaluation, StatisticsAttr statistics, SquareMatrix &sum) {
  const SafetensorsFile *file = evaluation.openSafetensors(statistics.getPath());
  if (!file)
    return failure();
  int64_t width = sum.size;
  Result<std::vector<double>> products =
      readStatistics(*file, statistics.getKey().str() + ".products", width * (width + 1) / 2);
  if (!products)
    return evaluation.error(products.error());
  const double *next = products->data();
  for (int64_t i = 0; i < width; ++i)
    for (int64_t j = 0; j <= i; ++j, ++next) {
      sum.row(i)[j] += *next;
      if (i != j)
        sum.row(j)[i] += *next;
    }
  return success();
}

/// M := diag(v) M diag(v).
static void scale(SquareMatrix &moments, DenseElementsAttr times) {
  std::vector<double> numbers;
  for (float number : times.getValues<float>())
    numbers.push_back(number);
  for (int64_t i = 0; i < moments.size; ++i)
    for (int64_t j = 0; j < moments.size; ++j)
      moments.row(i)[j] *= numbers[static_cast<size_t>(i)] * numbers[static_cast<size_t>(j)];
}

/// Each row times H, as rotateBlocks, in f64.
static void rotateRows(SquareMatrix &matrix, int64_t block) {
  const double norm = 1 / std::sqrt(static_cast<double>(block));
  for (double *x = matrix.numbers.data(); x != matrix.numbers.data() + matrix.size * matrix.size; x += block) {
    for (int64_t distance = 1; distance < block; distance *= 2)
      for (int64_t i = 0; i < block; ++i)
        if (double a = x[i], b = x[(i + distance) % block]; (i & distance) == 0)
          x[i] = a + b, x[i + distance] = a - b;
    for (int64_t i = 0; i < block; ++i)
      x[i] *= norm;
  }
}

static void transpose(SquareMatrix &matrix) {
  for (int64_t i = 0; i < matrix.size; ++i)
    for (int64_t j = 0; j < i; ++j)
      std::swap(matrix.row(i)[j], matrix.row(j)[i]);
}

FailureOr<SquareMatrix> lmopt::lm::readFitMoments(Evaluation &evaluation, FitAttr fit, int64_t width) {
  auto times = dyn_cast_or_null<DenseElementsAttr>(fit.getTimes());
  if ((times && times.getNumElements() != width) || (fit.getRotated() != 0 && width % fit.getRotated() != 0))
    return evaluation.error() << "the fit " << fit << " is not of a matrix with " << width << " columns";
  SquareMatrix moments(width);
  for (StatisticsAttr statistics : fit.getStatistics())
    if (failed(addMoments(evaluation, statistics, moments)))
      return failure();
  if (times)
    scale(moments, times);
  if (fit.getRotated() != 0) { // H M H
    rotateRows(moments, fit.getRotated());
    transpose(moments);
    rotateRows(moments, fit.getRotated());
  }
  return moments;
}

LogicalResult lmopt::lm::refuseFit(Evaluation &evaluation, FitAttr fit) {
  return evaluation.error() << "the statistics " << fit.getStatistics().front()
                            << " are not those of values: their moments are not finite or not positive definite; "
                               "calibrate again, or take a greater damping";
}

FailureOr<Feedback> lmopt::lm::readFeedback(Evaluation &evaluation, FitAttr fit, int64_t width, bool byMoments) {
  FailureOr<SquareMatrix> moments = readFitMoments(evaluation, fit, width);
  if (failed(moments))
    return failure();
  std::optional<Feedback> feedback = Feedback::create(*moments, fit.getDamping().value, byMoments);
  if (!feedback)
    return refuseFit(evaluation, fit);
  return std::move(*feedback);
}
