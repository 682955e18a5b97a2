// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention over few projected keys and values. In: lm.attention of encoders. Out: lm.attention ... project. Lossy. From
// techniques 9.6. Tested by test/passes/project-attention.
#ifndef LMOPT_PASSES_PROJECTATTENTION_PROJECTATTENTION_TD
#define LMOPT_PASSES_PROJECTATTENTION_PROJECTATTENTION_TD

include "mlir/Pass/PassBase.td"

def LmProjectAttentionPass : Pass<"lm-project-attention", "::mlir::ModuleOp"> {
  let summary = "let the queries of an encoder see a few projected keys and values (Linformer)";
  let description = [{
    The keys and values of a text of n tokens become r of each: K' = E K and V' = F V. Attention then costs n r products instead of
    n², which pays in long texts.

    ```mlir
    %y = lm.attention %q, %k, %v lengths %len {..., mask = #lm.full} : ...
    // after, with rank=64: means of neighbouring tokens, 64 of them
    %y = lm.attention %q, %k, %v lengths %len {..., mask = #lm.full project = #lm.projection<means, rank = 64>} : ...
    // after, with weights=FILE
    lm.param @layers.0.attn.project.k : tensor<64x512xf32> = #lm.safetensors<"FILE", "layers.0.attn.project.k", f32>
    %y = lm.attention %q, %k, %v lengths %len {..., mask = #lm.full project = #lm.projection<learned, rank = 64>
                                               by @layers.0.attn.project.k, @layers.0.attn.project.v} : ...
    ```

    `rank` alone: segment means, which need no training. Row s is the mean of the tokens floor(s n / r) to
    floor((s + 1) n / r) - 1, r = min(rank, n): up to `rank` tokens that is exact, beyond them it is an approximation whose
    error grows with n / rank (docs/quality.md).

    `weights`: a safetensors file with the matrices E and F that a model was trained with, f32, f16 or bf16, each [rank, N]:
    row s holds what row s of the result takes of each token. Their names are those of `keys` and `values`, in which `*` stands
    for the name of the attention; by the defaults every attention has its own. One name for both shares E = F; a name without
    `*` shares it between all layers. A text then has at most N tokens: `lmopt inspect` shows the lowered limit, and longer
    ones are refused.

    Biases of keys and values are projected with them, (E K) and not E applied before the bias: matrices that were trained on
    inputs before W_K and W_V (as in some implementations) differ by that.

    Only of encoders: a causal mask, rotary positions or a bias of positions are refused by name; leave such attentions out
    with `skip`. An attention that is projected already stays (remark `NotProjected`). Comes before `lm-expand-attention`; after `lm-fold-key-bias` and
    `lm-fold-value-bias` or before them, they leave alone what a learned projection makes inexact.
    Remark: `ProjectedAttention` with the rank.
  }];
  let options = [
    Option<"rank", "rank", "int64_t", /*default=*/"-1",
           "Keys and values that are left of a text; with `weights` it is that of the matrices">,
    Option<"weights", "weights", "std::string", /*default=*/"", "Safetensors file with learned matrices; default: segment means">,
    Option<"keys", "keys", "std::string", /*default=*/"\"*.project.k\"", "Name of the matrix of keys in the file">,
    Option<"values", "values", "std::string", /*default=*/"\"*.project.v\"", "Name of the matrix of values in the file">,
    ListOption<"layers", "layers", "std::string", "Patterns over names of attentions, e.g. layers.3.attn; default: all">,
    ListOption<"skip", "skip", "std::string", "Patterns over names of attentions to leave alone">
  ];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
}

#endif // LMOPT_PASSES_PROJECTATTENTION_PROJECTATTENTION_TD
