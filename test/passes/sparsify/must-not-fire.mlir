// A table that is looked up, a weight that is used otherwise or by a linear that is not selected, one that the pattern
// does not divide, a head over one vector a sequence.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-sparsify='method=magnitude pattern=2:4 skip=unselected' > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-sparsify='method=magnitude pattern=2:4 skip=unselected' --remarks-filter=lm-sparsify -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] NotSparsified{{.*}}Op=tied, Reason="its weight is also looked up by 'embed'"
// CHECK: [Missed] NotSparsified{{.*}}Op=positioned, Reason="its weight is also used by 'positions'"
// CHECK: [Missed] NotSparsified{{.*}}Op=selected, Reason="its weight is also used by 'unselected', which is not selected"
// CHECK: [Missed] NotSparsified{{.*}}Op=odd, Reason="groups of 4 do not divide its width 6"
// CHECK: [Missed] NotSparsified{{.*}}Op=head, Reason="'head' reads one vector a sequence, which is little work and the end of it"
lm.param @table : tensor<8x8xf32> = dense<1.0>
lm.param @positions : tensor<8x8xf32> = dense<1.0>
lm.param @w : tensor<8x8xf32> = dense<2.0>
lm.param @odd : tensor<8x6xf32> = dense<1.0>
lm.param @head : tensor<3x8xf32> = dense<1.0>
func.func @looked_up(%ids: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
  %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x8xf32> loc("embed")
  %y = lm.linear %x, @table : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> loc("tied")
  return %y : tensor<?x?x8xf32>
}
func.func @used_otherwise(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %p = lm.add_positions %x, @positions : tensor<?x?x8xf32> loc("positions")
  %y = lm.linear %p, @positions : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> loc("positioned")
  return %y : tensor<?x?x8xf32>
}
func.func @half_selected(%x: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %a = lm.linear %x, @w : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> loc("selected")
  %b = lm.linear %a, @w : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32> loc("unselected")
  return %b : tensor<?x?x8xf32>
}
func.func @not_divided(%x: tensor<?x?x6xf32>) -> tensor<?x?x8xf32> {
  %y = lm.linear %x, @odd : (tensor<?x?x6xf32>) -> tensor<?x?x8xf32> loc("odd")
  return %y : tensor<?x?x8xf32>
}
func.func @behind_pooling(%x: tensor<?x8xf32>) -> tensor<?x3xf32> {
  %y = lm.linear %x, @head : (tensor<?x8xf32>) -> tensor<?x3xf32> loc("head")
  return %y : tensor<?x3xf32>
}
