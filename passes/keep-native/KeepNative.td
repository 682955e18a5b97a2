// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears, tables and experts on the codes that a file holds. In: lm.linear, lm.embedding and lm.experts on #lm.gguf and
// #lm.packed weights. Out: lm.quantize_groups + lm.grouped_linear or lm.grouped_experts, and lm.embedding, on !lm.grouped and
// !lm.codebook weights. Codes are exact;
// activations become s8 in groups. Tested by test/passes/keep-native.
#ifndef LMOPT_PASSES_KEEPNATIVE_KEEPNATIVE_TD
#define LMOPT_PASSES_KEEPNATIVE_KEEPNATIVE_TD

include "mlir/Pass/PassBase.td"

def LmKeepNativePass : Pass<"lm-keep-native", "::mlir::ModuleOp"> {
  let summary = "linears, tables and experts on the codes of their file, as they are";
  let description = [{
    A checkpoint that is quantized already should not be quantized again: the codes, scales and minima of its file become
    the weights of the product. Each tensor keeps its own format; files that mix them (Q4_K_M) stay mixed. Activations are
    quantized to signed 8 bits when the model runs, with one scale for each group of inputs, the group of the weights:

    ```mlir
    lm.param @w : tensor<576x576xf32> = #lm.gguf<"smol.gguf", "blk.0.attn_q.weight", q4_1>
    %y = lm.linear %x, @w
    // after
    lm.param @w : !lm.grouped<576x576, bits = 4, group = 32, min> = #lm.native<#lm.gguf<...>>
    %q = lm.quantize_groups %x                      // %q : !lm.codes<..., s8, group = 32>
    %y = lm.grouped_linear %q, @w
    ```

    | format of the file | becomes | bits a weight, file and artifact for CPUs |
    |---|---|---|
    | q4_0, q4_1, q5_0, q5_1, q8_0 | 4, 4, 5, 5, 8 bits, groups of 32, q4_1 and q5_1 with minima | 4.5, 5, 5.5, 6, 8.5 both |
    | q4_k, q5_k | 4, 5 bits, groups of 32 with minima | 4.5, 5.5; 5, 6 |
    | q6_k | 6 bits, groups of 16 | 6.56; 7 |
    | iq4_nl, iq4_xs, mxfp4 | a codebook of 16, groups of 32 | 4.5, 4.25, 4.25; 4.5 |
    | q3_k, q2_k | codes of 3 and 2 bits in 4, groups of 16, q2_k with minima | 3.44, 2.63; 5, 6 |
    | GPTQ, AWQ, compressed-tensors, groups of G | codes of 2, 3 and 4 bits in 4, of 8 in 8, groups of 32; with zero points minima | bits + 16 / G (+ bits / G); 4.5 or 8.5, 5 with minima |

    Codes lose nothing. Scales and minima that the file makes of two numbers (the K-quants, iq4_xs; a scale times a zero point) are rounded to f16, off by
    at most 2^-11 of themselves, and such weights are labelled approximate; `#lm.native` says what is an error there. The
    activations lose most: 8 bits a number, about as much as llama.cpp loses with the same file.

    Groups larger than 32 are cut into parts with the same scale: it is the activations that are quantized in them, and their error
    counts more than the memory of a scale (SmolLM2 in AWQ with groups of 64: linears that are 9 % smaller would cost a KL of
    0.0039 instead of 0.0024). `group` is another size, or 0 for the file's.

    A mixture of experts becomes `lm.grouped_experts` where all its matrices are tensors in codes, each of one format for all
    experts, in a stack or a tensor each; the second ones stand as in the file again, a row for each output:

    ```mlir
    lm.param @down : tensor<2048x256xf32> = #lm.reshape<#lm.transpose_each<#lm.gguf<"m.gguf", "blk.0.ffn_down_exps.weight", q6_k>>, ...>
    %y = lm.experts %x by %g, @gate times @up to @down {kind = silu}
    // after
    lm.param @down : !lm.grouped<2048x256, bits = 6, group = 16> = #lm.native<#lm.reshape<#lm.gguf<...>, ...>>
    %q = lm.quantize_groups %x
    %y = lm.grouped_experts %q by %g, @gate times @up to @down {kind = silu}
    ```

    Where the two matrices that read the input differ in their groups, the larger ones are cut to the smaller. Kernels for
    experts in codes are those for CPUs.

    A table that the head shares with the embedding is kept for both, one of its own for the embedding. Rows may be moved
    (`lm-normalize-rope`, `lm-shorten-vocabulary`, parts of fused tensors) and all numbers scaled; any other derivation of a
    weight (a folded scale of channels, a rotation) needs its numbers, so run this pass instead of those. A weight in codes
    that cannot be kept is an error, unless `others=f32` asks for it as numbers of four bytes, with a warning: all matrices of
    a mixture, too, of which one cannot be kept. Those of linears that `skip` names stay as they are. Weights in f32, f16 and bf16 have no codes to keep: they stay the numbers
    that they are, with one warning (remark `NotNative` for each); when there is nothing else, the pass fails.
    Remarks: `KeptNative`, one for each linear and embedding, and of a mixture for each matrix.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    ListOption<"layers", "layers", "std::string",
               "Only linears and tables whose name matches one of these patterns (*, ?, [a-z]); default: all">,
    ListOption<"skip", "skip", "std::string", "No linears and tables whose name matches one of these patterns">,
    Option<"others", "others", "std::string", /*default=*/"\"refuse\"",
           "What becomes of weights in codes that cannot be kept: refuse (an error), or f32">,
    Option<"group", "group", "int64_t", /*default=*/"32",
           "Cut larger groups of a file into parts of so many inputs, as activations are quantized in the same groups; 0: never">
  ];
}

#endif // LMOPT_PASSES_KEEPNATIVE_KEEPNATIVE_TD
