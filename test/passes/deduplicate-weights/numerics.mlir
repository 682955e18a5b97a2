// The same numbers before and after, bit for bit as printed.
// RUN: lmopt-opt %s --lm-interpret -o /dev/null | FileCheck %s
// RUN: lmopt-opt %s --lm-deduplicate-weights --lm-interpret -o /dev/null | FileCheck %s
// CHECK: @tied: tensor<1x2x2xf32> {{\[\[\[}}25, 11], [11, 5{{]]]}}

lm.param @embed.weight : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0]]>
lm.param @head.weight : tensor<2x2xf32> = dense<[[3.0, 4.0], [1.0, 2.0]]>
lm.param @again.weight : tensor<2x2xf32> = dense<[[3.0, 4.0], [1.0, 2.0]]>
func.func @tied() -> tensor<1x2x2xf32> {
  %ids = arith.constant dense<[[1, 0]]> : tensor<1x2xi32>
  %x = lm.embedding %ids, @embed.weight : (tensor<1x2xi32>) -> tensor<1x2x2xf32>
  %y = lm.linear %x, @again.weight : (tensor<1x2x2xf32>) -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}
func.func @keep_head() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  %y = lm.linear %x, @head.weight : (tensor<1x1x2xf32>) -> tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}
