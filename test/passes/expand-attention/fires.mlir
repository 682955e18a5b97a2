// Both forms come apart; both halves keep the name, the cache is between them, and the type of the result stays.
// RUN: lmopt-opt %s --lm-expand-attention | FileCheck %s
// RUN: lmopt-opt %s --lm-expand-attention --remarks-filter=lm-expand-attention -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-expand-attention > %t.once
// RUN: lmopt-opt %s --lm-expand-attention --lm-expand-attention > %t.twice
// RUN: diff %t.once %t.twice

// REMARK: [Passed] ExpandedAttention | Category:lm-expand-attention | Op=layers.0.attn

// CHECK-LABEL: func.func @decoder
// CHECK-SAME: %[[Q:.*]]: tensor<?x?x8xf32>, %[[K:.*]]: tensor<?x?x4xf32>, %[[V:.*]]: tensor<?x?x6xf32>, %[[CACHE:.*]]: !lm.cache)
// CHECK-NEXT: %[[ONE:.*]] = lm.cache_append %[[K]], %[[V]], %[[CACHE]] {layer = 0, kv_heads = 1, rope = #lm.rope<base = 1.000000e+04, dims = 4, layout = half>} as bf16 attributes {lm.part = "layers.0.attn"}
// CHECK-NEXT: %[[Y:.*]] = lm.attend %[[Q]], %[[ONE]] {layer = 0, heads = 2, kv_heads = 1, scale = 5.000000e-01, mask = #lm.causal, rope = #lm.rope<base = 1.000000e+04, dims = 4, layout = half>} as bf16 attributes {lm.part = "layers.0.attn"} : (tensor<?x?x8xf32>, !lm.cache) -> tensor<1x?x12xf32>
// CHECK-NEXT: %[[TWO:.*]] = lm.cache_append %[[K]], %[[V]], %[[ONE]] {layer = 1, kv_heads = 1} :
// CHECK-NEXT: %[[Z:.*]] = lm.attend %[[Q]], %[[TWO]] {layer = 1,
// CHECK-NEXT: return %[[Y]], %[[Z]], %[[TWO]]
func.func @decoder(%q: tensor<?x?x8xf32>, %k: tensor<?x?x4xf32>, %v: tensor<?x?x6xf32>, %cache: !lm.cache)
    -> (tensor<1x?x12xf32>, tensor<?x?x12xf32>, !lm.cache) {
  %y, %c1 = lm.attention %q, %k, %v, %cache {layer = 0, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.causal,
                                             rope = #lm.rope<base = 1.0e4, dims = 4, layout = half>} as bf16
      : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> (tensor<1x?x12xf32>, !lm.cache)
      loc("layers.0.attn")
  %z, %c2 = lm.attention %q, %k, %v, %c1 {layer = 1, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.causal}
      : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x6xf32>, !lm.cache) -> (tensor<?x?x12xf32>, !lm.cache)
  return %y, %z, %c2 : tensor<1x?x12xf32>, tensor<?x?x12xf32>, !lm.cache
}

// CHECK-LABEL: func.func @encoder
// CHECK-SAME: %[[X:.*]]: tensor<?x?x4xf32>, %[[LEN:.*]]: tensor<?xi32>)
// CHECK-NEXT: %[[KEPT:.*]] = lm.cache_append %[[X]], %[[X]] lengths %[[LEN]] {layer = 5, kv_heads = 2} as i8 :
// CHECK-NEXT: %[[Y:.*]] = lm.attend %[[X]], %[[KEPT]] lengths %[[LEN]] {layer = 5, heads = 2, kv_heads = 2, scale = 1.000000e+00, mask = #lm.full} as i8 :
// CHECK-NEXT: return %[[Y]]
func.func @encoder(%x: tensor<?x?x4xf32>, %len: tensor<?xi32>) -> tensor<?x?x4xf32> {
  %y = lm.attention %x, %x, %x lengths %len {layer = 5, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.full} as i8
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}
