// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products behind ReLU that read only what is not multiplied by zero. From techniques 6.4. Tested by
// test/passes/skip-zeros.
#ifndef LMOPT_PASSES_SKIPZEROS_SKIPZEROS_TD
#define LMOPT_PASSES_SKIPZEROS_SKIPZEROS_TD

include "mlir/Pass/PassBase.td"

def LmSkipZerosPass : Pass<"lm-skip-zeros", "::mlir::ModuleOp"> {
  let summary = "leave out of products behind ReLU what is multiplied by zero";
  let description = [{
    A linear behind `relu` becomes a product that reads the rows of its turned matrix whose number is not zero, where few are.

    ```mlir
    %a = lm.activation %u {kind = relu} : tensor<?x?x3072xf32>
    %y = lm.linear %a, @down bias @b : (tensor<?x?x3072xf32>) -> tensor<?x?x768xf32>
    // after:
    lm.param @down : tensor<3072x768xf32> = #lm.transpose<...>
    %y = lm.nonzero_linear %a, @down bias @b : (tensor<?x?x3072xf32>) -> tensor<?x?x768xf32>
    ```

    Exact for finite weights, up to the order of the sums. Whether it pays depends on the share of numbers that are not zero:
    `stats` has it, since what is behind ReLU is not zero where it is positive, which `lmopt calibrate` counts. Without `stats`
    half of the numbers count as not zero, as if each neuron fired for every other token, so nothing changes unless `most`
    allows that.

    `most`: the kernel reads a row for each number, at twice the cost of a product that keeps weights in registers for
    several tokens, so with many tokens half is where nothing is gained; 0.3 leaves room for the tokens that have more than the
    mean. With one token at a time anything below 1 reads fewer bytes.

    It comes where the formats of weights are chosen: the matrix stays f32. Statistics must be of the model as it stands here.
    Remarks: `SkippedZeros` with the share; `KeptDense` with the reason, for linears behind ReLU that stay.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"stats", "stats", "std::string", /*default=*/"", "Statistics that `lmopt calibrate` made of this model">,
    Option<"most", "most", "double", /*default=*/"0.3", "Greatest share of numbers that are not zero, in (0, 1]">,
    ListOption<"layers", "layers", "std::string", "Patterns over names of linears, e.g. layers.*.ffn.down; default: all">,
    ListOption<"skip", "skip", "std::string", "Patterns over names of linears to leave alone">
  ];
}

#endif // LMOPT_PASSES_SKIPZEROS_SKIPZEROS_TD
