// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading second moments; see Moments.h. And #lm.statistics, which names them.
#include "dialects/lm/weights/Moments.h"

#include "dialects/lm/weights/Forms.h"

#include "files/safetensors/Statistics.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

LogicalResult StatisticsAttr::verify(EmitError emitError, StringRef path, StringRef key) {
  return verifyFileReference(emitError, path, key);
}

FailureOr<InputMoments> lmopt::lm::readMoments(Evaluation &evaluation, StatisticsAttr statistics, int64_t width) {
  const SafetensorsFile *file = evaluation.openSafetensors(statistics.getPath());
  if (!file)
    return failure();
  std::string name = statistics.getKey().str();
  Result<int64_t> tokens = statisticsTokens(*file);
  if (!tokens)
    return evaluation.error(tokens.error());
  Result<std::vector<double>> products = readStatistics(*file, name + ".products", width * (width + 1) / 2);
  if (!products)
    return evaluation.error(products.error());
  Result<std::vector<double>> sums = readStatistics(*file, name + ".sums", width);
  if (!sums)
    return evaluation.error(sums.error());
  InputMoments moments = {centredMoments(*products, *sums, *tokens), sums.take(), *tokens};
  for (double &sum : moments.mean)
    sum /= static_cast<double>(*tokens);
  return moments;
}

LogicalResult lmopt::lm::refuseMoments(Evaluation &evaluation, StatisticsAttr statistics) {
  if (!statistics)
    return evaluation.error() << "the matrix holds numbers that are not finite; the checkpoint is damaged";
  return evaluation.error() << "the statistics " << statistics << " are not those of values: their moments are not "
                            << "finite or not positive definite; calibrate again, or take a greater damping";
}

FailureOr<WeightData> lmopt::lm::readBiasOrZeros(Evaluation &evaluation, Attribute bias, int64_t size, Attribute user) {
  WeightData zeros;
  zeros.shape = {size};
  zeros.f32.resize(static_cast<size_t>(size));
  if (!bias)
    return zeros;
  FailureOr<WeightData> data = evaluation.readF32(bias, 1, 1, user);
  if (failed(data) || failed(evaluation.expectVector(*data, size, user)))
    return failure();
  return data;
}
