// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linears on int8 weights and dynamically quantized activations.
// In: lm.linear on f32 weights. Out: lm.quantize_dynamic + lm.quantized_linear on !lm.int8 weights, labelled approximate.
// From techniques 10.1 and 15.4. Bound of a weight: half a step, max|row| / 254. Tested by test/passes/quantize-weights.
#ifndef LMOPT_PASSES_QUANTIZEWEIGHTS_QUANTIZEWEIGHTS_TD
#define LMOPT_PASSES_QUANTIZEWEIGHTS_QUANTIZEWEIGHTS_TD

include "mlir/Pass/PassBase.td"

def LmQuantizeWeightsPass : Pass<"lm-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "linears on int8 weights and dynamically quantized activations";
  let description = [{
    Weights become signed 8-bit codes with one scale a row, activations unsigned 8-bit codes with one scale and zero point
    a token, computed when the model runs:

        s_w = max|W_n| / 127        q_w = clamp(round(W / s_w), -127, 127)
        s_a = (hi - lo) / 255       z = clamp(round(-lo / s_a), 0, 255)       q_a = clamp(round(x / s_a) + z, 0, 255)
        y_n = s_a s_w (sum q_a q_w - z sum q_w) + b_n

    ```mlir
    %y = lm.linear %x, @w bias @b
    // after
    %q = lm.quantize_dynamic %x                        // %q : !lm.codes<..., u8>
    %y = lm.quantized_linear %q, @w bias @b     // @w : !lm.int8<...> = #lm.quantize_rows<...>
    ```

    An activation is quantized once for all linears that read it. A table that the head shares with the embedding is
    quantized for both. Scales for short groups of inputs: `lm-quantize-groups`.

    With `stats`, codes are fitted to what calibration measured (`#lm.fit`): column by column, each takes up what the ones before it
    have lost of the products (GPTQ). Statistics may be older than exact rewrites that undo themselves (`lm-rotate`,
    `lm-migrate-scales`, `lm-normalize-rope`, `lm-fold-attention-scale`) and than roundings; of a value that was changed otherwise they are
    refused. A table that head and embedding share is fitted to what the head reads; a greater `damping` holds it nearer to the numbers
    that the embedding looks up.

    Where the checkpoint has ranges of quantization-aware training, nothing is rounded anew: a weight that is `#lm.fake_quantize` keeps
    its codes and scales (`exactness <trained>`, whatever `stats` say), and what `lm.fake_quantize` makes is taken as the very codes
    that it stands for, `lm.quantize_static`. A product of both is what was trained, up to the rounding of f32.

    Approximate: every new weight says so (`exactness`); `lm-measure-weights` adds by how much. Run `lm-rotate` before: it
    brings the loss of a Llama to a fifth (docs/quality.md).
    A linear whose weight something else uses in f32 is left alone (remark `NotQuantized`).
    Remarks: `Quantized`, one for each linear.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"stats", "stats", "std::string", /*default=*/"",
           "Statistics made by `lmopt calibrate`: codes are fitted to them (GPTQ) instead of rounded to nearest">,
    Option<"damping", "damping", "double", /*default=*/"0.01",
           "What is added to the statistics' diagonal, as a share of its mean: how little the text is to be trusted">,
    ListOption<"layers", "layers", "std::string",
               "Quantize only linears whose name matches one of these patterns (*, ?, [a-z]); default: all">,
    ListOption<"skip", "skip", "std::string", "Never quantize linears whose name matches one of these patterns">
  ];
}

#endif // LMOPT_PASSES_QUANTIZEWEIGHTS_QUANTIZEWEIGHTS_TD
