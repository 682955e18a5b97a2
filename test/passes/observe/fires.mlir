// What linears read becomes results, each value once and named after its first reader; attention of a decoder takes whole
// sequences, with the same mask and angles; the rest stays as it is.
// RUN: lmopt-opt %s --lm-observe | FileCheck %s
// RUN: lmopt-opt %s --lm-observe=layers=head | FileCheck %s --check-prefix=HEAD
// RUN: lmopt-opt %s --lm-observe=skip=layers.* | FileCheck %s --check-prefix=HEAD
// CHECK: module attributes {lm.config = {max_positions = 16 : i64, vocabulary = 10 : i64}}
// CHECK: func.func @encode(%[[IDS:.*]]: tensor<?x?xi32>, %[[LENGTHS:.*]]: tensor<?xi32>)
// CHECK-SAME: -> (tensor<?x?x8xf32> {lm.result = "layers.0.attn.q"}, tensor<?x?x8xf32> {lm.result = "layers.0.attn.o"},
// CHECK-SAME: tensor<?x?x8xf32> {lm.result = "head"}, tensor<?x?x10xf32> {lm.result = "logits"})
// CHECK: %[[X:.*]] = lm.embedding %[[IDS]]
// CHECK: %[[N:.*]] = lm.rms_norm %[[X]]
// CHECK-COUNT-3: lm.linear %[[N]]
// CHECK: %[[A:.*]] = lm.attention {{.*}} lengths %[[LENGTHS]] {layer = 0, heads = 2, kv_heads = 1, scale = 5.000000e-01, mask = #lm.causal, rope = #lm.rope<base = 1.000000e+04, dims = 4, layout = half>} as bf16 attributes {lm.part = "layers.0.attn"}
// CHECK: %[[O:.*]] = lm.linear %[[A]]
// CHECK: %[[H:.*]] = lm.add %[[X]], %[[O]]
// CHECK: %[[Y:.*]] = lm.linear %[[H]]
// CHECK: return %[[N]], %[[A]], %[[H]], %[[Y]]

// HEAD: -> (tensor<?x?x8xf32> {lm.result = "head"}, tensor<?x?x10xf32> {lm.result = "logits"})
module attributes {lm.config = {max_positions = 16 : i64, vocabulary = 10 : i64, task = "token_classification"}} {
  lm.param @embed : tensor<10x8xf32> = dense<0.5>
  lm.param @gamma : tensor<8xf32> = dense<1.0>
  lm.param @q : tensor<8x8xf32> = dense<0.25>
  lm.param @k : tensor<4x8xf32> = dense<0.25>
  lm.param @o : tensor<8x8xf32> = dense<0.125>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x10xf32>, !lm.cache) {
    %x = lm.embedding %ids, @embed : (tensor<?x?xi32>) -> tensor<?x?x8xf32>
    %n = lm.rms_norm %x, @gamma {eps = 1.0e-5} : tensor<?x?x8xf32>
    %q = lm.linear %n, @q attributes {lm.part = "layers.0.attn.q"} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
    %k = lm.linear %n, @k attributes {lm.part = "layers.0.attn.k"} : (tensor<?x?x8xf32>) -> tensor<?x?x4xf32>
    %v = lm.linear %n, @k attributes {lm.part = "layers.0.attn.v"} : (tensor<?x?x8xf32>) -> tensor<?x?x4xf32>
    %a, %longer = lm.attention %q, %k, %v, %cache {layer = 0, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.causal,
        rope = #lm.rope<base = 1.0e4, dims = 4, layout = half>} as bf16 attributes {lm.part = "layers.0.attn"}
        : (tensor<?x?x8xf32>, tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> (tensor<?x?x8xf32>, !lm.cache)
    %o = lm.linear %a, @o attributes {lm.part = "layers.0.attn.o"} : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
    %h = lm.add %x, %o : tensor<?x?x8xf32>
    %y = lm.linear %h, @embed attributes {lm.part = "head"} : (tensor<?x?x8xf32>) -> tensor<?x?x10xf32>
    return %y, %longer : tensor<?x?x10xf32>, !lm.cache
  }
}
