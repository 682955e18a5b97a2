// A weight that two layers share: its second product is made before the linear between them is replaced. What that linear
// gives is still quantized once.
// RUN: lmopt-opt %s --lm-quantize-groups | FileCheck %s
// CHECK-LABEL: func.func @forward
// CHECK: lm.quantize_groups
// CHECK-NEXT: lm.grouped_linear {{.*}}, @a
// CHECK-NEXT: lm.quantize_groups
// CHECK-NEXT: %[[X:.*]] = lm.grouped_linear {{.*}}, @b
// CHECK-NEXT: %[[C:.*]] = lm.quantize_groups %[[X]]
// CHECK-NEXT: lm.grouped_linear %[[C]], @a
// CHECK-NEXT: lm.grouped_linear %[[C]], @c
lm.param @a : tensor<32x32xf32> = dense<1.0>
lm.param @b : tensor<32x32xf32> = dense<2.0>
lm.param @c : tensor<32x32xf32> = dense<3.0>
func.func @forward(%x: tensor<?x?x32xf32>) -> tensor<?x?x32xf32> {
  %0 = lm.linear %x, @a : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("layers.0.up")
  %1 = lm.linear %0, @b : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("layers.0.down")
  %2 = lm.linear %1, @a : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("layers.1.up")
  %3 = lm.linear %1, @c : (tensor<?x?x32xf32>) -> tensor<?x?x32xf32> loc("layers.1.gate")
  %4 = lm.gated_product %2, %3 {kind = silu} : tensor<?x?x32xf32>
  return %4 : tensor<?x?x32xf32>
}
