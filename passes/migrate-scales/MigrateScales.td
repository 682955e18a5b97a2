// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales of channels moved from what linears read into their weights, or back (SmoothQuant). In: norms and gated products with the
// linears that read them. Out: the same with weights scaled. From techniques 3.4h, 15.4. Tested by test/passes/migrate-scales.
#ifndef LMOPT_PASSES_MIGRATESCALES_MIGRATESCALES_TD
#define LMOPT_PASSES_MIGRATESCALES_MIGRATESCALES_TD

include "mlir/Pass/PassBase.td"

def LmMigrateScalesPass : Pass<"lm-migrate-scales", "::mlir::ModuleOp"> {
  let summary = "move scales of channels between activations and weights, so that both are easier to quantize";
  let description = [{
    Channel j of what some linears read is divided by s[j], and column j of their weights multiplied by it:

        s[j] = size(x[j])^alpha / size(W[:, j])^(1 - alpha)

    with the sizes of x from statistics of `lmopt calibrate` and W all linears that read x. The division costs nothing: it goes into
    the scale of the norm that makes x, or, where a gated product does, into the rows of the linear that is not gated.

    ```mlir
    %x = lm.rms_norm %s, @n
    %y = lm.linear %x, @w
    // after
    lm.param @n : tensor<64xf32> = #lm.scale_rows<..., dense<...>>          // 1 / s
    lm.param @w : tensor<96x64xf32> = #lm.scale_columns<..., dense<...>>    // s
    ```

    `size=max` is the greatest magnitude (SmoothQuant), for what is quantized as it is. `size=rms` is the root mean square: for what
    `lm-rotate` mixes afterwards, where with alpha = 0.5 the product of the sizes of rotated activations and rotated weights is least.

    Exact up to f32 rounding: the two factors of a channel are each other's inverse within 2^-23. Values that something else reads, made
    otherwise, or read with weights that something else uses (a head that shares the embedding's table) stay as they are.
    Remarks: `MigratedScales`, with the least and the greatest s; `NotMigrated`.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"stats", "stats", "std::string", /*default=*/"", "Statistics of the model as it stands, made by `lmopt calibrate`">,
    Option<"alpha", "alpha", "double", /*default=*/"0.5", "Share of the sizes that weights take over, 0 to 1">,
    Option<"size", "size", "std::string", /*default=*/"\"max\"", "What is the size of a channel: max or rms">,
    Option<"base", "base", "std::string", /*default=*/"", "Folder of the weights' files; default: that of the module">,
    ListOption<"layers", "layers", "std::string",
               "Only what linears read whose names match one of these patterns (*, ?, [a-z]); default: all">,
    ListOption<"skip", "skip", "std::string", "Nothing that linears read whose names match one of these patterns">
  ];
}

#endif // LMOPT_PASSES_MIGRATESCALES_MIGRATESCALES_TD
