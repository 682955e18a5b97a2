// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention in bf16. In: lm.attention. Out: lm.attention ... as bf16. Lossy: 8 bits of mantissa for keys, values, queries and
// softmax weights. Tested by test/passes/narrow-attention.
#ifndef LMOPT_PASSES_NARROWATTENTION_NARROWATTENTION_TD
#define LMOPT_PASSES_NARROWATTENTION_NARROWATTENTION_TD

include "mlir/Pass/PassBase.td"

def LmNarrowAttentionPass : Pass<"lm-narrow-attention", "::mlir::ModuleOp"> {
  let summary = "keep keys and values as bf16 and multiply in bf16";
  let description = [{
    Keys and values of the cache become bf16, half the memory; scaled queries and softmax weights are rounded to bf16 for
    the products, whose sums stay f32. Lossy: each factor is off by at most 2^-9 of itself.

    ```mlir
    %y, %c = lm.attention %q, %k, %v, %cache {...} : ...
    // after: lm.attention %q, %k, %v, %cache {...} as bf16 : ...
    ```

    Does not fire on heads of odd width (remark `KeptElement`: the bf16 product takes pairs of dimensions).
    Remarks: `NarrowedAttention`, one for each attention.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
}

#endif // LMOPT_PASSES_NARROWATTENTION_NARROWATTENTION_TD
