lm.param @w : tensor<2xf32> = dense<[1.0, 2.0]>
lm.param @b : tensor<2xf32> = dense<[0.0, 10.0]>
func.func @norm() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<[[[1.0, 7.0]]]> : tensor<1x1x2xf32>
  %y = lm.layer_norm %x, @w, @b {eps = 0.0} : tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}
// @norm: tensor<1x1x2xf32> [[[-1, 12]]]
