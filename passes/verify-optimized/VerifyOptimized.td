// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The contract between optimize and lower: still only lm, nothing lossy is silent.
// In: any module. Out: the same module, or errors. From design 2 and 5. Tested by test/passes/verify-optimized.
#ifndef LMOPT_PASSES_VERIFYOPTIMIZED_VERIFYOPTIMIZED_TD
#define LMOPT_PASSES_VERIFYOPTIMIZED_VERIFYOPTIMIZED_TD

include "mlir/Pass/PassBase.td"

def VerifyLmOptimizedPass : Pass<"verify-lm-optimized", "::mlir::ModuleOp"> {
  let summary = "check the contract at the end of the optimize stage";
  let description = [{
    Fails with one error for each violation:

    - C1: only ops of `lm`, the module, functions and their returns are left.
    - C2: a param whose weight is lossy (`#lm.quantize_rows` anywhere in it) is labelled `approximate` or `trained`;
      labelled `exact`, or without a label, it is refused.

    Changes nothing.
  }];
}

#endif // LMOPT_PASSES_VERIFYOPTIMIZED_VERIFYOPTIMIZED_TD
