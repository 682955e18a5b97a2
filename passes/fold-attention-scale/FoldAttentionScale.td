// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scale of attention scores goes into the query projection.
// In: lm.attention whose query is a linear. Out: scale 1, scaled weight and bias. From techniques 3.4b.
// Exact up to f32 rounding. Tested by test/passes/fold-attention-scale.
#ifndef LMOPT_PASSES_FOLDATTENTIONSCALE_FOLDATTENTIONSCALE_TD
#define LMOPT_PASSES_FOLDATTENTIONSCALE_FOLDATTENTIONSCALE_TD

include "mlir/Pass/PassBase.td"

def LmFoldAttentionScalePass : Pass<"lm-fold-attention-scale", "::mlir::ModuleOp"> {
  let summary = "fold the scale of scores into the query projection";
  let description = [{
    Scores are scale * q kᵀ; with q = W x + b the scale goes into W and b, and the attention has scale 1.

    ```mlir
    %q = lm.linear %x, @q.weight bias @q.bias
    %o = lm.attention %q, %k, %v, %len {scale = 1.25e-1, ...}
    // after: scale = 1.0, @q.weight = #lm.scale<..., 1.25e-1>, @q.bias = #lm.scale<..., 1.25e-1>
    ```

    Exact up to rounding (bit for bit when the scale is a power of two). Rotary positions are linear and keep it so.
    Does not fire (remark `KeptScale`) when the query is not made by a linear of its own.
    Remarks: `FoldedScale`, one for each attention.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
}

#endif // LMOPT_PASSES_FOLDATTENTIONSCALE_FOLDATTENTIONSCALE_TD
