// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What no target has code for, because of how rows lie and are added (codegen/RowSums.h) and not of any of them. In:
// the op. Out: an error at it, by plan::refuse, where it is beyond. Tested by test/codegen/plan/limits.mlir.
#ifndef LMOPT_CODEGEN_PLAN_LIMITS_H
#define LMOPT_CODEGEN_PLAN_LIMITS_H

#include "dialects/lm/norm/Norm.h"
#include "dialects/lm/pooling/Pooling.h"

namespace lmopt::plan {

/// Norms of parts of a row: whole vectors.
mlir::LogicalResult checkNorm(lm::RmsNormOp norm);
/// Several rows side by side: each begins with a whole vector.
mlir::LogicalResult checkPooling(lm::PoolOp pool);

} // namespace lmopt::plan

#endif // LMOPT_CODEGEN_PLAN_LIMITS_H
