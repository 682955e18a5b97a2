// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights in the order and layout in which the kernels read them (the layouts are attributes that know it). In: one
// plan.weight. Out: its bytes. One weight at a time, so that memory is bounded by the largest one. Tested by
// test/unit/codegen/PackWeightsTest.cpp.
#ifndef LMOPT_CODEGEN_LINK_PACKWEIGHTS_H
#define LMOPT_CODEGEN_LINK_PACKWEIGHTS_H

#include "dialects/lm/Weights.h"
#include "dialects/plan/Plan.h"

#include <functional>

namespace lmopt::link {

/// The bytes of one weight, weight.getBytes() of them. Emits a located error on failure.
mlir::FailureOr<std::vector<char>> packWeight(plan::WeightOp weight, lm::WeightReader &reader);

/// Packs weights in order and hands them to `write(offset, bytes)`, two at a time in preparation (one for
/// each core of a small machine). Stops at the first failure.
mlir::LogicalResult packWeights(llvm::ArrayRef<plan::WeightOp> weights, lm::WeightReader &reader,
                                const std::function<mlir::LogicalResult(int64_t, const std::vector<char> &)> &write);

} // namespace lmopt::link

#endif
