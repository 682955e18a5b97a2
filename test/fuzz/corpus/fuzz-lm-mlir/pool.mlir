func.func @mean() -> tensor<1x2xf32> {
  %x = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]]> : tensor<1x3x2xf32>
  %len = arith.constant dense<[2]> : tensor<1xi32>
  %y = lm.pool %x, %len {kind = mean} : (tensor<1x3x2xf32>, tensor<1xi32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
// @mean: tensor<1x2xf32> [[2, 3]]
