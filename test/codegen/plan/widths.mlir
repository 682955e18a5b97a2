// Rows of two widths that have nothing to do with each other are steps of their own.
// RUN: lmopt-opt %s --plan-form-steps | FileCheck %s
module attributes {lm.config = {max_positions = 8 : i64, vocabulary = 4 : i64}} {
  lm.param @table : tensor<4x8xf32> = dense<1.0>
  lm.param @q : tensor<8x8xf32> = dense<1.0>
  lm.param @k : tensor<4x8xf32> = dense<1.0>
  lm.param @wide : tensor<8xf32> = dense<1.0>
  lm.param @narrow : tensor<4xf32> = dense<1.0>

  // CHECK: plan.step rows tokens() :
  // CHECK-NEXT: lm.embedding
  // CHECK: plan.step rows tokens(%{{.*}}) : (!plan.rows<tokens, 8 x f32>) -> !plan.rows<tokens, 8 x f32>
  // CHECK-NEXT: ^
  // CHECK-NEXT: lm.rms_norm %{{.*}}, @wide
  // CHECK-NEXT: plan.yield
  // CHECK: plan.step rows tokens(%{{.*}}) : (!plan.rows<tokens, 4 x f32>) -> !plan.rows<tokens, 4 x f32>
  // CHECK-NEXT: ^
  // CHECK-NEXT: lm.rms_norm %{{.*}}, @narrow
  // CHECK-NEXT: plan.yield
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x4xf32>, !lm.cache) {
    %x = lm.embedding %ids, @table : (tensor<?x?xi32>) -> tensor<?x?x8xf32>
    %q = lm.linear %x, @q : (tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
    %k = lm.linear %x, @k : (tensor<?x?x8xf32>) -> tensor<?x?x4xf32>
    %qn = lm.rms_norm %q, @wide {eps = 1.0e-5} : tensor<?x?x8xf32>
    %kn = lm.rms_norm %k, @narrow {eps = 1.0e-5} : tensor<?x?x4xf32>
    %kept = lm.cache_append %kn, %kn, %cache {layer = 0, kv_heads = 1}
        : (tensor<?x?x4xf32>, tensor<?x?x4xf32>, !lm.cache) -> !lm.cache
    %y = lm.attend %qn, %kept {layer = 0, heads = 2, kv_heads = 1, scale = 0.5, mask = #lm.causal}
        : (tensor<?x?x8xf32>, !lm.cache) -> tensor<?x?x8xf32>
    %logits = lm.linear %y, @k : (tensor<?x?x8xf32>) -> tensor<?x?x4xf32>
    return %logits, %kept : tensor<?x?x4xf32>, !lm.cache
  }
}
