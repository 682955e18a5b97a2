// The value between is used elsewhere; the table is used elsewhere; a vector far from positions is nobody's business.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-fold-token-type > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-fold-token-type --remarks-filter=lm-fold-token-type -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] KeptVector{{.*}}Op=between, Reason="something else uses the value between vector and positions"
// CHECK: [Missed] KeptVector{{.*}}Op=shared, Reason="something else uses @table"
// CHECK-NOT: KeptVector
lm.param @table : tensor<4x2xf32> = dense<1.0>
lm.param @single : tensor<4x2xf32> = dense<5.0>
lm.param @v : tensor<2xf32> = dense<2.0>
func.func @between(%x: tensor<?x?x2xf32>) -> (tensor<?x?x2xf32>, tensor<?x?x2xf32>) {
  %t = lm.bias_add %x, @v : tensor<?x?x2xf32> loc("between")
  %p = lm.add_positions %t, @single : tensor<?x?x2xf32>
  return %p, %t : tensor<?x?x2xf32>, tensor<?x?x2xf32>
}
func.func @shared(%x: tensor<?x?x2xf32>) -> (tensor<?x?x2xf32>, tensor<?x?x2xf32>) {
  %t = lm.bias_add %x, @v : tensor<?x?x2xf32> loc("shared")
  %p = lm.add_positions %t, @table : tensor<?x?x2xf32>
  %q = lm.add_positions %x, @table : tensor<?x?x2xf32>
  return %p, %q : tensor<?x?x2xf32>, tensor<?x?x2xf32>
}
func.func @alone(%x: tensor<?x?x2xf32>) -> tensor<?x?x2xf32> {
  %t = lm.bias_add %x, @v : tensor<?x?x2xf32>
  return %t : tensor<?x?x2xf32>
}
