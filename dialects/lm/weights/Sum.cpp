// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.sum: two weights added, element by element. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult SumAttr::verify(EmitError emitError, Attribute lhs, Attribute rhs) {
  FailureOr<WeightForm> a = expectF32(emitError, lhs, {"C1", "the first source", 1, 4});
  FailureOr<WeightForm> b = expectF32(emitError, rhs, {"C1", "the second source", 1, 4});
  if (failed(a) || failed(b))
    return failure();
  if (!a->shape || !b->shape || *a->shape == *b->shape)
    return success();
  InFlightDiagnostic diagnostic = emitError();
  diagnostic << "C1: both sources must have one shape, but found ";
  printShape(diagnostic, *a->shape) << " and ";
  return printShape(diagnostic, *b->shape), failure();
}
WeightForm SumAttr::getForm() const {
  WeightForm lhs = *getWeightForm(getLhs()), rhs = *getWeightForm(getRhs()), form;
  form.shape = lhs.shape ? lhs.shape : rhs.shape;
  form.depth = std::max(lhs.depth, rhs.depth) + 1;
  form.leaves = lhs.leaves + rhs.leaves;
  return form;
}

FailureOr<WeightData> SumAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> first = evaluation.read(getLhs());
  if (failed(first))
    return failure();
  FailureOr<WeightData> second = evaluation.read(getRhs());
  if (failed(second))
    return failure();
  WeightData &a = *first, &b = *second;
  if (failed(evaluation.expectF32(a, 1, 4, *this)) || failed(evaluation.expectF32(b, 1, 4, *this)))
    return failure();
  if (a.shape != b.shape)
    return evaluation.error() << "expected two weights of one shape to add, but found " << shapeText(a.shape) << " and "
                              << shapeText(b.shape);
  for (auto [x, y] : llvm::zip_equal(a.f32, b.f32))
    x += y;
  return first;
}
