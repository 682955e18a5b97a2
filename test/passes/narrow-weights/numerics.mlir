// (1) Numbers that bf16 holds: the products are the f32 ones. (2) Ties go to even: 1 + 2^-8 lies between 1 and 1 + 2^-7, and
// becomes 1; 1 + 3 * 2^-8 becomes 1 + 2^-6. (3) The tiny Llama: each factor is off by at most 2^-9 of itself, so a product by
// 2^-8, at random signs; through 2 layers and a head below 2 % of the largest logit. It must differ from f32.
// RUN: lmopt-opt %s --lm-narrow-weights --lm-interpret -o /dev/null | FileCheck %s
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/llama.mlir --lm-narrow-weights --lm-interpret -o /dev/null > %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 2e-2 --different
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %p/../Inputs/bert.mlir --lm-narrow-weights --lm-interpret -o /dev/null > %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 2e-2 --different

// CHECK: @exact: tensor<1x1x2xf32> {{\[\[\[}}257, -127.5{{]]]}}
// CHECK: @ties: tensor<1x1x1xf32> {{\[\[\[}}2.01562{{]]]}}
lm.param @w : tensor<2x2xf32> = dense<[[127.0, 1.0], [0.0, -127.0]]>
lm.param @b : tensor<2xf32> = dense<[2.0, -0.5]>
lm.param @ones : tensor<1x2xf32> = dense<1.0>
func.func @exact() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<[[[2.0, 1.0]]]> : tensor<1x1x2xf32>
  %y = lm.linear %x, @w bias @b : (tensor<1x1x2xf32>) -> tensor<1x1x2xf32> loc("project")
  return %y : tensor<1x1x2xf32>
}
func.func @ties() -> tensor<1x1x1xf32> {
  %x = arith.constant dense<[[[1.00390625, 1.01171875]]]> : tensor<1x1x2xf32>
  %y = lm.linear %x, @ones : (tensor<1x1x2xf32>) -> tensor<1x1x1xf32> loc("sum")
  return %y : tensor<1x1x1xf32>
}
