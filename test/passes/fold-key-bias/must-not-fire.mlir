// Rotary positions, caps of scores, and keys that are also values keep the bias.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-fold-key-bias > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-fold-key-bias --remarks-filter=lm-fold-key-bias -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] KeptKeyBias{{.*}}Op=rotary, Reason="rotary positions turn the bias by the position of the key"
// CHECK: [Missed] KeptKeyBias{{.*}}Op=both, Reason="something else uses the keys"
// CHECK: [Missed] KeptKeyBias{{.*}}Op=capped, Reason="a soft cap bends each score by itself"
lm.param @k : tensor<4x4xf32> = dense<1.0>
lm.param @kb : tensor<4xf32> = dense<2.0>
func.func @rotary(%x: tensor<?x?x4xf32>, %cache: !lm.cache) -> tensor<?x?x4xf32> {
  %k = lm.linear %x, @k bias @kb : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y, %c = lm.attention %x, %k, %x, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.causal,
                                            rope = #lm.rope<base = 1.0e4, dims = 4, layout = half>}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
      loc("rotary")
  return %y : tensor<?x?x4xf32>
}
func.func @both(%x: tensor<?x?x4xf32>, %len: tensor<?xi32>) -> tensor<?x?x4xf32> {
  %k = lm.linear %x, @k bias @kb : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y = lm.attention %x, %k, %k lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.full}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x4xf32> loc("both")
  return %y : tensor<?x?x4xf32>
}
func.func @capped(%x: tensor<?x?x4xf32>, %len: tensor<?xi32>) -> tensor<?x?x4xf32> {
  %k = lm.linear %x, @k bias @kb : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y = lm.attention %x, %k, %x lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 0.5 soft_cap = 2.0, mask = #lm.full}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x4xf32> loc("capped")
  return %y : tensor<?x?x4xf32>
}
