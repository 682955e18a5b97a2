// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ops of Pooling.td compute: from MLIR to the plain functions of Reference.h. Tested by
// test/dialects/lm/pooling.

#include "dialects/lm/interpreter/Frame.h"
#include "dialects/lm/pooling/Pooling.h"
#include "dialects/lm/pooling/Reference.h"

using namespace mlir;
using namespace lmopt::lm;

static FailureOr<RuntimeValues> pool(PoolOp op, Frame &frame) {
  return one(reference::pool(frame.tensor(op.getInput()), frame.tensor(op.getLengths()), op.getPoolings()));
}

void lmopt::lm::registerPoolingMeanings(DialectRegistry &registry) { addMeanings<pool>(registry); }
