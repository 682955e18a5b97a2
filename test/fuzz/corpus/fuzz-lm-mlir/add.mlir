func.func @residual() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
  %h = lm.add %x, %x : tensor<1x1x2xf32>
  return %h : tensor<1x1x2xf32>
}
// @residual: tensor<1x1x2xf32> [[[2, 4]]]
