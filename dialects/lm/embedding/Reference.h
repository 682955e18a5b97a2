// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of dialects/lm/embedding/Embedding.td as plain functions; an error where ids or lengths are out of range.
// Tested by test/dialects/lm/embedding and test/unit/dialects/ReferenceTest.cpp.

#ifndef LMOPT_DIALECTS_LM_EMBEDDING_REFERENCE_H
#define LMOPT_DIALECTS_LM_EMBEDDING_REFERENCE_H

#include "dialects/lm/interpreter/Values.h"

namespace lmopt::lm::reference {

/// With `rotatedBlock` > 0 the table is stored rotated, and rows are rotated back.
Result<Tensor> embedding(const Tensor &ids, const Weight &table, int64_t rotatedBlock);
/// `before`: positions that the rows follow.
Result<Tensor> addPositions(Tensor x, const Weight &table, int64_t before);

} // namespace lmopt::lm::reference

#endif // LMOPT_DIALECTS_LM_EMBEDDING_REFERENCE_H
