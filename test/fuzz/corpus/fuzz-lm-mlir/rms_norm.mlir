lm.param @w : tensor<2xf32> = dense<[1.0, 2.0]>
func.func @norm() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<[[[1.0, 7.0]]]> : tensor<1x1x2xf32>
  %y = lm.rms_norm %x, @w {eps = 0.0} : tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}
// @norm: tensor<1x1x2xf32> [[[0.2, 2.8]]]
