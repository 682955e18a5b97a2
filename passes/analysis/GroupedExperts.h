// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From lm.experts to lm.grouped_experts: what passes that put weights in groups have in common there. A mixture is
// rewritten with all its matrices or stays as it is. In: an op and who uses which weight. Out: its matrices, reasons to
// leave it alone, the op on codes. Tested by test/passes/quantize-groups, keep-native.
#ifndef LMOPT_PASSES_ANALYSIS_GROUPEDEXPERTS_H
#define LMOPT_PASSES_ANALYSIS_GROUPEDEXPERTS_H

#include "passes/analysis/ParamUses.h"

#include <string>

namespace lmopt::lm {

/// A matrix of lm.experts as lm.grouped_experts wants it.
struct ExpertMatrix {
  ParamOp param;
  mlir::Attribute value; ///< of f32; of `values` with a row for each output
  int64_t rows, columns;
};

/// The matrices of a mixture; `up` only where the op has one.
struct ExpertMatrices {
  ExpertMatrices(ExpertsOp experts, const ParamUses &uses);

  ExpertsOp experts;
  llvm::SmallVector<ExpertMatrix, 3> all; ///< weight, up (if any), values
  llvm::ArrayRef<ExpertMatrix> readers() const { return llvm::ArrayRef(all).drop_back(); }
  const ExpertMatrix &values() const { return all.back(); }
};

/// Why the op must stay in f32 whatever its weights are, or an empty string.
std::string reasonToStayF32(const ExpertMatrices &matrices, const ParamUses &uses);

/// Puts lm.quantize_groups + lm.grouped_experts in the place of the op, whose matrices are in codes already.
void replaceByGroupedExperts(const ExpertMatrices &matrices);

/// Why formats other than groups leave lm.experts as they are.
inline constexpr llvm::StringLiteral kExpertsStayF32 =
    "experts are multiplied in f32, or in codes in groups (lm-quantize-groups, lm-keep-native)";

/// Says so, once for all of them: they are most of a model's weights, and nobody would expect it.
void warnOfExperts(llvm::ArrayRef<ExpertsOp> left, llvm::StringRef pass, llvm::StringRef reason = kExpertsStayF32);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_GROUPEDEXPERTS_H
