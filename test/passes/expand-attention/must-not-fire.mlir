// Halves stay as they are, also where one cache has several readers; so does all that is no attention.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-expand-attention > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-expand-attention --remarks-filter=lm-expand-attention -o /dev/null 2>&1 | FileCheck %s --allow-empty
// CHECK-NOT: ExpandedAttention
func.func @halves(%x: tensor<?x?x4xf32>, %cache: !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache) {
  %kept = lm.cache_append %x, %x, %cache {layer = 0, kv_heads = 1}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> !lm.cache
  %y = lm.attend %x, %kept {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal}
      : (tensor<?x?x4xf32>, !lm.cache) -> tensor<?x?x4xf32>
  %z = lm.attend %y, %kept {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal}
      : (tensor<?x?x4xf32>, !lm.cache) -> tensor<?x?x4xf32>
  return %z, %kept : tensor<?x?x4xf32>, !lm.cache
}
