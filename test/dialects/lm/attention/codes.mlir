// `as i8` keeps each head of a key and value as codes of 8 bits: 100 of 127 stays, 0.3 becomes a multiple of the step of 1.
// The one key that there is gets the weight 1, so the result is the value as kept.
// RUN: lmopt-opt %s --lm-interpret -o /dev/null | FileCheck %s
// CHECK: @kept: tensor<1x1x8xf32> {{\[\[\[}}127, 0, 100, -64, 0, 0, 0, 0]]]
func.func @kept() -> tensor<1x1x8xf32> {
  %q = arith.constant dense<1.0> : tensor<1x1x8xf32>
  %v = arith.constant dense<[[[127.0, 0.3, 100.2, -64.4, 0.0, 0.0, 0.0, 0.0]]]> : tensor<1x1x8xf32>
  %len = arith.constant dense<[1]> : tensor<1xi32>
  %y = lm.attention %q, %q, %v lengths %len {layer = 0, heads = 2, kv_heads = 2, scale = 1.0, mask = #lm.full} as i8
      : (tensor<1x1x8xf32>, tensor<1x1x8xf32>, tensor<1x1x8xf32>, tensor<1xi32>) -> tensor<1x1x8xf32>
  return %y : tensor<1x1x8xf32>
}
