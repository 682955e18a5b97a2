lm.param @w : tensor<3x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]>
lm.param @b : tensor<3xf32> = dense<[0.0, 0.0, 100.0]>
func.func @project() -> tensor<1x1x3xf32> {
  %x = arith.constant dense<[[[2.0, 3.0]]]> : tensor<1x1x2xf32>
  %y = lm.linear %x, @w bias @b : (tensor<1x1x2xf32>) -> tensor<1x1x3xf32>
  return %y : tensor<1x1x3xf32>
}
// @project: tensor<1x1x3xf32> [[[2, 3, 105]]]
