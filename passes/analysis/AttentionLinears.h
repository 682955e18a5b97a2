// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The linears around an attention, and what rewrites of them must know of it. In: lm.attention, the uses of weights.
// Out: linears, yes or no. Tested by test/passes/fold-value-bias, low-rank-attention, latent-attention, migrate-scales.
#ifndef LMOPT_PASSES_ANALYSIS_ATTENTIONLINEARS_H
#define LMOPT_PASSES_ANALYSIS_ATTENTIONLINEARS_H

#include "passes/analysis/ParamUses.h"

#include <string>
#include <vector>

namespace lmopt::lm {

struct AttentionLinears {
  LinearOp query, key, value, output;

  bool areAllThere() const { return query && key && value && output; }
};

/// Those of f32 whose weights are their own and whose results (of the output: whose input) nothing else uses; null
/// where there is none.
AttentionLinears findOwnLinears(AttentionOp attention, const ParamUses &uses);

/// That of the first that has one (ParamUses.h); all are there.
std::string reasonToKeepCodes(const AttentionLinears &linears, const ParamUses &uses);

/// The linear that alone reads the attention, or null.
LinearOp getOutputLinear(AttentionOp attention);

/// Rows beyond the length of a text are zero after attention, and not when a bias behind it takes up what values have
/// in common. That is unseen when all results of the function are pooled (rank 2); with a cache there are no such rows.
bool showsPaddedRows(AttentionOp attention);

/// Whether each row of keys and values is a sum of tokens whose shares need not sum to 1.
bool hasLearnedProjection(AttentionOp attention);

/// The channel of the values that each channel of the result is a mean of: heads of queries that read the same values
/// share them.
std::vector<int64_t> valueChannels(AttentionOp attention);

} // namespace lmopt::lm

#endif // LMOPT_PASSES_ANALYSIS_ATTENTIONLINEARS_H
