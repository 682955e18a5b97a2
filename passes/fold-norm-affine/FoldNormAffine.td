// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The affine part of a norm goes into all linears behind it.
// In: lm.rms_norm, lm.layer_norm with weights. Out: the same norms without, lm.linear with derived weights.
// From techniques 3.4a. Exact up to f32 rounding of the products. Tested by test/passes/fold-norm-affine.
#ifndef LMOPT_PASSES_FOLDNORMAFFINE_FOLDNORMAFFINE_TD
#define LMOPT_PASSES_FOLDNORMAFFINE_FOLDNORMAFFINE_TD

include "mlir/Pass/PassBase.td"

def LmFoldNormAffinePass : Pass<"lm-fold-norm-affine", "::mlir::ModuleOp"> {
  let summary = "fold scale and shift of a norm into the linears that read it";
  let description = [{
    A norm followed by linears only is the same function with its affine part moved into them:

        W (g * n + b0) + b  =  (W diag(g)) n + (W b0 + b)

    so the norm loses its operands, each W becomes `#lm.scale_columns<W, g>` and each bias `#lm.matvec_add<W, b0, b>`.
    The norm is then a pure normalization, whose output suits one scale a token better, and one stream of loads is saved.

    ```mlir
    %n = lm.rms_norm %x, @norm.weight {eps = 1.0e-5}
    %q = lm.linear %n, @q.weight
    // after: %n = lm.rms_norm %x {eps = 1.0e-5}, and @q.weight = #lm.scale_columns<..., ...>
    ```

    Exact up to rounding. Fires only when every user of the norm is a linear (a post-norm model also adds the norm's
    result to the residual) and no other op uses their weights (a head tied to the embedding keeps its norm); else it
    says so by remark `KeptAffine`.
    Remarks: `FoldedAffine`, one for each norm.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
}

#endif // LMOPT_PASSES_FOLDNORMAFFINE_FOLDNORMAFFINE_TD
