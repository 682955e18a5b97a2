// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the vectors of a sequence to one vector. Tested by test/dialects/lm/pooling.

#ifndef LMOPT_DIALECTS_LM_POOLING_POOLING_TD
#define LMOPT_DIALECTS_LM_POOLING_POOLING_TD

include "dialects/lm/LmTypes.td"
include "dialects/lm/LmAttributes.td"

def LM_PoolOp : LM_Op<"pool", [Pure], ["getAccesses"]> {
  let summary = "one vector for each sequence";
  let description = [{
    Over the rows t < n of each sequence, n = lengths[b] limited to 0 .. T; padding is ignored:

    - `mean`: their mean; `max`: their greatest value for each number
    - `cls`: row 0; `last`: row n - 1
    - `mean_sqrt`: their sum over the root of n; `weighted`: their mean with the weights 1, 2, ... n

    Of several kinds, `{kind = cls + mean}`, the vectors stand side by side. A sequence of length 0 gives zeros. Shapes: x (B, T, D),
    lengths (B), result (B, D times the kinds).

    Constraints:
    - C1: the width of the result is that of x, times the number of kinds.
    - C2: the batch sizes of x, lengths and result agree.
    - C3: there is at least one kind, and at most 16.

    ```mlir
    func.func @mean() -> tensor<1x2xf32> {
      %x = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]]> : tensor<1x3x2xf32>
      %len = arith.constant dense<[2]> : tensor<1xi32>
      %y = lm.pool %x, %len {kind = mean} : (tensor<1x3x2xf32>, tensor<1xi32>) -> tensor<1x2xf32>
      return %y : tensor<1x2xf32>
    }
    // @mean: tensor<1x2xf32> [[2, 3]]
    func.func @first_and_weighted() -> tensor<1x4xf32> {
      %x = arith.constant dense<[[[1.0, 2.0], [4.0, 8.0]]]> : tensor<1x2x2xf32>
      %len = arith.constant dense<[2]> : tensor<1xi32>
      %y = lm.pool %x, %len {kind = cls + weighted} : (tensor<1x2x2xf32>, tensor<1xi32>) -> tensor<1x4xf32>
      return %y : tensor<1x4xf32>
    }
    // @first_and_weighted: tensor<1x4xf32> [[1, 2, 3, 6]]
    ```
  }];
  let arguments = (ins LM_Activation:$input, LM_Lengths:$lengths, LM_PoolKindsAttr:$kinds);
  let results = (outs LM_Vectors:$result);
  let assemblyFormat = [{
    $input `,` $lengths ` ` `{` `kind` `=` custom<PoolKinds>($kinds) `}` attr-dict-with-keyword `:` functional-type(operands, results)
  }];
  let builders = [
    // The result type follows from the input.
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$lengths, "::lmopt::lm::PoolKind":$kind)>,
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$lengths, "::llvm::ArrayRef<::lmopt::lm::PoolKind>":$kinds)>
  ];
  let extraClassDeclaration = [{
    /// As plain numbers, in their order.
    ::std::vector<::lmopt::Pooling> getPoolings();
  }];
  let hasVerifier = 1;
}

#endif // LMOPT_DIALECTS_LM_POOLING_POOLING_TD
