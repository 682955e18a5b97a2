// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears with zeros in their weights. In: lm.linear on f32 weights. Out: the same, weights sparsified, labelled
// approximate. From techniques 7.4, 7.5, 15.11. Tested by test/passes/sparsify.
#ifndef LMOPT_PASSES_SPARSIFY_SPARSIFY_TD
#define LMOPT_PASSES_SPARSIFY_SPARSIFY_TD

include "mlir/Pass/PassBase.td"

def LmSparsifyPass : Pass<"lm-sparsify", "::mlir::ModuleOp"> {
  let summary = "set weights of linears to zero, and let the others make up for them";
  let description = [{
    In each linear a share of the weights becomes zero: single ones, so many of each few neighbours (`pattern`), or whole blocks of
    outputs x inputs (`block`). Nothing is faster by that alone: `lm-quantize-weights` keeps the zeros, `lm-store-sparse` then stores
    the codes without them.

    ```mlir
    %y = lm.linear %x, @w
    // after, with ratio=0.5 block=16x4
    lm.param @w : tensor<576x576xf32> = #lm.sparsify<..., ratio = 0.5, block = 16x4, fit = <...>> exactness <approximate>
    ```

    Which ones go (`method`): `obs`, those that cost least of the products over the text of the statistics, column by column, and the
    weights that stay take up the error (optimal brain surgeon, as SparseGPT does it); `magnitude`, the least ones, the others stay
    as they are, and no statistics are read. `#lm.sparsify` has the formulas.

    The order of passes: what mixes inputs (`lm-rotate`) before, what rounds (`lm-quantize-weights`) after. Statistics may be older than
    exact rewrites that undo themselves, than roundings and than zeros (`lm-quantize-weights` says more).

    A weight that an embedding looks up, or that something else uses, stays as it is, and so do heads over one vector a sequence and
    weights that have such zeros already (remark `NotSparsified`). Remarks: `Sparsified`, one for each weight.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"stats", "stats", "std::string", /*default=*/"", "Statistics that `lmopt calibrate` made of this model (obs)">,
    Option<"ratio", "ratio", "double", /*default=*/"0.5", "Share of the weights of each linear that become zero, in (0, 1)">,
    Option<"method", "method", "std::string", /*default=*/"\"obs\"", "Which become zero: obs or magnitude">,
    Option<"pattern", "pattern", "std::string", /*default=*/"",
           "n:m, n weights stay of each m neighbours of a row, for example 2:4; the ratio is then that of the pattern">,
    Option<"block", "block", "std::string", /*default=*/"\"1x1\"",
           "RxC, blocks of R outputs x C inputs become zero as a whole; 16x4 has kernels on every CPU">,
    Option<"damping", "damping", "double", /*default=*/"0.01",
           "What is added to the statistics' diagonal, as a share of its mean: how little the text is to be trusted">,
    ListOption<"layers", "layers", "std::string",
               "Sparsify only linears whose name matches one of these patterns (*, ?, [a-z]); default: all">,
    ListOption<"skip", "skip", "std::string", "Never sparsify linears whose name matches one of these patterns">
  ];
}

#endif // LMOPT_PASSES_SPARSIFY_SPARSIFY_TD
