// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tied weights: one param for each distinct weight. In: any lm module. Out: the same module with fewer params.
// From techniques 3.4j. Cost: none, exact bit for bit. Tested by test/passes/deduplicate-weights.
#ifndef LMOPT_PASSES_DEDUPLICATEWEIGHTS_DEDUPLICATEWEIGHTS_TD
#define LMOPT_PASSES_DEDUPLICATEWEIGHTS_DEDUPLICATEWEIGHTS_TD

include "mlir/Pass/PassBase.td"

def LmDeduplicateWeightsPass : Pass<"lm-deduplicate-weights", "::mlir::ModuleOp"> {
  let summary = "keep one param for weights with the same value";
  let description = [{
    Params whose type and weight attribute are identical hold the same numbers; all users are pointed to the first of them
    and the others are erased. This finds tied weights that a checkpoint lists twice (an output head that names the tensor
    of the embedding), so that later passes see the sharing and the artifact stores the table once.

    ```mlir
    lm.param @embed.weight : tensor<4x2xf32> = #lm.gguf<"m.gguf", "token_embd.weight", f32>
    lm.param @head.weight : tensor<4x2xf32> = #lm.gguf<"m.gguf", "token_embd.weight", f32>
    // after: users of @head.weight use @embed.weight
    ```

    Exact: no number changes. Only attributes are compared, never the content of files.
    Remarks: `SharedWeight`, one for each param that went away.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
}

#endif // LMOPT_PASSES_DEDUPLICATEWEIGHTS_DEDUPLICATEWEIGHTS_TD
