// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention as its two halves. In: lm.attention. Out: lm.cache_append and lm.attend. Exact, bit for bit. Tested by
// test/passes/expand-attention.
#ifndef LMOPT_PASSES_EXPANDATTENTION_EXPANDATTENTION_TD
#define LMOPT_PASSES_EXPANDATTENTION_EXPANDATTENTION_TD

include "mlir/Pass/PassBase.td"

def LmExpandAttentionPass : Pass<"lm-expand-attention", "::mlir::ModuleOp"> {
  let summary = "split attention into what writes the cache and what reads it";
  let description = [{
    Each `lm.attention` becomes `lm.cache_append` of key and value and `lm.attend` of the query; both keep its name. One value
    is then one thing that has a place in memory: the cache is between the two.

    ```mlir
    %y, %longer = lm.attention %q, %k, %v, %cache {layer = 0, heads = 9, kv_heads = 3, ...} : ...
    // after:
    %longer = lm.cache_append %k, %v, %cache {layer = 0, kv_heads = 3, ...} : ...
    %y = lm.attend %q, %longer {layer = 0, heads = 9, kv_heads = 3, ...} : ...
    ```

    Exact, bit for bit. It comes behind all passes that rewrite attention, which look for the whole of it, and is no part of a
    recipe. Remarks: `ExpandedAttention`, one for each attention.
  }];
  let dependentDialects = ["::lmopt::lm::LMDialect"];
}

#endif // LMOPT_PASSES_EXPANDATTENTION_EXPANDATTENTION_TD
