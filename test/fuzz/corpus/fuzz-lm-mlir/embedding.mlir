lm.param @embed.weight : tensor<3x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]>
func.func @embed() -> tensor<1x2x2xf32> {
  %ids = arith.constant dense<[[2, 0]]> : tensor<1x2xi32>
  %y = lm.embedding %ids, @embed.weight : (tensor<1x2xi32>) -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}
// @embed: tensor<1x2x2xf32> [[[5, 6], [1, 2]]]
