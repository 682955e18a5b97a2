// Half-split positions stay; a key that two attentions share, or a weight that two projections share, stays interleaved.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-normalize-rope > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-normalize-rope --remarks-filter=lm-normalize-rope -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] KeptLayout{{.*}}Op=no_linear, Reason="the query is not made by a linear of its own"
// CHECK: [Missed] KeptLayout{{.*}}Op=shared, Reason="the key is not made by a linear of its own"
lm.param @w : tensor<4x4xf32> = dense<1.0>
lm.param @k : tensor<4x4xf32> = dense<2.0>

func.func @half(%x: tensor<?x?x4xf32>, %cache: !lm.cache) -> tensor<?x?x4xf32> {
  %y, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.causal,
                                            rope = #lm.rope<base = 1.0e4, dims = 4, layout = half>}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
  return %y : tensor<?x?x4xf32>
}
func.func @no_linear(%x: tensor<?x?x4xf32>, %cache: !lm.cache) -> tensor<?x?x4xf32> {
  %y, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.causal,
                                            rope = #lm.rope<base = 1.0e4, dims = 4, layout = interleaved>}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
      loc("no_linear")
  return %y : tensor<?x?x4xf32>
}
func.func @shared(%x: tensor<?x?x4xf32>, %cache: !lm.cache) -> (tensor<?x?x4xf32>, tensor<?x?x4xf32>) {
  %q = lm.linear %x, @w : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %k = lm.linear %x, @k : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y, %c = lm.attention %q, %k, %x, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.causal,
                                            rope = #lm.rope<base = 1.0e4, dims = 4, layout = interleaved>}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
      loc("shared")
  return %y, %k : tensor<?x?x4xf32>, tensor<?x?x4xf32>
}
