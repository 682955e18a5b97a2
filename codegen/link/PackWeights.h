// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights in the order and layout in which the kernels read them (cpu::LinearSpec, cpu::RopeTable). In: one
// PackedWeight of a plan. Out: its bytes. One weight at a time, so that memory is bounded by the largest one. Tested by
// test/unit/codegen/PackWeightsTest.cpp.
#ifndef LMOPT_CODEGEN_LINK_PACKWEIGHTS_H
#define LMOPT_CODEGEN_LINK_PACKWEIGHTS_H

#include "codegen/lower/Plan.h"
#include "dialects/lm/Weights.h"

namespace lmopt::link {

/// The bytes of one weight, `weight.bytes` of them. Emits a located error on failure.
mlir::FailureOr<std::vector<char>> packWeight(const lower::PackedWeight &weight, lm::WeightReader &reader);

/// Packs all weights of a plan in order and hands them to `write(offset, bytes)`, two at a time in preparation (one for
/// each core of a small machine). Stops at the first failure.
mlir::LogicalResult packWeights(const lower::Plan &plan, lm::WeightReader &reader,
                                const std::function<mlir::LogicalResult(int64_t, const std::vector<char> &)> &write);

} // namespace lmopt::link

#endif
