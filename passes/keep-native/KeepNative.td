// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears on the codes that a GGUF file holds. In: lm.linear on #lm.gguf weights. Out: lm.quantize_groups +
// lm.grouped_linear on !lm.grouped weights. Weights are exact; activations become s8 in groups. Tested by
// test/passes/keep-native.
#ifndef LMOPT_PASSES_KEEPNATIVE_KEEPNATIVE_TD
#define LMOPT_PASSES_KEEPNATIVE_KEEPNATIVE_TD

include "mlir/Pass/PassBase.td"

def LmKeepNativePass : Pass<"lm-keep-native", "::mlir::ModuleOp"> {
  let summary = "linears on the q4_0, q4_1 and q8_0 codes of a GGUF file, as they are";
  let description = [{
    A checkpoint that is quantized already should not be quantized again: the codes, scales and minima of its file become
    the weights of the product, bit for bit. Activations are quantized to signed 8 bits when the model runs, with one
    scale for each group of 32, the group of the weights:

    ```mlir
    lm.param @w : tensor<576x576xf32> = #lm.gguf<"smol.gguf", "blk.0.attn_q.weight", q4_1>
    %y = lm.linear %x, @w
    // after
    lm.param @w : !lm.grouped<576x576, bits = 4, group = 32, min> = #lm.native<#lm.gguf<...>>
    %q = lm.quantize_groups %x                      // %q : !lm.codes<..., s8, group = 32>
    %y = lm.grouped_linear %q, @w
    ```

    A table that the head shares with the embedding is kept for both. Rows may be permuted for rotary positions
    (`lm-normalize-rope`); any other derivation of a weight (a folded scale, a rotation) needs its numbers, so run this
    pass instead of those.

    Weights lose nothing. The activations do: 8 bits a number, about as much as llama.cpp loses with the same file.
    Linears on other formats stay as they are, with a warning (remark `NotNative` for each); when none is kept, the pass
    fails.
    Remarks: `KeptNative`, one for each linear.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    ListOption<"layers", "layers", "std::string",
               "Only linears whose name matches one of these patterns (*, ?, [a-z]); default: all">,
    ListOption<"skip", "skip", "std::string", "No linears whose name matches one of these patterns">
  ];
}

#endif // LMOPT_PASSES_KEEPNATIVE_KEEPNATIVE_TD
