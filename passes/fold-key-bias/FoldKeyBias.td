// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bias of keys is dropped where softmax cancels it.
// In: lm.attention without rotary positions. Out: the key projection without bias. From techniques 3.4c.
// Exact up to f32 rounding. Tested by test/passes/fold-key-bias.
#ifndef LMOPT_PASSES_FOLDKEYBIAS_FOLDKEYBIAS_TD
#define LMOPT_PASSES_FOLDKEYBIAS_FOLDKEYBIAS_TD

include "mlir/Pass/PassBase.td"

def LmFoldKeyBiasPass : Pass<"lm-fold-key-bias", "::mlir::ModuleOp"> {
  let summary = "drop the bias of keys where softmax cancels it";
  let description = [{
    q (k + b)ᵀ = q kᵀ + q bᵀ: the bias of the key projection adds the same number to all scores of a query, and softmax
    does not see a constant. So the bias is dropped.

    ```mlir
    %k = lm.linear %x, @k.weight bias @k.bias
    // after: %k = lm.linear %x, @k.weight
    ```

    Exact up to rounding. Does not fire (remark `KeptKeyBias`) with rotary positions, which turn the bias by the position
    of the key, nor with a soft cap, which bends each score by itself, nor when something else uses the keys.
    Remarks: `DroppedKeyBias`, one for each attention.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
}

#endif // LMOPT_PASSES_FOLDKEYBIAS_FOLDKEYBIAS_TD
