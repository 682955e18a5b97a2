// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The umbrella that tablegen reads: all themes of the lm dialect.

#ifndef LMOPT_DIALECTS_LM_LMOPS_TD
#define LMOPT_DIALECTS_LM_LMOPS_TD

include "dialects/lm/LmDialect.td"
include "dialects/lm/LmTypes.td"
include "dialects/lm/LmAttributes.td"
include "dialects/lm/weights/Weights.td"
include "dialects/lm/LmParamOps.td"
include "dialects/lm/LmEmbeddingOps.td"
include "dialects/lm/LmLinearOps.td"
include "dialects/lm/LmNormOps.td"
include "dialects/lm/LmAttentionOps.td"
include "dialects/lm/LmElementwiseOps.td"
include "dialects/lm/LmPoolingOps.td"

#endif // LMOPT_DIALECTS_LM_LMOPS_TD
