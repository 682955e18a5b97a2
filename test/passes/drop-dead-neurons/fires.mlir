// Neurons that add nothing: what a norm bounds below 0 for ReLU, rows or columns of zeros. Inputs reach the bounds: the
// first row of each is all one number but one. With numbers alike the results are the same; sums of 4 products in another
// order: 4 x 2^-24.
// RUN: lmopt-opt %s --lm-drop-dead-neurons=multiple=1 --remarks-filter=lm-drop-dead-neurons -o %t.mlir 2> %t.remarks
// RUN: FileCheck %s < %t.mlir && FileCheck %s --check-prefix=REMARKS < %t.remarks
// RUN: lmopt-opt %s --lm-interpret -o /dev/null > %t.before
// RUN: lmopt-opt %t.mlir --lm-interpret -o /dev/null > %t.after
// RUN: python3 %p/../compare.py %t.before %t.after --relative 2.4e-7

// REMARKS: remark: [Passed] DroppedNeurons | Category:lm-drop-dead-neurons | Dead=3, Kept=2, Of=5, Op=relu.down
// REMARKS: remark: [Passed] DroppedNeurons | Category:lm-drop-dead-neurons | Dead=3, Kept=1, Of=4, Op=gated.down
// REMARKS: remark: [Passed] DroppedNeurons | Category:lm-drop-dead-neurons | Dead=1, Kept=1, Of=2, Op=gelu.down
// REMARKS: remark: [Passed] DroppedNeurons | Category:lm-drop-dead-neurons | Dead=2, Kept=1, Of=2, Op=all.down

