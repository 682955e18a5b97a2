// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales of channels moved from what linears read into their weights, or back (SmoothQuant, AWQ). In: norms, gated products and
// attention with the linears that read them. Out: the same with weights scaled. From techniques 3.4h, 15.4. Tested by
// test/passes/migrate-scales.
#ifndef LMOPT_PASSES_MIGRATESCALES_MIGRATESCALES_TD
#define LMOPT_PASSES_MIGRATESCALES_MIGRATESCALES_TD

include "mlir/Pass/PassBase.td"

def LmMigrateScalesPass : Pass<"lm-migrate-scales", "::mlir::ModuleOp"> {
  let summary = "move scales of channels between activations and weights, so that both are easier to quantize";
  let description = [{
    Channel j of what some linears read is divided by s[j], and column j of their weights multiplied by it:

        s[j] = size(x[j])^alpha / size(W[:, j])^(1 - alpha)

    with the sizes of x from statistics of `lmopt calibrate` and W all linears that read x. The division costs nothing: it goes into
    the scale of the norm that makes x, or, where a gated product does, into the rows of the linear that is not gated, or, where
    attention does, into those of the linear that makes its values (query heads that read the same values share scales).

    ```mlir
    %x = lm.rms_norm %s, @n
    %y = lm.linear %x, @w
    // after
    lm.param @n : tensor<64xf32> = #lm.scale_rows<..., dense<...>>          // 1 / s
    lm.param @w : tensor<96x64xf32> = #lm.scale_columns<..., dense<...>>    // s
    ```

    `size=max` is the greatest magnitude (SmoothQuant), for what is quantized as it is. `size=rms` is the root mean square: for what
    `lm-rotate` mixes afterwards, where with alpha = 0.5 the product of the sizes of rotated activations and rotated weights is least.

    With `search=int4` (AWQ) weights take what suits their own rounding: s = size(x)^p, over its geometric middle, and of p = 0,
    0.05, .. 1 that with the least

        sum |Q(W diag(s)) diag(s)^-1 x - W x|²      Q to nearest: int8 rows, or int4 groups, with minima (int4-min) or without

    by the statistics' moments and 96 rows, evenly spaced, of the linears that read x. p = 0 leaves x as it is. What follows need
    not be that rounding: fitted codes (`stats` of lm-quantize-groups) gain from the same scales.

    Exact up to f32 rounding: the two factors of a channel are each other's inverse within 2^-23. Values that something else reads, made
    otherwise, or read with weights that something else uses (a head that shares the embedding's table) stay as they are.
    Remarks: `MigratedScales`, with the least and the greatest s, after a search with p and which share of the error is left; `NotMigrated`.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"stats", "stats", "std::string", /*default=*/"", "Statistics of the model as it stands, made by `lmopt calibrate`">,
    Option<"alpha", "alpha", "double", /*default=*/"0.5", "Share of the sizes that weights take over, 0 to 1">,
    Option<"size", "size", "std::string", /*default=*/"\"max\"", "What is the size of a channel: max or rms">,
    Option<"search", "search", "std::string", /*default=*/"",
           "Search s for weights rounded to nearest as int8, int4 or int4-min, instead of the formula with alpha">,
    Option<"group", "group", "int64_t", /*default=*/"32", "Inputs that share a scale in int4: 32, 64 or 128">,
    Option<"base", "base", "std::string", /*default=*/"", "Folder of the weights' files; default: that of the module">,
    ListOption<"layers", "layers", "std::string",
               "Only what linears read whose names match one of these patterns (*, ?, [a-z]); default: all">,
    ListOption<"skip", "skip", "std::string", "Nothing that linears read whose names match one of these patterns">
  ];
}

#endif // LMOPT_PASSES_MIGRATESCALES_MIGRATESCALES_TD
