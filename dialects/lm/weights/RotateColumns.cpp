// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #lm.rotate_columns: W H, H the block-diagonal Hadamard matrix. Tested by test/dialects/lm/weights*.mlir and
// test/unit/dialects/WeightsTest.cpp.
#include "dialects/lm/weights/Evaluation.h"
#include "dialects/lm/weights/Forms.h"
#include "dialects/lm/weights/WeightKernels.h"

using namespace mlir;
using namespace lmopt::lm;

LogicalResult RotateColumnsAttr::verify(EmitError emitError, Attribute source, int64_t block) {
  FailureOr<WeightForm> form = expectF32(emitError, source, {"C1", "the source", 1, 2});
  if (failed(form))
    return failure();
  bool isPower = block >= 2 && block <= 65536 && (block & (block - 1)) == 0;
  if (!isPower || (form->shape && form->shape->back() % block != 0))
    return emitError() << "C2: expected a block that is a power of two from 2 to 65536 and divides the columns"
                       << (form->shape ? " (" + std::to_string(form->shape->back()) + ")" : "") << ", but found "
                       << block;
  return success();
}
WeightForm RotateColumnsAttr::getForm() const { return deriveForm(getSource()); }

FailureOr<WeightData> RotateColumnsAttr::evaluate(Evaluation &evaluation) const {
  FailureOr<WeightData> read = evaluation.readF32(getSource(), 1, 2, *this);
  if (failed(read))
    return failure();
  WeightData &source = *read;
  if (source.columns() % getBlock() != 0)
    return evaluation.error() << "block " << getBlock() << " of the rotation does not divide the " << source.columns()
                              << " columns";
  rotateBlocks(source.f32.data(), int64_t(source.f32.size()), getBlock());
  return read;
}
