lm.param @table : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, -4.0]]>
lm.param @row : tensor<2xf32> = #lm.row<dense<[[1.0, 2.0], [3.0, -4.0]]> : tensor<2x2xf32>, 1>
lm.param @codes : !lm.int8<2x2> = #lm.quantize_rows<dense<[[1.0, 2.0], [3.0, -4.0]]> : tensor<2x2xf32>>
    exactness <approximate, error = 4.0e-3>
func.func @sum_of_row() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<[[[10.0, 20.0]]]> : tensor<1x1x2xf32>
  %y = lm.bias_add %x, @row : tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}
// @sum_of_row: tensor<1x1x2xf32> [[[13, 16]]]
