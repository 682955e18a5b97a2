func.func @one_key() -> tensor<1x2x2xf32> {
  %q = arith.constant dense<1.0> : tensor<1x2x2xf32>
  %v = arith.constant dense<[[[5.0, 6.0], [7.0, 8.0]]]> : tensor<1x2x2xf32>
  %len = arith.constant dense<[1]> : tensor<1xi32>
  %y = lm.attention %q, %q, %v lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full}
      : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1xi32>) -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}
// @one_key: tensor<1x2x2xf32> [[[5, 6], [0, 0]]]
func.func @decode(%cache: !lm.cache) -> tensor<1x2x2xf32> {
  %q = arith.constant dense<0.0> : tensor<1x2x2xf32>
  %v = arith.constant dense<[[[5.0, 6.0], [7.0, 8.0]]]> : tensor<1x2x2xf32>
  %y, %longer = lm.attention %q, %q, %v, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0,
                                                 mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 2,
                                                                                    layout = half>}
      : (tensor<1x2x2xf32>, tensor<1x2x2xf32>, tensor<1x2x2xf32>, !lm.cache) -> (tensor<1x2x2xf32>, !lm.cache)
  return %y : tensor<1x2x2xf32>
}
// @decode: tensor<1x2x2xf32> [[[5, 6], [6, 7]]]
