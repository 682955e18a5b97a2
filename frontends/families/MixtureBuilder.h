// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A mixture of experts as lm ops, whichever way the file holds the experts' matrices:
//
//   s = router(x)    g = top_gates(s)    y = sum over e of g[e] down_e(f(gate_e(x)) * up_e(x))
//
// Makers take the softmax of s over all experts, keep the greatest and may divide them by their sum. Softmax keeps the
// order, and exp s[e] / sum over all divided by the sum over the kept of the same is exp s[e] / sum over the kept: that
// is what `lm.top_gates` calls "chosen", and "all" where makers do not divide.
//
// In: a Mixture, the value that the block reads, ModelBuilder. Out: what is added to the residual stream. Weights are
// expressions over the file's tensors, which are read once, when the layer is packed. From: transformers'
// modeling_mixtral.py, modeling_qwen2_moe.py; llama.cpp. Tested by the fixtures mixtral-* and
// test/unit/frontends/ImportMixtureTest.cpp.
#ifndef LMOPT_FRONTENDS_FAMILIES_MIXTUREBUILDER_H
#define LMOPT_FRONTENDS_FAMILIES_MIXTUREBUILDER_H

#include "frontends/families/Mixture.h"
#include "frontends/families/ModelBuilder.h"

namespace lmopt {

/// `ffn` is the part that the block is: layers.3.ffn, with .router, .gates and .experts. Tensors by the dialect's
/// names:
///
///   ffn.router.weight               [E, IN]
///   ffn.experts.3.{gate,up,down}.weight    of each expert, [H, IN], [H, IN], [OUT, H]; or all of them as one:
///   ffn.experts.{gate,up,down}.weight      [E, H, IN], [E, H, IN], [E, OUT, H]
///   ffn.experts.gate_up_proj, .down_proj   as transformers 5 has them in memory, [E, 2 H, IN], [E, OUT, H]
mlir::Value buildMixture(ModelBuilder &model, const Mixture &mixture, Activation activation, const std::string &ffn,
                         mlir::Value input);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_FAMILIES_MIXTUREBUILDER_H
