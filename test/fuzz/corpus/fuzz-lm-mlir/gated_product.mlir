func.func @gated() -> tensor<1x1x2xf32> {
  %gate = arith.constant dense<[[[-1.0, 2.0]]]> : tensor<1x1x2xf32>
  %up = arith.constant dense<[[[3.0, 5.0]]]> : tensor<1x1x2xf32>
  %y = lm.gated_product %gate, %up {kind = relu} : tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}
// @gated: tensor<1x1x2xf32> [[[0, 10]]]
