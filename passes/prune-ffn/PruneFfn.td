// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Feed-forward blocks with fewer neurons. In: linear, activation or gated product, linear. Out: the same, narrower, the last
// linear refitted. From techniques 7.3, 7.4, 15.2. Tested by test/passes/prune-ffn.
#ifndef LMOPT_PASSES_PRUNEFFN_PRUNEFFN_TD
#define LMOPT_PASSES_PRUNEFFN_PRUNEFFN_TD

include "mlir/Pass/PassBase.td"

def LmPruneFfnPass : Pass<"lm-prune-ffn", "::mlir::ModuleOp"> {
  let summary = "remove neurons of feed-forward blocks, and let the others stand for them";
  let description = [{
    In each feed-forward block a share of the neurons goes: rows of the matrices before the activation, columns of the one
    behind it. That one is refitted to statistics of `lmopt calibrate`, so that the sum of squares of what changes in its
    results over the text of the statistics is least, and its bias takes up what is lost of the mean.

    ```mlir
    %g = lm.linear %n, @gate : (...) -> tensor<?x?x1536xf32>
    %u = lm.linear %n, @up : (...) -> tensor<?x?x1536xf32>
    %a = lm.gated_product %g, %u {kind = silu} : tensor<?x?x1536xf32>
    %y = lm.linear %a, @down : (tensor<?x?x1536xf32>) -> ...
    // after, with ratio=0.25:
    lm.param @gate : tensor<1152x576xf32> = #lm.take_rows<..., kept = [0, 2, ...]>      // and @up
    lm.param @down : tensor<576x1152xf32> = #lm.refit_columns<..., #lm.statistics<...>, kept = [0, 2, ...], damping = ...>
    lm.param @down.bias : tensor<576xf32> = #lm.refit_bias<...>
    ```

    Which neurons go (`method`): `obs` removes the one that costs least after the others have made up for it, again and again
    (optimal brain surgeon); `energy`, those of the least variance times the square of their column; `magnitude`, those of the
    least product of the norms of their rows and column; `random`, any, the same ones in each run: what a method must beat.

    Statistics must be of the model as it stands here: other ones are refused. Blocks whose matrices or values are also used
    elsewhere stay as they are. Remarks: `PrunedFfn`, with the neurons kept and the relative error of the block on the
    statistics, sqrt(lost / all) of the variance of its results; `NotPruned` with the reason.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"stats", "stats", "std::string", /*default=*/"", "Statistics that `lmopt calibrate` made of this model">,
    Option<"ratio", "ratio", "double", /*default=*/"0.25", "Share of the neurons of each block that goes, in (0, 1)">,
    Option<"method", "method", "std::string", /*default=*/"\"obs\"", "Which go: obs, energy, magnitude or random">,
    Option<"budget", "budget", "std::string", /*default=*/"\"uniform\"",
           "What `ratio` is a share of: uniform, the neurons of each block; global, the multiply-adds of all of them">,
    Option<"multiple", "multiple", "int64_t", /*default=*/"16",
           "What is left is rounded up to a multiple: 16 numbers fill a register of 512 bits">,
    Option<"damping", "damping", "double", /*default=*/"0.01",
           "Share of the mean variance that is added to each, so that rare neurons are not fitted to noise">,
    Option<"repair", "repair", "bool", /*default=*/"true", "Refit; without it columns are only left out">,
    Option<"base", "base", "std::string", /*default=*/"",
           "Where relative file names of weights start; default: the folder of the module's file">,
    ListOption<"layers", "layers", "std::string", "Patterns over names of the last linears, e.g. layers.*.ffn.down; default: all">,
    ListOption<"skip", "skip", "std::string", "Patterns over names of linears to leave alone">
  ];
}

#endif // LMOPT_PASSES_PRUNEFFN_PRUNEFFN_TD
