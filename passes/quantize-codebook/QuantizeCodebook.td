// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears on weights that are entries of a codebook. In: lm.linear on f32 weights. Out: lm.codebook_linear, or
// lm.quantize_groups + lm.grouped_linear, on !lm.codebook weights, labelled approximate. From techniques 10.3 and 15.5.
// Tested by test/passes/quantize-codebook.
#ifndef LMOPT_PASSES_QUANTIZECODEBOOK_QUANTIZECODEBOOK_TD
#define LMOPT_PASSES_QUANTIZECODEBOOK_QUANTIZECODEBOOK_TD

include "mlir/Pass/PassBase.td"

def LmQuantizeCodebookPass : Pass<"lm-quantize-codebook", "::mlir::ModuleOp"> {
  let summary = "linears on weights that are numbers of entries of a codebook (k-means)";
  let description = [{
    Each matrix gets a codebook, the optimum of k-means over its scaled numbers, and each weight the number of an entry
    (`#lm.quantize_codebook`).

    With 256 entries (8 bits, f32 entries, a scale for each row) activations stay as they are:

    ```mlir
    %y = lm.linear %x, @w bias @b
    // after, with entries=256
    %y = lm.codebook_linear %x, @w bias @b      // @w : !lm.codebook<..., entries = 256>
    ```

    With 16, 8 or 4 entries (4, 3 or 2 bits) entries are integers of 8 bits, each `group` of inputs has an f16 scale, and activations
    become signed 8-bit codes with one scale for each group, as under `lm-quantize-groups`; the products are the same exact integer sums:

    ```mlir
    %q = lm.quantize_groups %x                  // after, with entries=16 group=32
    %y = lm.grouped_linear %q, @w bias @b       // @w : !lm.codebook<..., entries = 16, group = 32>
    ```

    Bits a weight: 8 + 32 / inputs of 256 entries, else log2(`entries`) + 16 / `group`; the codebook itself has 1 KiB, or 16 bytes. A table
    that the head shares with the embedding is quantized for both. Below 16 entries rotate before (`lm-rotate`), and give the head more.

    With `stats`, entries count numbers by the mean square of their input, and codes are fitted to what calibration measured (`#lm.fit`,
    GPTQ), as under `lm-quantize-groups`, which also says how old statistics may be.

    Approximate: every new weight says so (`exactness`); `lm-measure-weights` adds by how much.
    A linear whose weight something else uses in f32 is left alone (remark `NotQuantized`).
    Remarks: `QuantizedToCodebook`, one for each linear.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"entries", "entries", "int64_t", /*default=*/"16", "Entries of a codebook: 256, 16, 8 or 4">,
    Option<"group", "group", "int64_t", /*default=*/"0",
           "Inputs that share a scale: 32, 64 or 128 (0: 32); not with entries=256, where rows share one">,
    Option<"stats", "stats", "std::string", /*default=*/"",
           "Statistics made by `lmopt calibrate`: codebooks and codes are fitted to them instead of to the numbers alone">,
    Option<"damping", "damping", "double", /*default=*/"0.01",
           "What is added to the statistics' diagonal, as a share of its mean: how little the text is to be trusted">,
    ListOption<"layers", "layers", "std::string",
               "Quantize only linears whose name matches one of these patterns (*, ?, [a-z]); default: all">,
    ListOption<"skip", "skip", "std::string", "Never quantize linears whose name matches one of these patterns">
  ];
}

#endif // LMOPT_PASSES_QUANTIZECODEBOOK_QUANTIZECODEBOOK_TD
