// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears through fewer numbers. In: linears. Out: two narrow ones for each. From techniques 8.1, 15.3. Tested by
// test/passes/low-rank.
#ifndef LMOPT_PASSES_LOWRANK_LOWRANK_TD
#define LMOPT_PASSES_LOWRANK_LOWRANK_TD

include "mlir/Pass/PassBase.td"

def LmLowRankPass : Pass<"lm-low-rank", "::mlir::ModuleOp"> {
  let summary = "put two narrow linears in the place of one";
  let description = [{
    A linear y = W x + b of m results and n inputs becomes z = B x of r numbers and y = A z + b'. It costs r (m + n) products for
    m n, so a rank pays only below m n / (m + n).

    ```mlir
    %q = lm.linear %x, @q bias @q.bias : (tensor<?x?x576xf32>) -> tensor<?x?x576xf32>
    // after, with rank=192; the new linear is NAME.inner, its weight NAME.inner.weight:
    lm.param @q.inner.weight : tensor<192x576xf32> = #lm.low_rank_right<<..., whitened, rank = 192, statistics = ...>>
    lm.param @q : tensor<576x192xf32> = #lm.low_rank_left<<..., whitened, rank = 192, statistics = ...>>
    lm.param @q.bias : tensor<576xf32> = #lm.low_rank_bias<<..., whitened, rank = 192, statistics = ...>, ...>
    %z = lm.linear %x, @q.inner.weight : (tensor<?x?x576xf32>) -> tensor<?x?x192xf32>
    %q = lm.linear %z, @q bias @q.bias : (tensor<?x?x192xf32>) -> tensor<?x?x576xf32>
    ```

    `method`: `whitened` loses least of the results over the text of the statistics, what deviates from their mean; the bias takes
    up the mean. `plain` is the singular value decomposition of W, `asvd` that of W with each column times (root of the mean square
    of its input)^alpha: what a method must beat.

    `rank` gives all linears one rank; where it would not pay, that is an error. `ratio` takes that share of the products of each
    linear, at least, and leaves alone those too small for it. With `budget=global` that share of all of them together goes where it
    costs least, the sum of the relative squared errors of the linears: some may stay whole.

    `joint`: linears that read one value, as those of queries, keys and values or of gate and up, are factored as one matrix with all
    their rows (`#lm.concat_rows`): one inner linear, named for all of them (`layers.0.attn.q_k_v.inner`), whose numbers all share.
    Ranks and shares are then of the whole group, and the error that each is labelled with is that of the results of all of it.

    Statistics must be of the model as it stands here: other ones are refused. Weights that are also used elsewhere (tied heads),
    factors, linears behind the pooling and those in codes stay as they are. Remarks: `Factored`, with the rank and the relative
    error of the linear, sqrt(lost / all) of the variance of its results over the statistics (`plain` without statistics: of the squares
    of its weights); `NotFactored` with the reason.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"method", "method", "std::string", /*default=*/"\"whitened\"", "What is lost least: whitened, plain or asvd">,
    Option<"rank", "rank", "int64_t", /*default=*/"-1", "Rank of every linear; in place of ratio">,
    Option<"ratio", "ratio", "double", /*default=*/"0", "Share of the products that goes, in (0, 1); in place of rank">,
    Option<"budget", "budget", "std::string", /*default=*/"\"uniform\"",
           "Whose share: uniform, of each linear, or global, of all together">,
    Option<"joint", "joint", "bool", /*default=*/"false",
           "Whether linears that read one value share one inner linear">,
    Option<"multiple", "multiple", "int64_t", /*default=*/"16",
           "Ranks by ratio are rounded down to a multiple: 16 numbers fill a register of 512 bits">,
    Option<"stats", "stats", "std::string", /*default=*/"", "Statistics that `lmopt calibrate` made of this model">,
    Option<"damping", "damping", "double", /*default=*/"1e-6",
           "Share of the mean variance that is added to each input's, of whitened">,
    Option<"alpha", "alpha", "double", /*default=*/"0.5", "Power of the inputs' size, of asvd, in (0, 1]">,
    Option<"base", "base", "std::string", /*default=*/"",
           "Where relative file names of weights start; default: the folder of the module's file">,
    ListOption<"layers", "layers", "std::string", "Patterns over names of linears, e.g. layers.*.ffn.*; default: all">,
    ListOption<"skip", "skip", "std::string", "Patterns over names of linears to leave alone">
  ];
}

#endif // LMOPT_PASSES_LOWRANK_LOWRANK_TD
