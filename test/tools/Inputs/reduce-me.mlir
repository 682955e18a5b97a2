lm.param @w : tensor<4xf32> = dense<1.0>
lm.param @unused : tensor<4xf32> = dense<2.0>
func.func @f(%x: tensor<?x?x4xf32>, %cache: !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache) {
  %a = lm.rms_norm %x, @w {eps = 1.0e-5} : tensor<?x?x4xf32>
  %b = lm.rotate %a {block = 4} : tensor<?x?x4xf32>
  %c, %longer = lm.attention %b, %b, %b, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
  %d = lm.activation %c {kind = gelu} : tensor<?x?x4xf32>
  %e = lm.add %d, %x : tensor<?x?x4xf32>
  return %e, %longer : tensor<?x?x4xf32>, !lm.cache
}
func.func @g(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  %y = lm.bias_add %x, @w : tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}
