// Layers that look back over a window keep a ring as long as the longest window asks, with what a step writes and a block more, in whole
// blocks of 256: 300 + 512 + 256 are 1280. Its bytes are counted beside those of the other layers. Where no sequence is longer than the
// ring would be, there is none.
// RUN: lmopt-opt %s --split-input-file --plan-form-steps --cpu-choose-layouts | FileCheck %s
// RUN: lmopt-opt %s --split-input-file --plan-form-steps --ptx-choose-layouts | FileCheck %s --check-prefix=PTX
// RUN: lmopt-opt %s --split-input-file --lm-lower-to-cpu=target-cpu=icelake-server | FileCheck %s --check-prefix=CODE

// CHECK: plan.program @forward({{.*}}) attributes {max_positions = 4096 : i64, position_bytes = 96 : i64, ring_back = 980 : i64, ring_bytes = 192 : i64, ring_positions = 1280 : i64}
// CHECK: state 0 ring :
// CHECK-NEXT: ^bb0
// CHECK-NEXT: lm.cache_append
// CHECK: state 0 ring :
// CHECK-NEXT: ^bb0
// CHECK-NEXT: lm.attend
// CHECK: state 0 :
// CHECK: state 0 :
// CHECK: state 96 ring :
// CHECK: state 96 ring :
// PTX: plan.program @forward({{.*}}) attributes {max_positions = 4096 : i64, position_bytes = 64 : i64, ring_back = 980 : i64, ring_bytes = 128 : i64, ring_positions = 1280 : i64}
// PTX: state 64 ring :
// CODE-DAG: func.func private @store_kv_f32_h2kv1d8_causal100_ring1280after96
// CODE-DAG: func.func private @attend_f32_h2kv1d8_causal300_ring1280after96
// CODE-DAG: func.func private @attend_f32_h2kv1d8_causal_s
module attributes {lm.config = {architecture = "llama", vocabulary = 24 : i64, max_positions = 4096 : i64}} {
  lm.param @embed.weight : tensor<24x16xf32> = dense<0.5>
  lm.param @k.weight : tensor<8x16xf32> = dense<0.25>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x24xf32>, !lm.cache) {
    %x = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x16xf32> loc("embed")
    %k0 = lm.linear %x, @k.weight : (tensor<?x?x16xf32>) -> tensor<?x?x8xf32> loc("layers.0.attn.k")
    %a0, %c0 = lm.attention %x, %k0, %k0, %cache {layer = 0, heads = 2, kv_heads = 1, scale = 0.35, mask = #lm.causal<window = 100>} : (tensor<?x?x16xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) loc("layers.0.attn")
    %k1 = lm.linear %a0, @k.weight : (tensor<?x?x16xf32>) -> tensor<?x?x8xf32> loc("layers.1.attn.k")
    %a1, %c1 = lm.attention %a0, %k1, %k1, %c0 {layer = 1, heads = 2, kv_heads = 1, scale = 0.35, mask = #lm.causal} : (tensor<?x?x16xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) loc("layers.1.attn")
    %k2 = lm.linear %a1, @k.weight : (tensor<?x?x16xf32>) -> tensor<?x?x8xf32> loc("layers.2.attn.k")
    %a2, %c2 = lm.attention %a1, %k2, %k2, %c1 {layer = 2, heads = 2, kv_heads = 1, scale = 0.35, mask = #lm.causal<window = 300>} : (tensor<?x?x16xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) loc("layers.2.attn")
    %y = lm.linear %a2, @embed.weight : (tensor<?x?x16xf32>) -> tensor<?x?x24xf32> loc("head")
    return %y, %c2 : tensor<?x?x24xf32>, !lm.cache
  }
}

// -----

// CHECK: plan.program @forward({{.*}}) attributes {max_positions = 1280 : i64, position_bytes = 96 : i64}
// CHECK-NOT: ring
// PTX: plan.program @forward({{.*}}) attributes {max_positions = 1280 : i64, position_bytes = 64 : i64}
// PTX-NOT: ring
module attributes {lm.config = {architecture = "llama", vocabulary = 24 : i64, max_positions = 1280 : i64}} {
  lm.param @embed.weight : tensor<24x16xf32> = dense<0.5>
  lm.param @k.weight : tensor<8x16xf32> = dense<0.25>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x24xf32>, !lm.cache) {
    %x = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x16xf32> loc("embed")
    %k0 = lm.linear %x, @k.weight : (tensor<?x?x16xf32>) -> tensor<?x?x8xf32> loc("layers.0.attn.k")
    %a0, %c0 = lm.attention %x, %k0, %k0, %cache {layer = 0, heads = 2, kv_heads = 1, scale = 0.35, mask = #lm.causal<window = 300>} : (tensor<?x?x16xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>, !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) loc("layers.0.attn")
    %y = lm.linear %a0, @embed.weight : (tensor<?x?x16xf32>) -> tensor<?x?x24xf32> loc("head")
    return %y, %c0 : tensor<?x?x24xf32>, !lm.cache
  }
}
