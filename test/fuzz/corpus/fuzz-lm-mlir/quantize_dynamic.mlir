func.func @quantize() -> !lm.codes<1x1x4, u8> {
  %x = arith.constant dense<[[[-1.0, 0.5, 2.0, 0.25]]]> : tensor<1x1x4xf32>
  %codes = lm.quantize_dynamic %x : (tensor<1x1x4xf32>) -> !lm.codes<1x1x4, u8>
  return %codes : !lm.codes<1x1x4, u8>
}
// @quantize: tensor<1x1x4xui8> [[[0, 127, 255, 106]]]
// @quantize: tensor<1x1xf32> [[0.0117647]]
// @quantize: tensor<1x1xi32> [[85]]
