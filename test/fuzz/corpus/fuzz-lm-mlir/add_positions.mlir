lm.param @position.weight : tensor<4x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]>
func.func @positions() -> tensor<1x2x2xf32> {
  %x = arith.constant dense<[[[10.0, 10.0], [20.0, 20.0]]]> : tensor<1x2x2xf32>
  %y = lm.add_positions %x, @position.weight : tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}
// @positions: tensor<1x2x2xf32> [[[11, 12], [23, 24]]]
