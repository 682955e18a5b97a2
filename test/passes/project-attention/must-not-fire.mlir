// Attentions whose keys cannot be projected are refused by name, and may be left out.
// RUN: not lmopt-opt %p/../Inputs/llama.mlir --lm-project-attention=rank=3 2>&1 | FileCheck %s
// CHECK: lm-project-attention: 'layers.0.attn' cannot be projected: its mask is causal: rows of a projection are of tokens that a query must not see; leave it out with 'skip'
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-project-attention='rank=3 skip=*' | FileCheck %s --check-prefix=LEFT
// LEFT-NOT: project =
// RUN: not lmopt-opt %s --lm-project-attention='rank=3 layers=rope' 2>&1 | FileCheck %s --check-prefix=ROPE
// ROPE: lm-project-attention: 'rope' cannot be projected: rotary positions turn its keys one by one; leave it out with 'skip'
// RUN: not lmopt-opt %s --lm-project-attention='rank=3 layers=causal' 2>&1 | FileCheck %s --check-prefix=CAUSAL
// CAUSAL: lm-project-attention: 'causal' cannot be projected: its mask is causal:
// RUN: not lmopt-opt %s --lm-project-attention='rank=3 layers=biased' 2>&1 | FileCheck %s --check-prefix=BIASED
// BIASED: lm-project-attention: 'biased' cannot be projected: its scores have a bias of the distance to each token; leave it out with 'skip'
func.func @attentions(%q: tensor<?x?x8xf32>, %n: tensor<?xi32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  %a = lm.attention %q, %q, %q lengths %n {layer = 0, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half>} attributes {lm.part = "rope"} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  %b = lm.attention %a, %a, %a lengths %n {layer = 1, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.causal} attributes {lm.part = "causal"} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  %c = lm.attention %b, %b, %b lengths %n {layer = 2, heads = 2, kv_heads = 2, scale = 0.5, mask = #lm.full bias = #lm.alibi<slopes = [0.5, 0.25]>} attributes {lm.part = "biased"} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?xi32>) -> tensor<?x?x8xf32>
  return %a, %b, %c : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
}
