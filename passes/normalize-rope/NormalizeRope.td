// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Interleaved rotary positions become half-split ones by permuting rows of the query and key projections.
// In: lm.attention with either layout. Out: layout half where queries and keys come from linears of their own.
// From techniques 3.3. Exact bit for bit. Tested by test/passes/normalize-rope.
#ifndef LMOPT_PASSES_NORMALIZEROPE_NORMALIZEROPE_TD
#define LMOPT_PASSES_NORMALIZEROPE_NORMALIZEROPE_TD

include "mlir/Pass/PassBase.td"

def LmNormalizeRopePass : Pass<"lm-normalize-rope", "::mlir::ModuleOp"> {
  let summary = "bring rotary positions to the half-split layout";
  let description = [{
    Rotary positions pair the numbers (2i, 2i + 1) of a head in the interleaved layout and (i, i + dims/2) in the
    half-split layout. Scores do not change when queries and keys are permuted alike, so the rows of the two projections
    (and of their biases) are permuted instead: code generation then needs the half-split layout only, which works on whole
    vectors.

    ```mlir
    %a, %c = lm.attention %q, %k, %v, %cache {..., rope = #lm.rope<base = 1.0e4, dims = 64, layout = interleaved>}
    // after: layout = half, and the weights of the linears that make %q and %k are #lm.permute_rope<..., from = interleaved>
    ```

    Exact: a permutation. Does not fire (remark `KeptLayout`) when a query or key is not made by a linear of its own.
    Remarks: `NormalizedRope`, one for each attention.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
}

#endif // LMOPT_PASSES_NORMALIZEROPE_NORMALIZEROPE_TD
