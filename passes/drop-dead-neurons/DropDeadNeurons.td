// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Feed-forward blocks without the neurons that are 0 for every input. From techniques 7.3. Tested by
// test/passes/drop-dead-neurons.
#ifndef LMOPT_PASSES_DROPDEADNEURONS_DROPDEADNEURONS_TD
#define LMOPT_PASSES_DROPDEADNEURONS_DROPDEADNEURONS_TD

include "mlir/Pass/PassBase.td"

def LmDropDeadNeuronsPass : Pass<"lm-drop-dead-neurons", "::mlir::ModuleOp"> {
  let summary = "remove neurons that add nothing, whatever the input";
  let description = [{
    A norm bounds what a linear behind it can give: with d numbers, weight g and bias h of the norm, and P taking the mean
    off (layer norm; nothing for an RMS norm),

        |w . norm(x) + b - (b + w . h)| <= sqrt(d) |P(w * g)|

    A neuron is dead, and goes, when with ReLU this is never positive; when its row of the matrix before the activation and
    its bias are all zeros (every activation is 0 at 0; of a gated product either side will do); or when its column of the
    matrix behind the activation is. What is left is rounded up to a `multiple`, by keeping some.

    ```mlir
    %n = lm.layer_norm %x, @w, @b {eps = 1.0e-12} : tensor<?x?x384xf32>
    %u = lm.linear %n, @up bias @up.bias : (...) -> tensor<?x?x1536xf32>
    %a = lm.activation %u {kind = relu} : tensor<?x?x1536xf32>
    %y = lm.linear %a, @down : (tensor<?x?x1536xf32>) -> ...
    // after, with 20 dead ones:
    lm.param @up : tensor<1520x384xf32> = #lm.take_rows<..., kept = [0, 1, 3, ...]>     // and @up.bias
    lm.param @down : tensor<384x1520xf32> = #lm.transpose<#lm.take_rows<#lm.transpose<...>, kept = [0, 1, 3, ...]>>
    ```

    Exact up to rounding: no text is needed. A bound counts as never positive with as much to spare as sums in f32 may be
    off. Remarks: `DroppedNeurons`, with the numbers dead, kept and of all; `NotDropped` with the reason, where a block has
    dead neurons that stay or cannot be looked at.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"multiple", "multiple", "int64_t", /*default=*/"16",
           "What is left is rounded up to a multiple: 16 numbers fill a register of 512 bits">,
    Option<"base", "base", "std::string", /*default=*/"",
           "Where relative file names of weights start; default: the folder of the module's file">,
    ListOption<"layers", "layers", "std::string", "Patterns over names of the last linears, e.g. layers.*.ffn.down; default: all">,
    ListOption<"skip", "skip", "std::string", "Patterns over names of linears to leave alone">
  ];
}

#endif // LMOPT_PASSES_DROPDEADNEURONS_DROPDEADNEURONS_TD
