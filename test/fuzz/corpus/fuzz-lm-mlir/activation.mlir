func.func @positive() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<[[[-1.0, 2.0]]]> : tensor<1x1x2xf32>
  %y = lm.activation %x {kind = relu} : tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}
// @positive: tensor<1x1x2xf32> [[[0, 2]]]
