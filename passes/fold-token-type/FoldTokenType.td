// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A vector that is added to all tokens goes into the position table.
// In: lm.bias_add next to lm.add_positions. Out: lm.add_positions only. From techniques 3.4e.
// Exact up to f32 rounding. Tested by test/passes/fold-token-type.
#ifndef LMOPT_PASSES_FOLDTOKENTYPE_FOLDTOKENTYPE_TD
#define LMOPT_PASSES_FOLDTOKENTYPE_FOLDTOKENTYPE_TD

include "mlir/Pass/PassBase.td"

def LmFoldTokenTypePass : Pass<"lm-fold-token-type", "::mlir::ModuleOp"> {
  let summary = "fold a constant vector into the position table";
  let description = [{
    BERT adds the row of token type 0 to every token and then the row of its position. One table with the vector added to
    each row does both.

    ```mlir
    %t = lm.bias_add %x, @token_type.weight
    %p = lm.add_positions %t, @position.weight
    // after: %p = lm.add_positions %x, @position.weight with #lm.add_to_rows<..., ...>
    ```

    Exact up to rounding (the sum is taken in another order). Both orders of the two ops are recognised. Does not fire
    (remark `KeptVector`) when something else uses the value between them or the position table.
    Remarks: `FoldedVector`.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
}

#endif // LMOPT_PASSES_FOLDTOKENTYPE_FOLDTOKENTYPE_TD
