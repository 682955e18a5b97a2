// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Narrower heads. In: attention and its four linears. Out: the same with fewer numbers a head. From techniques 8.2.
// Tested by test/passes/low-rank-attention.
#ifndef LMOPT_PASSES_LOWRANKATTENTION_LOWRANKATTENTION_TD
#define LMOPT_PASSES_LOWRANKATTENTION_LOWRANKATTENTION_TD

include "mlir/Pass/PassBase.td"

def LmLowRankAttentionPass : Pass<"lm-low-rank-attention", "::mlir::ModuleOp"> {
  let summary = "let the heads of attention pass fewer numbers on";
  let description = [{
    Scores need only the product W_Qᵀ W_K of a head, results only W_O W_V. Both go through as many numbers as a head is wide; through
    fewer of them, chosen by statistics of `lmopt calibrate`, projections, cache and attention itself become narrower:

    ```mlir
    %q = lm.linear %x, @q : ... -> tensor<?x?x384xf32>
    %k = lm.linear %x, @k : ... -> tensor<?x?x384xf32>
    %v = lm.linear %x, @v : ... -> tensor<?x?x384xf32>
    %a = lm.attention %q, %k, %v lengths %n {heads = 12, kv_heads = 12, ...} : ... -> tensor<?x?x384xf32>
    %y = lm.linear %a, @o : ...
    // after, with rank=16: all of q, k, v, a are tensor<?x?x192xf32>
    lm.param @q : tensor<192x384xf32> = #lm.reduced_heads<scores, first, ...>       // @k: second
    lm.param @v : tensor<192x384xf32> = #lm.reduced_heads<outputs, second, ...>     // @o: first
    ```

    What is lost of the scores, and of the sum of the results, is least for the rank (`#lm.reduced_heads`); all heads get one. Queries
    and keys that are turned by rotary positions cannot be mixed: of them the pairs of numbers that contribute most to the scores
    stay as they are, the same ones in each head, and `rope` names their frequencies.

    `parts` says which: `both`, `scores` or `outputs`. Code for CPUs needs heads of one width, so one part alone is for the interpreter.

    Statistics must be of the model as it stands here. Attention stays as it is where weights or values are also used elsewhere, where
    rotary frequencies are scaled, or where rows beyond a text's length can be seen in a result. Remarks: `NarrowedScores`,
    `NarrowedOutputs`, with the numbers of a head that are kept and the relative error, sqrt(lost / all) of the squares of the scores,
    or of the variance of what the heads give for a value; `NotNarrowed` with the reason.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"stats", "stats", "std::string", /*default=*/"", "Statistics that `lmopt calibrate` made of this model">,
    Option<"rank", "rank", "int64_t", /*default=*/"-1", "Numbers of a head that are kept">,
    Option<"parts", "parts", "std::string", /*default=*/"\"both\"", "What becomes narrower: both, scores or outputs">,
    Option<"damping", "damping", "double", /*default=*/"1e-6",
           "Share of their mean power that is added to the numbers of a head before its inverse is taken">,
    Option<"base", "base", "std::string", /*default=*/"",
           "Where relative file names of weights start; default: the folder of the module's file">,
    ListOption<"layers", "layers", "std::string",
               "Patterns over names of the linears that make values, e.g. layers.3.attn.v; default: all">,
    ListOption<"skip", "skip", "std::string", "Patterns over names of linears to leave alone">
  ];
}

#endif // LMOPT_PASSES_LOWRANKATTENTION_LOWRANKATTENTION_TD
