// Scale one stays; a query that is also the key (one linear, two uses) and one made by no linear keep their scale.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-fold-attention-scale > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-fold-attention-scale --remarks-filter=lm-fold-attention-scale -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] KeptScale{{.*}}Op=both, Reason="the query is not made by a linear of its own"
// CHECK: [Missed] KeptScale{{.*}}Op=none, Reason="the query is not made by a linear of its own"
// CHECK-NOT: KeptScale
lm.param @w : tensor<4x4xf32> = dense<1.0>
func.func @one(%x: tensor<?x?x4xf32>, %len: tensor<?xi32>) -> tensor<?x?x4xf32> {
  %y = lm.attention %x, %x, %x lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}
func.func @both(%x: tensor<?x?x4xf32>, %len: tensor<?xi32>) -> tensor<?x?x4xf32> {
  %q = lm.linear %x, @w : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  %y = lm.attention %q, %q, %x lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.full}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x4xf32> loc("both")
  return %y : tensor<?x?x4xf32>
}
func.func @none(%x: tensor<?x?x4xf32>, %len: tensor<?xi32>) -> tensor<?x?x4xf32> {
  %y = lm.attention %x, %x, %x lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.full}
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x4xf32> loc("none")
  return %y : tensor<?x?x4xf32>
}
