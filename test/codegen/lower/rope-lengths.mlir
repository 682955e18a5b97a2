// Rotary scaling by the length of the sequence: two tables where sequences may outgrow the switch (layer 0), one where the
// factors are the same (layer 1), where none can be so long (layer 2), and for dynamic scaling up to its original length
// (layer 3).
// RUN: lmopt-opt %s --lm-lower-to-cpu=target-cpu=x86-64-v3 | FileCheck %s

// CHECK-DAG: func.func private @attend_f32_h1kv1d4_causal_rope4p40x2_
// CHECK-DAG: func.func private @store_kv_f32_h1kv1d4_causal_rope4p40x2_
// CHECK-DAG: func.func private @attend_f32_h1kv1d4_causal_rope4p40_
// CHECK-DAG: func.func private @store_kv_f32_h1kv1d4_causal_rope4p40_
module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 40 : i64}} {
  lm.param @t : tensor<8x4xf32> = dense<0.5>
  func.func @forward(%ids: tensor<?x?xi32>, %c0: !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x4xf32>
    %x0, %c1 = lm.attention %x, %x, %x, %c0 {layer = 0, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half, scaling = #lm.rope_scaling<longrope, factor = 2.0, original_positions = 20, short_factors = [1.0, 1.0], long_factors = [1.0, 2.0]>>} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
    %x1, %c2 = lm.attention %x0, %x0, %x0, %c1 {layer = 1, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half, scaling = #lm.rope_scaling<longrope, factor = 2.0, original_positions = 10, short_factors = [1.0, 2.0], long_factors = [1.0, 2.0]>>} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
    %x2, %c3 = lm.attention %x1, %x1, %x1, %c2 {layer = 2, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half, scaling = #lm.rope_scaling<longrope, factor = 2.0, original_positions = 40, short_factors = [1.0, 1.0], long_factors = [1.0, 2.0]>>} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
    %x3, %c4 = lm.attention %x2, %x2, %x2, %c3 {layer = 3, heads = 1, kv_heads = 1, scale = 0.5, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half, scaling = #lm.rope_scaling<dynamic, factor = 2.0, original_positions = 40>>} : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache)
    %y = lm.linear %x3, @t : (tensor<?x?x4xf32>) -> tensor<?x?x8xf32>
    return %y, %c4 : tensor<?x?x8xf32>, !lm.cache
  }
}
