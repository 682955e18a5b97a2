// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears and experts on 4-bit or 8-bit weights in short groups. In: lm.linear and lm.experts on f32 weights. Out:
// lm.quantize_groups + lm.grouped_linear or lm.grouped_experts on !lm.grouped weights, labelled approximate. From techniques 10 (round to nearest in groups).
// Tested by test/passes/quantize-groups.
#ifndef LMOPT_PASSES_QUANTIZEGROUPS_QUANTIZEGROUPS_TD
#define LMOPT_PASSES_QUANTIZEGROUPS_QUANTIZEGROUPS_TD

include "mlir/Pass/PassBase.td"

def LmQuantizeGroupsPass : Pass<"lm-quantize-groups", "::mlir::ModuleOp"> {
  let summary = "linears and experts on 4-bit or 8-bit weights with a scale for each short group of inputs";
  let description = [{
    Weights become codes of `bits` with an f16 scale for each `group` inputs, with `min` also an f16 minimum; activations
    become signed 8-bit codes with one scale for each group, when the model runs. Rounding is to nearest, or fitted to
    statistics (below), see `#lm.quantize_groups`.

    ```mlir
    %y = lm.linear %x, @w bias @b
    // after, with bits=4 group=32 min=true
    %q = lm.quantize_groups %x                      // %q : !lm.codes<..., s8, group = 32>
    %y = lm.grouped_linear %q, @w bias @b       // @w : !lm.grouped<..., bits = 4, group = 32, min>
    ```

    Bits a weight: `bits` + 16 / `group`, with `min` + 32 / `group`; with `min` and `scales=8` + 16 / `group` and 32 a row, at next to no
    loss: what is rounded are scales, to one 255th of the greatest of the row, and minima, to a 16th of a step. A table that the head shares with the embedding is
    quantized for both. The head is the most sensitive matrix of a small model: give it 8 bits
    (`skip=head` here, and a second run with `bits=8`), as the recipe `int4` does.

    With `stats`, codes are fitted to what calibration measured (`#lm.fit`): column by column, each takes up what the ones before it
    have lost of the products (GPTQ). Statistics may be older than exact rewrites that undo themselves (`lm-rotate`,
    `lm-migrate-scales`, `lm-normalize-rope`, `lm-fold-attention-scale`) and than roundings; of a value that was changed otherwise they are
    refused. A table that head and embedding share is fitted to what the head reads; a greater `damping` holds it nearer to the numbers
    that the embedding looks up.

    The matrices of a mixture of experts become codes all together, and `lm.experts` becomes `lm.grouped_experts`; they are rounded
    to nearest, since no statistics tell the rows of one expert. One with biases, whose widths the groups do not divide, or
    whose matrices something else reads, stays in f32, with a warning unless `layers` chooses (remark `NotQuantized`). Kernels for
    experts in codes are those for CPUs: `skip` leaves the experts of a model for GPUs as they are.

    Approximate: every new weight says so (`exactness`); `lm-measure-weights` adds by how much. Weights that were decoded
    from 4-bit blocks with minima (GGUF q4_1) get their old codes back under `bits=4 group=32 min=true`.
    A linear whose weight something else uses in f32 is left alone (remark `NotQuantized`).
    Remarks: `QuantizedGroups`, one for each linear and mixture.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"bits", "bits", "int64_t", /*default=*/"4", "Bits of a code: 4 or 8">,
    Option<"group", "group", "int64_t", /*default=*/"32", "Inputs that share a scale: 32, 64 or 128">,
    Option<"hasMin", "min", "bool", /*default=*/"false", "A minimum beside each scale (4 bits only)">,
    Option<"scaleBits", "scales", "int64_t", /*default=*/"16", "Bits of each scale and minimum: 16, or with minima 8">,
    Option<"stats", "stats", "std::string", /*default=*/"",
           "Statistics made by `lmopt calibrate`: codes are fitted to them (GPTQ) instead of rounded to nearest">,
    Option<"damping", "damping", "double", /*default=*/"0.01",
           "What is added to the statistics' diagonal, as a share of its mean: how little the text is to be trusted">,
    ListOption<"layers", "layers", "std::string",
               "Quantize only linears and experts whose name matches one of these patterns (*, ?, [a-z]); default: all">,
    ListOption<"skip", "skip", "std::string", "Never quantize linears and experts whose name matches one of these patterns">
  ];
}

#endif // LMOPT_PASSES_QUANTIZEGROUPS_QUANTIZEGROUPS_TD
