// Interleaved positions become half-split; weights and biases of query and key are permuted.
// RUN: lmopt-opt %s --lm-normalize-rope | FileCheck %s
// RUN: lmopt-opt %s --lm-normalize-rope --remarks-filter=lm-normalize-rope -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: lmopt-opt %s --lm-normalize-rope > %t.once
// RUN: lmopt-opt %s --lm-normalize-rope --lm-normalize-rope > %t.twice
// RUN: diff %t.once %t.twice

// REMARK: [Passed] NormalizedRope{{.*}}Op=layers.0.attn

// CHECK-DAG: lm.param @q : {{.*}} = #lm.permute_rope<{{.*}}, heads = 2, from = interleaved>
// CHECK-DAG: lm.param @k : {{.*}} = #lm.permute_rope<{{.*}}, heads = 1, from = interleaved>
// CHECK-DAG: lm.param @v : {{.*}} = dense
// CHECK-DAG: lm.param @kb : {{.*}} = #lm.permute_rope<{{.*}}, heads = 1, from = interleaved>
// CHECK-DAG: lm.param @partial_q : {{.*}} = #lm.permute_rope<{{.*}}, heads = 2, from = interleaved, dims = 2>
lm.param @q : tensor<8x2xf32> = dense<1.0>
lm.param @k : tensor<4x2xf32> = dense<2.0>
lm.param @v : tensor<4x2xf32> = dense<3.0>
lm.param @kb : tensor<4xf32> = dense<4.0>
lm.param @partial_q : tensor<8x2xf32> = dense<5.0>
lm.param @partial_k : tensor<4x2xf32> = dense<6.0>

// CHECK-LABEL: func.func @full
// CHECK: layout = half
func.func @full(%x: tensor<?x?x2xf32>, %cache: !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache) {
  %q = lm.linear %x, @q : (tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  %k = lm.linear %x, @k bias @kb : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %v = lm.linear %x, @v : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %y, %c = lm.attention %q, %k, %v, %cache {layer = 0, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.causal,
                                            rope = #lm.rope<base = 1.0e4, dims = 4, layout = interleaved>}
      : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
      loc("layers.0.attn")
  return %y, %c : tensor<?x?x8xf32>, !lm.cache
}

// CHECK-LABEL: func.func @partial
// CHECK: dims = 2, layout = half
func.func @partial(%x: tensor<?x?x2xf32>, %cache: !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache) {
  %q = lm.linear %x, @partial_q : (tensor<?x?x2xf32>) -> tensor<?x?x8xf32>
  %k = lm.linear %x, @partial_k : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %v = lm.linear %x, @v : (tensor<?x?x2xf32>) -> tensor<?x?x4xf32>
  %y, %c = lm.attention %q, %k, %v, %cache {layer = 0, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.causal,
                                            rope = #lm.rope<base = 1.0e4, dims = 2, layout = interleaved>}
      : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
  return %y, %c : tensor<?x?x8xf32>, !lm.cache
}
