// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row functions of lm's embeddings. Weights: the table. Tested by test/unit/codegen/RowKernelTest.cpp and
// GroupedKernelTest.cpp.
#ifndef LMOPT_CODEGEN_CPU_EMBEDDING_EMBEDDINGROWS_H
#define LMOPT_CODEGEN_CPU_EMBEDDING_EMBEDDINGROWS_H

#include "codegen/cpu/linear/LinearSpec.h"
#include "codegen/cpu/rows/RowFunction.h"

namespace lmopt::cpu {

/// The row of an f32 table by token id.
RowFunctionRef embedding();
/// The same from the panels of a linear (tied head), whatever its format.
RowFunctionRef embedding(const LinearSpec &table);
/// + the row of an f32 table by position.
RowFunctionRef addPositions();

} // namespace lmopt::cpu

#endif
