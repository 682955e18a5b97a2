lm.param @v : tensor<2xf32> = dense<[10.0, 20.0]>
func.func @shift() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
  %y = lm.bias_add %x, @v : tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}
// @shift: tensor<1x1x2xf32> [[[11, 22]]]
