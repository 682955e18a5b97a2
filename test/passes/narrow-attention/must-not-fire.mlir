// A head of odd width has no pairs of dimensions; what is bf16 already stays.
// RUN: lmopt-opt %s > %t.before
// RUN: lmopt-opt %s --lm-narrow-attention > %t.after
// RUN: diff %t.before %t.after
// RUN: lmopt-opt %s --lm-narrow-attention --remarks-filter=lm-narrow-attention -o /dev/null 2>&1 | FileCheck %s

// CHECK: [Missed] KeptElement{{.*}}Op=odd, Reason="heads of odd width"
// CHECK-NOT: NarrowedAttention
func.func @odd(%x: tensor<?x?x3xf32>, %len: tensor<?xi32>) -> tensor<?x?x3xf32> {
  %y = lm.attention %x, %x, %x lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full}
      : (tensor<?x?x3xf32>, tensor<?x?x3xf32>, tensor<?x?x3xf32>, tensor<?xi32>) -> tensor<?x?x3xf32> loc("odd")
  return %y : tensor<?x?x3xf32>
}
func.func @already(%x: tensor<?x?x4xf32>, %len: tensor<?xi32>) -> tensor<?x?x4xf32> {
  %y = lm.attention %x, %x, %x lengths %len {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full} as bf16
      : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?xi32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}
