// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs and weights of linears are rotated by a block Hadamard matrix.
// In: lm.linear on f32 weights. Out: lm.rotate + lm.linear on rotated weights; lm.embedding {rotated} for a shared table.
// From techniques 3.4g (the idea), design 10 (measured). Exact up to f32 rounding. Tested by test/passes/rotate.
#ifndef LMOPT_PASSES_ROTATE_ROTATE_TD
#define LMOPT_PASSES_ROTATE_ROTATE_TD

include "mlir/Pass/PassBase.td"

def LmRotatePass : Pass<"lm-rotate", "::mlir::ModuleOp"> {
  let summary = "rotate inputs and weights of linears by a block Hadamard matrix";
  let description = [{
    x Wᵀ = (x H)(W H)ᵀ for the block-diagonal normalized Hadamard matrix H, which is symmetric and orthogonal. The result
    is the same; but a large number in x is spread over its whole block, so that one scale a token loses far less when
    `lm-quantize-weights` follows. x H is a fast transform without multiplications but one; W H is computed when the
    weight is read.

    ```mlir
    %y = lm.linear %x, @w
    // after
    %r = lm.rotate %x {block = 64}
    %y = lm.linear %r, @w          // @w = #lm.rotate_columns<..., block = 64>
    ```

    Linears that read the same value share one rotation. A table that the embedding and the head share is stored rotated
    once, and the embedding gets `rotated`, which turns the looked-up row back.

    Exact up to rounding. Where `block` does not divide the width the greatest power of two that divides it is taken
    instead, down to 8; below, and where a weight is used by something that cannot be rotated, the linear is left alone
    (remark `NotRotated`). Linears that already read a rotated value are left alone.
    Remarks: `Rotated`, one for each linear.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"block", "block", "int64_t", /*default=*/"64", "Width of a block of the rotation: a power of two, 8 to 65536">,
    ListOption<"layers", "layers", "std::string",
               "Rotate only linears whose name matches one of these patterns (*, ?, [a-z]); default: all">,
    ListOption<"skip", "skip", "std::string", "Never rotate linears whose name matches one of these patterns">
  ];
}

#endif // LMOPT_PASSES_ROTATE_ROTATE_TD
