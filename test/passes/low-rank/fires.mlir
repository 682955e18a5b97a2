// A linear becomes two narrow ones: the inner one has its input and no bias, the other one its name and its bias.
// RUN: lmopt-opt %s --lm-low-rank='method=plain rank=3' --remarks-filter=lm-low-rank 2>&1 | FileCheck %s
// RUN: lmopt-opt %s --lm-low-rank='method=plain rank=3' > %t.once
// RUN: lmopt-opt %s --lm-low-rank='method=plain rank=3' --lm-low-rank='method=plain ratio=0.5' > %t.twice
// RUN: diff %t.once %t.twice
// By ratio: 0.4 of 96 products leave 57, which two factors of rank 2 need 40 of, and of rank 3 60.
// RUN: lmopt-opt %s --lm-low-rank='method=plain ratio=0.4 multiple=1' | FileCheck %s --check-prefix=RATIO
// RUN: lmopt-opt %s --lm-low-rank='method=plain rank=3 skip=layers.0.attn.q' | FileCheck %s --check-prefix=SKIP

// CHECK: [Passed] Factored | Category:lm-low-rank | Error={{[0-9.e+-]+}}, Of=8, Op=layers.0.attn.q, Rank=3
// CHECK: [Passed] Factored | {{.*}}Op=layers.0.attn.k, Rank=3
// CHECK: lm.param @layers.0.attn.q.inner.weight : tensor<3x12xf32> = #lm.low_rank_right<<dense<{{.*}}> : tensor<8x12xf32>, plain, rank = 3>> exactness <approximate>
// CHECK: lm.param @q : tensor<8x3xf32> = #lm.low_rank_left<<dense<{{.*}}> : tensor<8x12xf32>, plain, rank = 3>> exactness <approximate, error = {{.*}}>
// CHECK: lm.param @q.bias : tensor<8xf32> = dense<1.000000e+00>
// CHECK: %[[Z:.*]] = lm.linear %[[X:.*]], @layers.0.attn.q.inner.weight attributes {lm.part = "layers.0.attn.q.inner"} : (tensor<?x?x12xf32>) -> tensor<?x?x3xf32>
// CHECK: lm.linear %[[Z]], @q bias @q.bias attributes {lm.part = "layers.0.attn.q"} : (tensor<?x?x3xf32>) -> tensor<?x?x8xf32>
// CHECK: %[[K:.*]] = lm.linear %[[X]], @layers.0.attn.k.inner.weight_1
// CHECK: lm.linear %[[K]], @k attributes {lm.part = "layers.0.attn.k"}
// RATIO: lm.param @q : tensor<8x2xf32>
// SKIP: lm.param @q : tensor<8x12xf32>
// SKIP: lm.param @k : tensor<8x3xf32>
lm.param @q : tensor<8x12xf32> = dense<2.0>
lm.param @q.bias : tensor<8xf32> = dense<1.0>
lm.param @k : tensor<8x12xf32> = dense<2.0>
lm.param @layers.0.attn.k.inner.weight : tensor<8xf32> = dense<0.0>
func.func @forward(%x: tensor<?x?x12xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  %q = lm.linear %x, @q bias @q.bias : (tensor<?x?x12xf32>) -> tensor<?x?x8xf32> loc("layers.0.attn.q")
  %k = lm.linear %x, @k : (tensor<?x?x12xf32>) -> tensor<?x?x8xf32> loc("layers.0.attn.k")
  %b = lm.bias_add %k, @layers.0.attn.k.inner.weight : tensor<?x?x8xf32>
  return %q, %b : tensor<?x?x8xf32>, tensor<?x?x8xf32>
}
