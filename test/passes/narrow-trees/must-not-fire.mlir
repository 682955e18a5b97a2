// Rows that something else uses, and rows that are not f32.
// RUN: lmopt-opt %s --lm-narrow-trees='bits=8 numbers' --remarks-filter=lm-narrow-trees -o - 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK <%t

// CHECK-NOT: int8
// CHECK: func.func @both
lm.param @w : tensor<3x4xf32> = dense<1.0>
lm.param @h : tensor<3x4xbf16> = #lm.narrow<dense<1.0> : tensor<3x4xf32>>
lm.param @v : tensor<3x4xf32> = dense<1.0>
lm.param @own : tensor<3x4xf32> = dense<1.0>
func.func @both(%x: tensor<?x?x4xf32>) -> tensor<?x?x4xf32> {
  // REMARK: something else uses its rows, too
  %y = lm.neuron_tree %x, @w to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  // REMARK: its rows are not in f32
  %z = lm.neuron_tree %y, @h to @own {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  // REMARK: something else uses its rows, too
  %u = lm.neuron_tree %z, @w to @v {kind = gelu} : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %u : tensor<?x?x4xf32>
}
// CHECK-NOT: int8
