// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The head of a decoder, cheaper. In: a decoder. Out: the same, which also gives its greatest logits alone. From
// techniques 5.4 (d), 15.6 (7). Exact. Tested by test/passes/factorize-softmax.
#ifndef LMOPT_PASSES_FACTORIZESOFTMAX_FACTORIZESOFTMAX_TD
#define LMOPT_PASSES_FACTORIZESOFTMAX_FACTORIZESOFTMAX_TD

include "mlir/Pass/PassBase.td"

def LmFactorizeSoftmaxPass : Pass<"lm-factorize-softmax", "::mlir::ModuleOp"> {
  let summary = "find the likeliest tokens of a decoder without all of its logits";
  let description = [{
    `method=certified`: a decoder gives its greatest logits as a second result. Its head is multiplied in 8 bits first; an
    error bound tells which rows may be among the greatest, and only these are multiplied with the weights as they are.
    The artifact has a third entry for that, which greedy and top-k sampling use; whoever wants all logits gets them as before.

    ```mlir
    %y = lm.linear %x, @head
    return %y, %cache
    // after, with count=64
    %y = lm.linear %x, @head
    %r = lm.rotate %x {block = 64}
    %c = lm.quantize_dynamic %r
    %p = lm.quantized_linear %c, @head.preview
    %t = lm.top_linear %x, @head preview %p of %r, %c, @head.preview {count = 64, block = 64}
    return %y, %t {lm.result = "top_logits"}, %cache
    ```

    Exact: the greatest logits are those of the whole product, bit for bit, and so are the tokens that are chosen.
    A step reads a byte for each number of the head instead of four (f32) or two (bf16), so it must come behind the passes
    that choose the format of the weights, and a head in 8 bits or less is refused: it has nothing to gain.
    A module that has such a result already stays as it is. Remark: `CertifiedHead`.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
  let options = [
    Option<"method", "method", "std::string", /*default=*/"\"certified\"", "How: certified">,
    Option<"count", "count", "int64_t", /*default=*/"64", "Greatest logits that can be asked for, 1 to the vocabulary">
  ];
}

#endif // LMOPT_PASSES_FACTORIZESOFTMAX_FACTORIZESOFTMAX_TD
