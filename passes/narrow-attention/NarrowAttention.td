// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention over narrow keys and values. In: lm.attention. Out: lm.attention ... as bf16 or as i8. Lossy: see below. Tested by
// test/passes/narrow-attention.
#ifndef LMOPT_PASSES_NARROWATTENTION_NARROWATTENTION_TD
#define LMOPT_PASSES_NARROWATTENTION_NARROWATTENTION_TD

include "mlir/Pass/PassBase.td"

def LmNarrowAttentionPass : Pass<"lm-narrow-attention", "::mlir::ModuleOp"> {
  let summary = "keep keys and values as bf16 or int8, and multiply in that";
  let description = [{
    `bf16`: keys and values of the cache become bf16, half the memory; scaled queries and softmax weights are rounded to bf16
    for the products, whose sums stay f32. Lossy: each factor is off by at most 2^-9 of itself.

    `i8`: each head of a key or value becomes codes of 8 bits with one scale, 53 % of the memory of bf16 (heads of 64);
    queries and softmax weights keep 16 bits, sums are exact. Lossy: keys and values are off by at most 1/254 of the largest
    number of their head. For many sequences at once and for long ones, where decoding is bound by reading the cache.

    ```mlir
    %y, %c = lm.attention %q, %k, %v, %cache {...} : ...
    // after: lm.attention %q, %k, %v, %cache {...} as bf16 : ...
    ```

    What has a type already keeps it. Does not fire where the type needs other heads (remark `KeptElement`: bf16 takes pairs of
    dimensions, i8 heads of at most 512). Remarks: `NarrowedAttention`, one for each attention.
  }];
  let options = [
    Option<"element", "element", "std::string", "\"bf16\"", "`bf16` or `i8`">
  ];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
}

#endif // LMOPT_PASSES_NARROWATTENTION_NARROWATTENTION_TD
