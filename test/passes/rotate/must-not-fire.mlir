// Widths without a block, weights that are used in another way, inputs that are rotated already, products behind the pooling.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-rotate > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-rotate --remarks-filter=lm-rotate -o /dev/null 2>&1 | FileCheck %s
// RUN: lmopt-opt %s --lm-rotate='skip=tied_head,narrow,rotated,other,head' > %t.skipped
// RUN: diff %t.before %t.skipped

// CHECK: [Missed] NotRotated{{.*}}Op=narrow, Reason="no power of two from 8 to 64 divides its width 12"
// CHECK: [Missed] NotRotated{{.*}}Op=tied_head, Reason="its weight is also used by 'positions'"
// CHECK: [Missed] NotRotated{{.*}}Op=other, Reason="its weight is also used by 'rotated', which is rotated already"
// CHECK: [Missed] NotRotated{{.*}}Op=head, Reason="'head' reads one vector a sequence, which stays in f32"
lm.param @head : tensor<3x64xf32> = dense<1.0>
lm.param @narrow : tensor<4x12xf32> = dense<1.0>
lm.param @positions : tensor<64x64xf32> = dense<1.0>
lm.param @once : tensor<64x64xf32> = #lm.rotate_columns<dense<1.0> : tensor<64x64xf32>, block = 64>
func.func @on_narrow(%x: tensor<?x?x12xf32>) -> tensor<?x?x4xf32> {
  %y = lm.linear %x, @narrow : (tensor<?x?x12xf32>) -> tensor<?x?x4xf32> loc("narrow")
  return %y : tensor<?x?x4xf32>
}
func.func @shared(%x: tensor<?x?x64xf32>) -> tensor<?x?x64xf32> {
  %p = lm.add_positions %x, @positions : tensor<?x?x64xf32> loc("positions")
  %y = lm.linear %p, @positions : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("tied_head")
  return %y : tensor<?x?x64xf32>
}
func.func @rotated(%x: tensor<?x?x64xf32>) -> (tensor<?x?x64xf32>, tensor<?x?x64xf32>) {
  %r = lm.rotate %x {block = 64} : tensor<?x?x64xf32>
  %y = lm.linear %r, @once : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("rotated")
  %z = lm.linear %x, @once : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32> loc("other")
  return %y, %z : tensor<?x?x64xf32>, tensor<?x?x64xf32>
}
func.func @behind_pooling(%x: tensor<?x64xf32>) -> tensor<?x3xf32> {
  %y = lm.linear %x, @head : (tensor<?x64xf32>) -> tensor<?x3xf32> loc("head")
  return %y : tensor<?x3xf32>
}
