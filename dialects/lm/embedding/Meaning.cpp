// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the ops of Embedding.td compute: from MLIR to the plain functions of Reference.h. Tested by
// test/dialects/lm/embedding.

#include "dialects/lm/embedding/Embedding.h"
#include "dialects/lm/embedding/Reference.h"
#include "dialects/lm/interpreter/Frame.h"

using namespace mlir;
using namespace lmopt::lm;

static FailureOr<RuntimeValues> embedding(EmbeddingOp op, Frame &frame) {
  FailureOr<reference::Weight> table = frame.matrix(op, op.getTableAttr());
  if (failed(table))
    return failure();
  return one(op, reference::embedding(frame.tensor(op.getIds()), *table, int64_t(op.getRotated().value_or(0))));
}

static FailureOr<RuntimeValues> addPositions(AddPositionsOp op, Frame &frame) {
  FailureOr<reference::Weight> table = frame.matrix(op, op.getTableAttr());
  if (failed(table))
    return failure();
  return one(op, reference::addPositions(frame.takeTensor(op.getInput()), *table, frame.positionsBefore()));
}

void lmopt::lm::registerEmbeddingMeanings(DialectRegistry &registry) { addMeanings<embedding, addPositions>(registry); }
