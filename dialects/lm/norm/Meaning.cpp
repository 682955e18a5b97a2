// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ops of Norm.td compute: from MLIR to the plain functions of Reference.h. Tested by test/dialects/lm/norm.

#include "dialects/lm/interpreter/Frame.h"
#include "dialects/lm/norm/Norm.h"
#include "dialects/lm/norm/Reference.h"

using namespace mlir;
using namespace lmopt::lm;

static FailureOr<RuntimeValues> rmsNorm(RmsNormOp op, Frame &frame) {
  FailureOr<const float *> weight = frame.vector(op, op.getWeightAttr());
  if (failed(weight))
    return failure();
  return one(reference::rmsNorm(frame.takeTensor(op.getInput()), *weight, op.getEps().convertToDouble(),
                                int64_t(op.getHeads())));
}

static FailureOr<RuntimeValues> layerNorm(LayerNormOp op, Frame &frame) {
  FailureOr<const float *> weight = frame.vector(op, op.getWeightAttr());
  FailureOr<const float *> bias = frame.vector(op, op.getBiasAttr());
  if (failed(weight) || failed(bias))
    return failure();
  return one(reference::layerNorm(frame.takeTensor(op.getInput()), *weight, *bias, op.getEps().convertToDouble()));
}

static FailureOr<RuntimeValues> l2Normalize(L2NormalizeOp op, Frame &frame) {
  return one(reference::l2Normalize(frame.takeTensor(op.getInput())));
}

void lmopt::lm::registerNormMeanings(DialectRegistry &registry) {
  addMeanings<rmsNorm, layerNorm, l2Normalize>(registry);
}
