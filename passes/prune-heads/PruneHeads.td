// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention with fewer heads. In: linears of query, key, value; attention; a linear. Out: the same with fewer heads, the
// last linear refitted. From techniques 7.1, 7.4, 15.2. Tested by test/passes/prune-heads.
#ifndef LMOPT_PASSES_PRUNEHEADS_PRUNEHEADS_TD
#define LMOPT_PASSES_PRUNEHEADS_PRUNEHEADS_TD

include "mlir/Pass/PassBase.td"

def LmPruneHeadsPass : Pass<"lm-prune-heads", "::mlir::ModuleOp"> {
  let summary = "remove heads of attention, and let the others stand for them";
  let description = [{
    In each attention a share of the heads goes: rows of the matrix of queries, columns of the matrix behind the attention,
    and where no query reads a head of keys and values any more, rows of those matrices, too. The matrix behind the attention
    is refitted to statistics of `lmopt calibrate`, so that the sum of squares of what changes in its results over the text of
    the statistics is least, and its bias takes up what is lost of the mean.

    ```mlir
    %q = lm.linear %n, @q : (...) -> tensor<?x?x576xf32>
    %k = lm.linear %n, @k : (...) -> tensor<?x?x192xf32>
    %v = lm.linear %n, @v : (...) -> tensor<?x?x192xf32>
    %a, %next = lm.attention %q, %k, %v, %cache {layer = 0, heads = 9, kv_heads = 3, ...} : ...
    %y = lm.linear %a, @o : (tensor<?x?x576xf32>) -> ...
    // after, with ratio=0.34:
    lm.param @q : tensor<384x576xf32> = #lm.take_rows<..., kept = [0, 1, ...]>
    lm.param @o : tensor<576x384xf32> = #lm.refit_columns<..., #lm.statistics<...>, kept = [0, 1, ...], damping = ...>
    lm.param @o.bias : tensor<576xf32> = #lm.refit_bias<...>
    %a, %next = lm.attention %q, %k, %v, %cache {layer = 0, heads = 6, kv_heads = 3 groups = [3, 1, 2], ...} : ...
    ```

    The share is rounded to whole heads; at least one is kept. With `groups` whole groups go: heads of keys and values with all
    queries that read them. Which go (`method`): `obs` removes the one that costs least after the others have made up for it,
    tr(W_R (H_RR)^-1 W_Rᵀ), again and again (optimal brain surgeon); `energy`, those that add the least variance to the
    results; `magnitude`, those of the least product of the norms of their rows of values and their columns; `random`, any, the
    same ones in each run: what a method must beat. Heads that stay keep their bias of positions: of a table that several
    attentions read each takes its own rows.

    Statistics must be of the model as it stands here: other ones are refused. Attention whose matrices or values are also used
    elsewhere stays as it is. Remarks: `PrunedHeads`, with the heads kept and the relative error on the statistics, sqrt(lost /
    all) of the variance of the results; `NotPruned` with the reason.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"stats", "stats", "std::string", /*default=*/"", "Statistics that `lmopt calibrate` made of this model">,
    Option<"ratio", "ratio", "double", /*default=*/"0.25", "Share of the heads of each attention that goes, in (0, 1)">,
    Option<"method", "method", "std::string", /*default=*/"\"obs\"", "Which go: obs, energy, magnitude or random">,
    Option<"groups", "groups", "bool", /*default=*/"false",
           "Heads of keys and values go with all queries that read them; else queries one by one">,
    Option<"budget", "budget", "std::string", /*default=*/"\"uniform\"",
           "What `ratio` is a share of: uniform, the heads of each attention; global, the multiply-adds with weights of all">,
    Option<"damping", "damping", "double", /*default=*/"0.01",
           "Share of the mean variance that is added to each, so that rare numbers are not fitted to noise">,
    Option<"repair", "repair", "bool", /*default=*/"true", "Refit; without it columns are only left out">,
    Option<"base", "base", "std::string", /*default=*/"",
           "Where relative file names of weights start; default: the folder of the module's file">,
    ListOption<"layers", "layers", "std::string", "Patterns over names of the last linears, e.g. layers.*.attn.o; default: all">,
    ListOption<"skip", "skip", "std::string", "Patterns over names of linears to leave alone">
  ];
}

#endif // LMOPT_PASSES_PRUNEHEADS_PRUNEHEADS_TD
