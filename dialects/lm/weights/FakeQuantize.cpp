// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.fake_quantize: a matrix as training saw it, with ranges that the checkpoint carries. Tested by
// test/dialects/lm/weights*.mlir, test/dialects/lm/rounded-weights-invalid.mlir and test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/WeightKernels.h"

using namespace mlir;
using namespace lmopt::lm;

/// Whether ranges of this shape are one number, or one for each of `rows`.
static bool fitsRows(ArrayRef<int64_t> shape, int64_t rows) {
  return (shape.size() == 1 || shape[1] == 1) && (shape[0] == 1 || shape[0] == rows);
}

static LogicalResult verifyRanges(EmitError emitError, Attribute ranges, const WeightForm &matrix) {
  FailureOr<WeightForm> form = expectF32(emitError, ranges, {"C2", "the ranges", 1, 2});
  if (failed(form))
    return failure();
  if (!form->shape || fitsRows(*form->shape, matrix.shape ? matrix.shape->front() : form->shape->front()))
    return success();
  InFlightDiagnostic diagnostic = emitError();
  diagnostic << "C2: expected one range or one for each row, but found ";
  return printShape(diagnostic, *form->shape), failure();
}

LogicalResult FakeQuantizeAttr::verify(EmitError emitError, Attribute source, Attribute ranges, int64_t steps,
                                       int64_t least) {
  FailureOr<WeightForm> form = expectMatrix(emitError, source);
  if (failed(form) || failed(verifyRanges(emitError, ranges, *form)))
    return failure();
  if (steps < 1 || steps > 255)
    return emitError() << "C3: expected steps from 1 to 255, but found " << steps;
  if (least != -127 && least != -128)
    return emitError() << "C4: expected -127 or -128 as the least code, but found " << least;
  return success();
}
WeightForm FakeQuantizeAttr::getForm() const { return deriveForm({getSource(), getRanges()}); }

/// One range a row.
static FailureOr<std::vector<float>> readRanges(Evaluation &evaluation, FakeQuantizeAttr user, int64_t rows) {
  FailureOr<WeightData> read = evaluation.readF32(user.getRanges(), 1, 2, user);
  if (failed(read))
    return failure();
  if (!fitsRows(read->shape, rows))
    return evaluation.error() << "expected one range, or one for each of " << rows << " rows, but found "
                              << shapeText(read->shape);
  for (auto [row, range] : llvm::enumerate(read->f32))
    if (!makesCodes(range, user.getSteps()))
      return evaluation.error() << "range " << row << " is " << range
                                << "; expected a positive number, neither too large nor too small to make codes with";
  if (read->f32.size() == 1)
    read->f32.assign(rows, read->f32.front());
  return std::move(read->f32);
}

FailureOr<WeightData> FakeQuantizeAttr::readCodes(Evaluation &evaluation) const {
  FailureOr<WeightData> source = evaluation.readF32(getSource(), 2, 2, *this);
  if (failed(source))
    return failure();
  FailureOr<std::vector<float>> ranges = readRanges(evaluation, *this, source->rows());
  if (failed(ranges))
    return failure();
  const int64_t columns = source->columns();
  WeightData result;
  result.shape = source->shape;
  result.s8.resize(source->f32.size());
  for (int64_t n = 0; n < source->rows(); ++n) {
    float factor = float(getSteps()) / (*ranges)[n];
    if (!takeCodes(&source->f32[n * columns], columns, factor, int(getLeast()), &result.s8[n * columns]))
      return evaluation.error() << "row " << n << " holds a number that is not finite; the checkpoint is damaged";
    result.scales.push_back((*ranges)[n] / float(getSteps()));
  }
  return result;
}

FailureOr<WeightData> FakeQuantizeAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> codes = readCodes(evaluation);
  if (failed(codes))
    return failure();
  WeightData result;
  result.shape = codes->shape;
  result.f32.reserve(codes->s8.size());
  for (auto [i, code] : llvm::enumerate(codes->s8))
    result.f32.push_back(codes->scales[int64_t(i) / codes->columns()] * float(code));
  return result;
}
