// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears on bf16 weights and bf16 activations. In: lm.linear on f32 weights. Out: lm.narrow + lm.narrow_linear on bf16
// weights, labelled approximate. Lossy: 8 bits of mantissa for both factors. Tested by test/passes/narrow-weights.
#ifndef LMOPT_PASSES_NARROWWEIGHTS_NARROWWEIGHTS_TD
#define LMOPT_PASSES_NARROWWEIGHTS_NARROWWEIGHTS_TD

include "mlir/Pass/PassBase.td"

def LmNarrowWeightsPass : Pass<"lm-narrow-weights", "::mlir::ModuleOp"> {
  let summary = "linears on bf16 weights and bf16 activations";
  let description = [{
    Weights are rounded to bf16 when they are packed, activations when the model runs, once for all linears that read
    them; products are exact, sums stay f32. Half the bytes of f32 to read in decode, twice the products an instruction in
    prefill.

    ```mlir
    %y = lm.linear %x, @w bias @b
    // after
    %n = lm.narrow %x
    %y = lm.narrow_linear %n, @w bias @b       // @w : tensor<..xbf16> = #lm.narrow<...>
    ```

    A table that the head shares with the embedding is narrowed for both. A checkpoint that comes in bf16 loses nothing
    in its weights, as long as no pass folded something else into them.

    Approximate: each factor is off by at most 2^-9 of itself. Every new weight says so (`exactness`); `lm-measure-weights`
    adds by how much. A linear whose weight something else uses in f32 is left alone (remark `KeptFloat`).
    Remarks: `NarrowedWeight`, one for each linear.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    ListOption<"layers", "layers", "std::string",
               "Narrow only linears whose name matches one of these patterns (*, ?, [a-z]); default: all">,
    ListOption<"skip", "skip", "std::string", "Never narrow linears whose name matches one of these patterns">
  ];
}

#endif // LMOPT_PASSES_NARROWWEIGHTS_NARROWWEIGHTS_TD
