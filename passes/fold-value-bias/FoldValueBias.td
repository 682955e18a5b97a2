// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bias of values goes through attention into the output projection.
// In: lm.linear -> lm.attention -> lm.linear. Out: no bias on values, a derived bias on the output.
// From techniques 3.4d. Exact up to f32 rounding. Tested by test/passes/fold-value-bias.
#ifndef LMOPT_PASSES_FOLDVALUEBIAS_FOLDVALUEBIAS_TD
#define LMOPT_PASSES_FOLDVALUEBIAS_FOLDVALUEBIAS_TD

include "mlir/Pass/PassBase.td"

def LmFoldValueBiasPass : Pass<"lm-fold-value-bias", "::mlir::ModuleOp"> {
  let summary = "fold the bias of values into the output projection";
  let description = [{
    The rows of softmax sum to one, so a bias on the values passes through the attention unchanged and the output
    projection can add it: b_o becomes W_o b_v + b_o.

    ```mlir
    %v = lm.linear %x, @v.weight bias @v.bias
    %a = lm.attention %q, %k, %v, %len {...}
    %o = lm.linear %a, @o.weight bias @o.bias
    // after: %v has no bias, @o.bias = #lm.matvec_add<@o.weight's value, @v.bias's value, @o.bias's value>
    ```

    Exact up to rounding. Does not fire (remark `KeptValueBias`) when heads share values (kv_heads < heads), when
    anything but one linear reads the attention, or when rows beyond the length of a text, which are zero after
    attention and would now get the bias, can be seen in a result (an encoder that returns every position).
    Remarks: `FoldedValueBias`, one for each attention.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
}

#endif // LMOPT_PASSES_FOLDVALUEBIAS_FOLDVALUEBIAS_TD
