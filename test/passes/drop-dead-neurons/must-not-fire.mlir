// What lives, or cannot be known to be dead, stays.
// RUN: lmopt-opt %s --lm-drop-dead-neurons=multiple=1 --remarks-filter=lm-drop-dead-neurons 2>&1 | FileCheck %s --implicit-check-not=DroppedNeurons
// RUN: lmopt-opt %s --lm-drop-dead-neurons='multiple=1 skip=*.down' --remarks-filter=lm-drop-dead-neurons 2>&1 | FileCheck %s --check-prefix=SKIPPED --implicit-check-not=remark
// RUN: lmopt-opt %p/fires.mlir --lm-drop-dead-neurons='multiple=8' --remarks-filter=lm-drop-dead-neurons 2>&1 | FileCheck %s --check-prefix=ROUNDED --implicit-check-not=DroppedNeurons
// RUN: lmopt-opt %p/fires.mlir --lm-drop-dead-neurons=multiple=1 -o %t.once
// RUN: lmopt-opt %t.once --lm-drop-dead-neurons=multiple=1 | diff %t.once -
// SKIPPED: lm.param
// ROUNDED: remark: [Missed] NotDropped | Category:lm-drop-dead-neurons | Op=relu.down, Reason="rounded up to a multiple of 8, its 3 dead neurons stay"
// ROUNDED: remark: [Missed] NotDropped | Category:lm-drop-dead-neurons | Op=gated.down, Reason="rounded up to a multiple of 8, its 3 dead neurons stay"
// CHECK-DAG: remark: [Missed] NotDropped | Category:lm-drop-dead-neurons | Op=shared.down, Reason="what its activation reads is no f32 linear of its own"
// CHECK-DAG: remark: [Missed] NotDropped | Category:lm-drop-dead-neurons | Op=read.down, Reason="the values between its linears are also used elsewhere"

// GELU of a negative number is not 0; a bound of 0 within rounding is none; without a norm nothing is bounded.
// CHECK: func.func @lives
lm.param @up.weight : tensor<2x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0]]>
lm.param @up.bias : tensor<2xf32> = dense<[-9.0, -9.0]>
lm.param @edge.bias : tensor<2xf32> = dense<-1.41421356>
lm.param @edge.weight : tensor<2x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0]]>
lm.param @free.bias : tensor<2xf32> = dense<[-9.0, -9.0]>
lm.param @free.weight : tensor<2x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0]]>
lm.param @down.weight : tensor<1x2xf32> = dense<1.0>
lm.param @edge.down.weight : tensor<1x2xf32> = dense<1.0>
lm.param @free.down.weight : tensor<1x2xf32> = dense<1.0>
func.func @lives(%x: tensor<?x?x2xf32>) -> (tensor<?x?x1xf32>, tensor<?x?x1xf32>, tensor<?x?x1xf32>) {
  %n = lm.rms_norm %x {eps = 0.0} : tensor<?x?x2xf32>
  %u0 = lm.linear %n, @up.weight bias @up.bias : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  // CHECK: lm.activation %{{.*}} {kind = gelu} : tensor<?x?x2xf32>
  %a0 = lm.activation %u0 {kind = gelu} : tensor<?x?x2xf32>
  %y0 = lm.linear %a0, @down.weight attributes {lm.part = "gelu.down"} : (tensor<?x?x2xf32>) -> tensor<?x?x1xf32>
  %u1 = lm.linear %n, @edge.weight bias @edge.bias : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  // CHECK: lm.activation %{{.*}} {kind = relu} : tensor<?x?x2xf32>
  %a1 = lm.activation %u1 {kind = relu} : tensor<?x?x2xf32>
  %y1 = lm.linear %a1, @edge.down.weight attributes {lm.part = "edge.down"} : (tensor<?x?x2xf32>) -> tensor<?x?x1xf32>
  %u2 = lm.linear %x, @free.weight bias @free.bias : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  // CHECK: lm.activation %{{.*}} {kind = relu} : tensor<?x?x2xf32>
  %a2 = lm.activation %u2 {kind = relu} : tensor<?x?x2xf32>
  %y2 = lm.linear %a2, @free.down.weight attributes {lm.part = "free.down"} : (tensor<?x?x2xf32>) -> tensor<?x?x1xf32>
  return %y0, %y1, %y2 : tensor<?x?x1xf32>, tensor<?x?x1xf32>, tensor<?x?x1xf32>
}

// Dead, but others use the matrix or read the neurons.
lm.param @zero : tensor<2x2xf32> = dense<0.0>
lm.param @zero.again : tensor<2x2xf32> = dense<0.0>
lm.param @shared.down.weight : tensor<1x2xf32> = dense<1.0>
lm.param @read.down.weight : tensor<1x2xf32> = dense<1.0>
func.func @used(%x: tensor<?x?x2xf32>) -> (tensor<?x?x1xf32>, tensor<?x?x2xf32>, tensor<?x?x1xf32>, tensor<?x?x2xf32>) {
  %u0 = lm.linear %x, @zero : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %a0 = lm.activation %u0 {kind = relu} : tensor<?x?x2xf32>
  %y0 = lm.linear %a0, @shared.down.weight attributes {lm.part = "shared.down"} : (tensor<?x?x2xf32>) -> tensor<?x?x1xf32>
  %z0 = lm.linear %x, @zero : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %u1 = lm.linear %x, @zero.again : (tensor<?x?x2xf32>) -> tensor<?x?x2xf32>
  %a1 = lm.activation %u1 {kind = relu} : tensor<?x?x2xf32>
  %y1 = lm.linear %a1, @read.down.weight attributes {lm.part = "read.down"} : (tensor<?x?x2xf32>) -> tensor<?x?x1xf32>
  return %y0, %z0, %y1, %a1 : tensor<?x?x1xf32>, tensor<?x?x2xf32>, tensor<?x?x1xf32>, tensor<?x?x2xf32>
}
