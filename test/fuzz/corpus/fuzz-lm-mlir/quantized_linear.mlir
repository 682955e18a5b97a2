lm.param @w : !lm.int8<1x4> = #lm.quantize_rows<dense<[[0.5, -1.0, 0.25, 0.125]]> : tensor<1x4xf32>>
func.func @product() -> tensor<1x1x1xf32> {
  %x = arith.constant dense<[[[-1.0, 0.5, 2.0, 0.25]]]> : tensor<1x1x4xf32>
  %codes = lm.quantize_dynamic %x : (tensor<1x1x4xf32>) -> !lm.codes<1x1x4, u8>
  %y = lm.quantized_linear %codes, @w
      : (!lm.codes<1x1x4, u8>) -> tensor<1x1x1xf32>
  return %y : tensor<1x1x1xf32>
}
// @product: tensor<1x1x1xf32> [[[-0.462992]]]
