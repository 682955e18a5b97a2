// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Feed-forward blocks as experts of which each token uses some, without training. In: linear, activation or gated
// product, linear. Out: a router and experts made of the same neurons. From techniques 6.4, 15.7. Tested by
// test/passes/split-ffn.
#ifndef LMOPT_PASSES_SPLITFFN_SPLITFFN_TD
#define LMOPT_PASSES_SPLITFFN_SPLITFFN_TD

include "mlir/Pass/PassBase.td"

def LmSplitFfnPass : Pass<"lm-split-ffn", "::mlir::ModuleOp"> {
  let summary = "split feed-forward blocks into experts, of which each token uses some";
  let description = [{
    The neurons of a block are put into `experts` clusters of one size, whose rows of the first matrix point in the same
    direction; a router chooses `count` of them for each token, and the others are not computed.

    ```mlir
    %u = lm.linear %n, @up bias @up.bias : (tensor<?x?x768xf32>) -> tensor<?x?x3072xf32>
    %a = lm.activation %u {kind = relu} : tensor<?x?x3072xf32>
    %y = lm.linear %a, @down bias @down.bias : (tensor<?x?x3072xf32>) -> tensor<?x?x768xf32>
    // after, with experts=96 count=24:
    lm.param @up : tensor<3072x768xf32> = #lm.reorder_rows<..., order = [...]>            // and @up.bias
    lm.param @down : tensor<3072x768xf32> = #lm.reorder_rows<#lm.transpose<...>, order = [...]>
    %s = lm.linear %n, @router : (tensor<?x?x768xf32>) -> tensor<?x?x96xf32>
    %g = lm.top_gates %s {count = 24, softmax = "none"} : tensor<?x?x96xf32>
    %y = lm.experts %n by %g, @up bias @up.bias to @down bias @shifts {kind = relu} : ...
    ```

    Gated blocks become experts with `times`. Clusters are balanced k-means of the rows of the first matrix (of a gated block:
    of the gate), their lengths made 1 (MoEfication; Zhang et al. 2022). `router=means`: the score of an expert is the product of
    the token with the mean direction of its rows. `router=tree`: halves of halves, the node of a tree of hyperplanes
    (`lm.tree_gates`) the difference of the mean directions of both; `experts` is a power of two then.

    The order of neurons changes nothing, and with `count` = `experts` the block is what it was, up to the order of sums. With
    fewer it is approximate: what loses little is a block whose neurons seldom fire (`relu`). So a block stays dense where more
    than `most` of the results of its first matrix are positive. Of a plain activation the statistics count that; of a gated
    product, and without `stats`, it is not measured: the normal distribution below tells it for the one, half is taken
    for the other.

    What is fitted: where the statistics keep rows of what the block reads (`lmopt calibrate --block-rows`, usual), three of four
    are fitted to and the fourth is judged by. Clusters are made of neurons that give something on the same rows then (k-means of |a| |w|
    over 1024 of them), the router learns what each cluster gives (ridge regression of the root of its energy; a bias beside each row), and **repair** refits what the neurons of each expert add, and a shift for each expert, so
    that the experts that are used make up for the others (normal equations, towards the block as it was). Without such rows, or
    with `fit=false`, the router is made of directions, rows are drawn from the normal distribution with the measured mean and
    covariance of what the block reads, and repair is a shift: the measured mean of each neuron, by the share of it that these rows
    leave out. Without `stats` there is no repair. `@shifts` also has the block's bias, each expert `count`-th part of it.

    With statistics a block stays dense, too, where its results would be off by more than `limit` (`Error`). The default
    refuses what no model has been seen to bear; who wants the numbers all the same asks for `limit=1`.

    And it stays dense where the experts would be no faster: `count` of `experts` cost more than their share of the products, and
    the router comes on top (`pays=false` splits all the same).

    `experts` = 0 takes the greatest power of two that divides the neurons and leaves 32 for each. `share` says how many are used as
    a share of them, rounded up. With neither `count` nor `share` each block uses as few as keep `limit` (by the shift of
    the mean; what is refitted is then better), so `limit` alone says how much may be lost; `lmopt compress` chooses shares that
    way by what the whole model loses.

    Statistics must be of the model as it stands here. Experts with biases or shifts stay f32, and so does the router's linear
    (`NAME.router`): passes that choose formats leave them. Remarks: `SplitFfn` with experts, count, share that fires, and with statistics `Retained`, the share of
    the energy E[a²] |w|² of the neurons that is computed, `Error` as of `lm-prune-ffn`, both on the rows to judge by, and `Fitted`: rows or
    moments; `KeptDense` with the reason.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"stats", "stats", "std::string", /*default=*/"", "Statistics that `lmopt calibrate` made of this model">,
    Option<"experts", "experts", "int64_t", /*default=*/"0", "How many; they divide the neurons of each block. 0: a power of two">,
    Option<"count", "count", "int64_t", /*default=*/"0", "How many of them each token uses. 0: as few as keep `limit`">,
    Option<"share", "share", "double", /*default=*/"0", "The same as a share of them, in (0, 1]">,
    Option<"router", "router", "std::string", /*default=*/"\"means\"", "What chooses them: means or tree">,
    Option<"most", "most", "double", /*default=*/"0.3", "Greatest share of neurons that fire, in (0, 1]">,
    Option<"limit", "limit", "double", /*default=*/"0.1", "Greatest error of a block's results, where statistics tell it">,
    Option<"fit", "fit", "bool", /*default=*/"true", "Use rows that the statistics keep">,
    Option<"repair", "repair", "bool", /*default=*/"true", "Make up for what is left out">,
    Option<"pays", "pays", "bool", /*default=*/"true", "Only where experts are faster, by a model of their cost">,
    Option<"base", "base", "std::string", /*default=*/"",
           "Where relative file names of weights start; default: the folder of the module's file">,
    ListOption<"layers", "layers", "std::string", "Patterns over names of the last linears, e.g. layers.*.ffn.down; default: all">,
    ListOption<"skip", "skip", "std::string", "Patterns over names of linears to leave alone">
  ];
}

#endif // LMOPT_PASSES_SPLITFFN_SPLITFFN_TD
