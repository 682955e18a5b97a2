func.func @unit() -> tensor<1x2xf32> {
  %x = arith.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %y = lm.l2_normalize %x : tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
// @unit: tensor<1x2xf32> [[0.6, 0.8]]