// Layer norm, g = (2, 1, 1, 1), h = (0.5, 0, 0, 0), so with w = (1, 0, 0, 0): |P(w g)| = sqrt(3), the bound is b + 0.5 + 3.4641.
// Neuron 0: -0.0359, dead; 1: 0.0141, lives; 2, w g = (1, 1, 1, 1) is a mean: b + 0.25 = -0.05, dead; 3: constant 0.5, lives;
// 4: its column is 0.
// CHECK: lm.param @relu.up.weight : tensor<2x4xf32> = #lm.take_rows<dense<{{.*}}, kept = [1, 3]>
// CHECK: lm.param @relu.up.bias : tensor<2xf32> = #lm.take_rows<dense<{{.*}}, kept = [1, 3]>
// CHECK: lm.param @relu.down.weight : tensor<2x2xf32> = #lm.transpose<#lm.take_rows<#lm.transpose<dense<{{.*}}, kept = [1, 3]>>
// CHECK-NOT: exactness
lm.param @g : tensor<4xf32> = dense<[2.0, 1.0, 1.0, 1.0]>
lm.param @h : tensor<4xf32> = dense<[0.5, 0.0, 0.0, 0.0]>
lm.param @relu.up.weight : tensor<5x4xf32> = dense<[[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.5, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [1.0, 2.0, 3.0, 4.0]]>
lm.param @relu.up.bias : tensor<5xf32> = dense<[-4.0, -3.95, -0.3, 0.5, 1.0]>
lm.param @relu.down.weight : tensor<2x5xf32> = dense<[[1.0, 2.0, 3.0, 4.0, 0.0], [5.0, 6.0, 7.0, 8.0, 0.0]]>
func.func @relu() -> tensor<1x3x2xf32> {
  %x = arith.constant dense<[[[9.0, 1.0, 1.0, 1.0], [1.0, 9.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0]]]> : tensor<1x3x4xf32>
  %n = lm.layer_norm %x, @g, @h {eps = 0.0} : tensor<1x3x4xf32>
  %u = lm.linear %n, @relu.up.weight bias @relu.up.bias : (tensor<1x3x4xf32>) -> tensor<1x3x5xf32>
  // CHECK: lm.activation %{{.*}} {kind = relu} : tensor<1x3x2xf32>
  %a = lm.activation %u {kind = relu} : tensor<1x3x5xf32>
  %y = lm.linear %a, @relu.down.weight attributes {lm.part = "relu.down"} : (tensor<1x3x5xf32>) -> tensor<1x3x2xf32>
  return %y : tensor<1x3x2xf32>
}

// RMS norm without weights: |w norm(x)| <= 2 |w|. Gate 0: -2.1 + 2 < 0; gate 1: -1.9 + 2 > 0 lives; gate 2 is 0; up 3 is 0.
lm.param @gated.gate.weight : tensor<4x4xf32> = dense<[[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]>
lm.param @gated.gate.bias : tensor<4xf32> = dense<[-2.1, -1.9, 0.0, 0.0]>
lm.param @gated.up.weight : tensor<4x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]>
lm.param @gated.down.weight : tensor<1x4xf32> = dense<[[1.0, 2.0, 3.0, 4.0]]>
func.func @gated() -> tensor<1x2x1xf32> {
  %x = arith.constant dense<[[[9.0, 0.0, 0.0, 0.0], [1.0, 2.0, 3.0, 4.0]]]> : tensor<1x2x4xf32>
  %n = lm.rms_norm %x {eps = 0.0} : tensor<1x2x4xf32>
  %g = lm.linear %n, @gated.gate.weight bias @gated.gate.bias : (tensor<1x2x4xf32>) -> tensor<1x2x4xf32>
  %u = lm.linear %n, @gated.up.weight : (tensor<1x2x4xf32>) -> tensor<1x2x4xf32>
  // CHECK: lm.gated_product %{{.*}}, %{{.*}} {kind = relu} : tensor<1x2x1xf32>
  %a = lm.gated_product %g, %u {kind = relu} : tensor<1x2x4xf32>
  %y = lm.linear %a, @gated.down.weight attributes {lm.part = "gated.down"} : (tensor<1x2x4xf32>) -> tensor<1x2x1xf32>
  return %y : tensor<1x2x1xf32>
}

// Any activation of 0 is 0, whatever the linear reads.
lm.param @gelu.up.weight : tensor<2x2xf32> = dense<[[0.0, 0.0], [1.0, 2.0]]>
lm.param @gelu.down.weight : tensor<1x2xf32> = dense<[[1.0, 2.0]]>
func.func @gelu() -> tensor<1x1x1xf32> {
  %x = arith.constant dense<[[[9.0, 1.0]]]> : tensor<1x1x2xf32>
  %u = lm.linear %x, @gelu.up.weight : (tensor<1x1x2xf32>) -> tensor<1x1x2xf32>
  // CHECK: lm.activation %{{.*}} {kind = gelu} : tensor<1x1x1xf32>
  %a = lm.activation %u {kind = gelu} : tensor<1x1x2xf32>
  %y = lm.linear %a, @gelu.down.weight attributes {lm.part = "gelu.down"} : (tensor<1x1x2xf32>) -> tensor<1x1x1xf32>
  return %y : tensor<1x1x1xf32>
}

// Something is left even where all are dead: the first of them.
lm.param @all.up.weight : tensor<2x2xf32> = dense<0.0>
lm.param @all.down.weight : tensor<1x2xf32> = dense<[[1.0, 2.0]]>
lm.param @all.down.bias : tensor<1xf32> = dense<3.0>
func.func @all() -> tensor<1x1x1xf32> {
  %x = arith.constant dense<[[[9.0, 1.0]]]> : tensor<1x1x2xf32>
  %u = lm.linear %x, @all.up.weight : (tensor<1x1x2xf32>) -> tensor<1x1x2xf32>
  // CHECK: lm.activation %{{.*}} {kind = silu} : tensor<1x1x1xf32>
  %a = lm.activation %u {kind = silu} : tensor<1x1x2xf32>
  %y = lm.linear %a, @all.down.weight bias @all.down.bias attributes {lm.part = "all.down"} : (tensor<1x1x2xf32>) -> tensor<1x1x1xf32>
  return %y : tensor<1x1x1xf32>
}
