// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The relative error of each quantized weight, into its exactness.
// In: lm.param labelled approximate. Out: the same with `error`. From design 5 (nothing lossy is silent).
// Tested by test/passes/measure-weights.
#ifndef LMOPT_PASSES_MEASUREWEIGHTS_MEASUREWEIGHTS_TD
#define LMOPT_PASSES_MEASUREWEIGHTS_MEASUREWEIGHTS_TD

include "mlir/Pass/PassBase.td"

def LmMeasureWeightsPass : Pass<"lm-measure-weights", "::mlir::ModuleOp"> {
  let summary = "measure what each approximate weight lost";
  let description = [{
    Reads each param that is labelled `approximate` without an error and whose value is `#lm.quantize_rows<W>`,
    `#lm.quantize_groups<W>` or `#lm.narrow<W>`, once as W and once as what became of it, and writes the relative error

        ||W - W'|| / ||W||       (Frobenius norm; 0 for a weight of zeros)

    into the label, where `lmopt inspect` shows it.

    ```mlir
    lm.param @w : !lm.int8<64x64> = #lm.quantize_rows<...> exactness <approximate>
    // after: exactness <approximate, error = 4.1e-3>
    ```

    Changes no number. Reads files: a weight that cannot be read is an error. Weights are measured on all threads, one
    weight a thread in memory. Remarks: `MeasuredWeight`, one for each param.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"base", "base", "std::string", /*default=*/"",
           "Where relative file names of weights start; default: the folder of the module's file">
  ];
}

#endif // LMOPT_PASSES_MEASUREWEIGHTS_MEASUREWEIGHTS_TD
