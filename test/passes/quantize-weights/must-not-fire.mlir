// A weight that something needs in f32, that an unselected linear shares, too wide for 32-bit sums, or behind the pooling.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-quantize-weights='skip=unselected' > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-quantize-weights='skip=unselected' --remarks-filter=lm-quantize-weights -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] NotQuantized{{.*}}Op=tied, Reason="its weight is also used by 'positions'"
// CHECK: [Missed] NotQuantized{{.*}}Op=selected, Reason="its weight is also used by 'unselected', which is not selected"
// CHECK: [Missed] NotQuantized{{.*}}Op=wide, Reason="its width 65540 is beyond 65536, where 32-bit sums could overflow"
// CHECK: [Missed] NotQuantized{{.*}}Op=head, Reason="'head' reads one vector a sequence, which is little work and the end of it"
lm.param @positions : tensor<8x8xf32> = dense<1.0>
lm.param @w : tensor<8x8xf32> = dense<2.0>
lm.param @head : tensor<3x8xf32> = dense<1.0>
lm.param @wide : tensor<1x65540xf32> = dense<1.0>
func.func @shared(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %p = lm.add_positions %x, @positions : tensor<?x?x8xf32> loc("positions")
  %y = lm.linear %p, @positions : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> loc("tied")
  return %y : tensor<?x?x8xf32>
}
func.func @half_selected(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %a = lm.linear %x, @w : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> loc("selected")
  %b = lm.linear %a, @w : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> loc("unselected")
  return %b : tensor<?x?x8xf32>
}
func.func @on_wide(%x: tensor<?x?x65540xf32>) -> tensor<?x?x1xf32> {
  %y = lm.linear %x, @wide : (tensor<?x?x65540xf32>) -> tensor<?x?x1xf32> loc("wide")
  return %y : tensor<?x?x1xf32>
}
func.func @behind_pooling(%x: tensor<?x8xf32>) -> tensor<?x3xf32> {
  %y = lm.linear %x, @head : (tensor<?x8xf32>) -> tensor<?x3xf32> loc("head")
  return %y : tensor<?x3xf32>
}
