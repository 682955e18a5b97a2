// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.low_rank: the nearest product of two narrow matrices, multiplied out; and the factors for those who want them
// apart. Tested by test/dialects/lm/weights*.mlir, test/unit/dialects/LowRankFactorsTest.cpp and test/passes/low-rank.
#include "dialects/lm/weights/LowRank.h"

#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/LinearAlgebra.h"
#include "dialects/lm/weights/Moments.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

LogicalResult LowRankAttr::verify(EmitError emitError, Attribute source, LowRankMethod method, int64_t rank,
                                  StatisticsAttr statistics, Real damping, Real alpha) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form))
    return failure();
  int64_t most = form->shape ? std::min(form->shape->front(), form->shape->back()) : INT64_MAX;
  if (rank < 1 || rank > most)
    return emitError() << "C2: expected a rank from 1 to the lesser side of the matrix, found " << rank;
  if (!statistics != (method == LowRankMethod::plain))
    return emitError() << "C3: expected statistics with whitened and asvd, and none with plain";
  bool whitened = method == LowRankMethod::whitened, scaled = method == LowRankMethod::asvd;
  if (whitened ? !(damping.value > 0) : damping.value != 0)
    return emitError() << "C4: expected a positive damping with whitened and none otherwise, found " << damping.value;
  if (scaled ? !(alpha.value > 0 && alpha.value <= 1) : alpha.value != 0)
    return emitError() << "C4: expected an alpha in (0, 1] with asvd and none otherwise, found " << alpha.value;
  return success();
}
WeightForm LowRankAttr::getForm() const { return deriveForm(getSource()); }

static Metric metricOf(LowRankAttr weight, const InputMoments &moments) {
  if (weight.getMethod() == LowRankMethod::asvd)
    return rmsMetric(moments.centred, moments.mean, moments.count, weight.getAlpha().value);
  return whiteningMetric(moments.centred, weight.getDamping().value);
}

static std::shared_ptr<const FactoredWeight> factorizeWeight(Evaluation &evaluation, LowRankAttr weight) {
  FailureOr<WeightData> source = evaluation.readF32(weight.getSource(), 2, 2, weight);
  if (failed(source))
    return nullptr;
  int64_t rows = source->rows(), width = source->columns(), rank = weight.getRank();
  if (rank > std::min(rows, width))
    return (void)(evaluation.error() << "expected a rank of at most " << std::min(rows, width) << ", found " << rank),
           nullptr;
  FailureOr<InputMoments> moments = InputMoments();
  if (StatisticsAttr statistics = weight.getStatistics())
    moments = readMoments(evaluation, statistics, width);
  if (failed(moments))
    return nullptr;
  Metric metric = weight.getStatistics() ? metricOf(weight, *moments) : Metric();
  LowRankFactors factors = lowRankFactors(source->f32.data(), rows, width, metric, rank);
  if (factors.rank == 0)
    return (void)refuseMoments(evaluation, weight.getStatistics()), nullptr;
  auto made = std::make_shared<FactoredWeight>();
  *made = {rows, width, rank, {factors.left.begin(), factors.left.end()}, {factors.right.begin(), factors.right.end()},
           {}};
  if (weight.getMethod() == LowRankMethod::whitened)
    made->lostMean = lostResult(source->f32.data(), rows, moments->mean, factors);
  return made;
}

std::shared_ptr<const FactoredWeight> lmopt::lm::readFactors(Evaluation &evaluation, LowRankAttr weight) {
  return evaluation.shared<FactoredWeight>(weight, [&] { return factorizeWeight(evaluation, weight); });
}

FailureOr<WeightData> LowRankAttr::evaluate(Evaluation &evaluation) const {
  std::shared_ptr<const FactoredWeight> factors = readFactors(evaluation, *this);
  if (!factors)
    return failure();
  std::vector<double> left(factors->left.begin(), factors->left.end());
  std::vector<double> right(factors->right.begin(), factors->right.end());
  std::vector<double> product = productTransposed(left, factors->rows, transposed(right, factors->rank, factors->width),
                                                  factors->width, factors->rank);
  WeightData result;
  result.shape = {factors->rows, factors->width};
  result.f32.assign(product.begin(), product.end());
  return result;
}
