// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights that are made of other weights: permuted, rotated, scaled, summed, quantized; the arithmetic is in
// WeightKernels. See WeightEvaluation.h.
#include "dialects/lm/WeightEvaluation.h"
#include "dialects/lm/WeightKernels.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::lm;

FailureOr<WeightData> lmopt::lm::makeRow(Evaluation &evaluation, RowAttr attribute, WeightData source) {
  if (failed(evaluation.expectF32(source, 2, 2, attribute)))
    return failure();
  if (attribute.getIndex() >= source.rows())
    return evaluation.error() << "row " << attribute.getIndex() << " does not exist in a matrix of " << source.rows()
                              << " rows";
  auto begin = source.f32.begin() + attribute.getIndex() * source.columns();
  WeightData row;
  row.shape = {source.columns()};
  row.f32.assign(begin, begin + source.columns());
  return row;
}

FailureOr<WeightData> lmopt::lm::makeSum(Evaluation &evaluation, SumAttr attribute, WeightData a, const WeightData &b) {
  if (failed(evaluation.expectF32(a, 1, 4, attribute)) || failed(evaluation.expectF32(b, 1, 4, attribute)))
    return failure();
  if (a.shape != b.shape)
    return evaluation.error() << "expected two weights of one shape to add, but found " << shapeText(a.shape) << " and "
                              << shapeText(b.shape);
  for (auto [x, y] : llvm::zip_equal(a.f32, b.f32))
    x += y;
  return a;
}

FailureOr<WeightData> lmopt::lm::makeScale(Evaluation &evaluation, ScaleAttr attribute, WeightData source) {
  if (failed(evaluation.expectF32(source, 1, 4, attribute)))
    return failure();
  for (float &x : source.f32)
    x = float(x * double(attribute.getFactor()));
  return source;
}

/// Runs `combine(number, vector[column])` over a matrix.
template <class Attr, class Combine>
static FailureOr<WeightData> combineColumns(Evaluation &evaluation, Attr attribute, WeightData source,
                                            const WeightData &vector, Combine combine) {
  if (failed(evaluation.expectF32(source, 2, 2, attribute)) ||
      failed(evaluation.expectVector(vector, source.columns(), attribute)))
    return failure();
  const int64_t rows = source.rows(), columns = source.columns();
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      source.f32[r * columns + c] = combine(source.f32[r * columns + c], vector.f32[c]);
  return source;
}

FailureOr<WeightData> lmopt::lm::makeColumnScale(Evaluation &evaluation, ScaleColumnsAttr attribute, WeightData source,
                                                 const WeightData &vector) {
  return combineColumns(evaluation, attribute, std::move(source), vector, [](float x, float y) { return x * y; });
}

FailureOr<WeightData> lmopt::lm::makeRowSum(Evaluation &evaluation, AddToRowsAttr attribute, WeightData source,
                                            const WeightData &vector) {
  return combineColumns(evaluation, attribute, std::move(source), vector, [](float x, float y) { return x + y; });
}

FailureOr<WeightData> lmopt::lm::makeMatvecAdd(Evaluation &evaluation, MatvecAddAttr attribute,
                                               const WeightData &source, const WeightData &vector,
                                               const WeightData *bias) {
  if (failed(evaluation.expectF32(source, 2, 2, attribute)) ||
      failed(evaluation.expectVector(vector, source.columns(), attribute)) ||
      (bias && failed(evaluation.expectVector(*bias, source.rows(), attribute))))
    return failure();
  WeightData result;
  result.shape = {source.rows()};
  for (int64_t r = 0; r < source.rows(); ++r) {
    double sum = bias ? bias->f32[r] : 0.0;
    for (int64_t c = 0; c < source.columns(); ++c)
      sum += double(source.f32[r * source.columns() + c]) * vector.f32[c];
    result.f32.push_back(float(sum));
  }
  return result;
}

/// Row r of the result is row from(r) of the source; `columns` elements a row.
template <class T, class From>
static std::vector<T> permuteRows(const std::vector<T> &source, int64_t columns, From from) {
  std::vector<T> result(source.size());
  for (int64_t r = 0, rows = columns ? int64_t(source.size()) / columns : 0; r < rows; ++r)
    std::copy_n(source.begin() + from(r) * columns, columns, result.begin() + r * columns);
  return result;
}

