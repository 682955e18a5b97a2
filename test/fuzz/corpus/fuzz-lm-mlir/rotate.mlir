func.func @spread() -> tensor<1x1x4xf32> {
  %x = arith.constant dense<[[[8.0, 0.0, 0.0, 0.0]]]> : tensor<1x1x4xf32>
  %y = lm.rotate %x {block = 4} : tensor<1x1x4xf32>
  return %y : tensor<1x1x4xf32>
}
// @spread: tensor<1x1x4xf32> [[[4, 4, 4, 4]]]