FailureOr<WeightData> lmopt::lm::makePermutation(Evaluation &evaluation, PermuteRopeAttr attribute, WeightData source) {
  if (source.groupedBits == 0 && failed(evaluation.expectF32(source, 1, 2, attribute)))
    return failure();
  int64_t rows = source.rows(), columns = source.shape.size() == 2 ? source.columns() : 1;
  int64_t headRows = rows / attribute.getHeads(), dims = attribute.getDims() ? attribute.getDims() : headRows;
  if (rows % attribute.getHeads() != 0 || dims > headRows || dims % 2 != 0)
    return evaluation.error() << "cannot permute " << dims << " rotary rows in each of " << attribute.getHeads()
                              << " heads of a weight with " << rows << " rows";
  bool fromInterleaved = attribute.getFrom() == RopeLayout::interleaved;
  auto from = [&](int64_t row) { return permutedRow(row, headRows, dims, fromInterleaved); };
  source.f32 = permuteRows(source.f32, columns, from);
  source.s8 = permuteRows(source.s8, columns, from);
  if (source.groupedBits != 0) {
    source.scales = permuteRows(source.scales, source.groupsPerRow(), from);
    source.minima = permuteRows(source.minima, source.groupsPerRow(), from);
  }
  return source;
}

FailureOr<WeightData> lmopt::lm::makeRotation(Evaluation &evaluation, RotateColumnsAttr attribute, WeightData source) {
  if (failed(evaluation.expectF32(source, 1, 2, attribute)))
    return failure();
  if (source.columns() % attribute.getBlock() != 0)
    return evaluation.error() << "block " << attribute.getBlock() << " of the rotation does not divide the "
                              << source.columns() << " columns";
  rotateBlocks(source.f32.data(), int64_t(source.f32.size()), attribute.getBlock());
  return source;
}

FailureOr<WeightData> lmopt::lm::makeNarrow(Evaluation &evaluation, NarrowAttr attribute, WeightData source) {
  if (failed(evaluation.expectF32(source, 2, 2, attribute)))
    return failure();
  if (!narrowNumbers(source.f32.data(), int64_t(source.f32.size())))
    return evaluation.error() << "it holds a number that bf16 cannot; it cannot be narrowed";
  source.bf16 = true;
  return source;
}

FailureOr<WeightData> lmopt::lm::makeCodes(Evaluation &evaluation, QuantizeRowsAttr attribute,
                                           const WeightData &source) {
  if (failed(evaluation.expectF32(source, 2, 2, attribute)))
    return failure();
  const int64_t columns = source.columns();
  WeightData result;
  result.shape = source.shape;
  result.s8.resize(source.f32.size());
  result.scales.resize(source.rows());
  for (int64_t n = 0; n < source.rows(); ++n)
    if (!quantizeRow(&source.f32[n * columns], columns, &result.s8[n * columns], result.scales[n]))
      return evaluation.error() << "row " << n << " holds a number that is not finite; it cannot be quantized";
  return result;
}

FailureOr<WeightData> lmopt::lm::makeGroups(Evaluation &evaluation, QuantizeGroupsAttr attribute,
                                            const WeightData &source) {
  if (failed(evaluation.expectF32(source, 2, 2, attribute)))
    return failure();
  int64_t group = attribute.getGroup();
  if (source.columns() % group != 0)
    return evaluation.error() << "group " << group << " does not divide the " << source.columns() << " columns";
  WeightData result;
  result.shape = source.shape;
  result.group = group;
  result.groupedBits = attribute.getBits();
  result.s8.resize(source.f32.size());
  result.scales.resize(source.f32.size() / group);
  result.minima.resize(attribute.getHasMin() ? result.scales.size() : 0);
  for (size_t i = 0; i < result.scales.size(); ++i)
    if (!quantizeShortGroup(&source.f32[i * group], group, int(attribute.getBits()), &result.s8[i * group],
                            result.scales[i], attribute.getHasMin() ? &result.minima[i] : nullptr))
      return evaluation.error() << "row " << int64_t(i) * group / source.columns()
                                << " holds a number that is not finite or beyond what an f16 scale reaches; it cannot "
                                   "be quantized in groups";
  return result;
}
