// An encoder whose attentions see few keys and values: means in the cache, then learned rows in the state of the sequence. A projection
// waits for the keys and values of all rows; attention waits for it, and reads what it stored with the ordinary kernel.
// RUN: lmopt-opt %s --lm-lower-to-cpu=target-cpu=icelake-server | FileCheck %s --implicit-check-not=" lm."
// RUN: lmopt-opt %s --plan-form-steps --cpu-choose-layouts | FileCheck %s --check-prefix=PLAN

// CHECK: func.func @encode(
// CHECK-NOT: call @store_kv
// CHECK: call @wait_for_team(
// CHECK: call @[[MEANS:project_kv_f32_h2kv2d8_full_means5_s[0-9]*_rows]](
// CHECK: call @wait_for_team(
// CHECK: call @[[FEW:attend_f32_h2kv2d8_full_means5_s[0-9]*_rows]](
// CHECK: call @wait_for_team(
// CHECK: call @[[LEARNED:project_kv_f32_h2kv2d8_full_learned20_s[0-9]*_rows_x30]](
// CHECK: call @wait_for_team(
// CHECK: call @[[MANY:attend_f32_h2kv2d8_full_learned20_s[0-9]*_rows]](
// CHECK-NOT: call @store_kv
// CHECK: call @pool_mean_x16(

// 2 heads of 8 numbers and 16 (padded) floats for each position; 32 rows of the same for the 20 of each sequence. No text is longer than
// the matrices.
// PLAN: plan.program @encode({{.*}}) attributes {max_positions = 30 : i64, position_bytes = 192 : i64, sequence_bytes = 6144 : i64}
// PLAN: plan.step kernel tokens({{.*}}) weights [@project.k.packed, @project.v.packed] state 0

module attributes {lm.config = {architecture = "bert", vocabulary = 20 : i64, max_positions = 40 : i64}} {
  lm.param @embed.weight : tensor<20x16xf32> = dense<0.5>
  lm.param @position.weight : tensor<40x16xf32> = dense<0.125>
  lm.param @k.weight : tensor<16x16xf32> = dense<-0.25>
  lm.param @v.weight : tensor<16x16xf32> = dense<0.25>
  lm.param @project.k : tensor<20x30xf32> = dense<0.25>
  lm.param @project.v : tensor<20x30xf32> = dense<0.125>
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> tensor<?x16xf32> {
    %e = lm.embedding %ids, @embed.weight : (tensor<?x?xi32>) -> tensor<?x?x16xf32> loc("embed")
    %p = lm.add_positions %e, @position.weight : tensor<?x?x16xf32> loc("position")
    %k = lm.linear %p, @k.weight : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32> loc("layers.0.attn.k")
    %v = lm.linear %p, @v.weight : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32> loc("layers.0.attn.v")
    %a = lm.attention %p, %k, %v lengths %len {layer = 0, heads = 2, kv_heads = 2, scale = 0.35, mask = #lm.full project = #lm.projection<means, rank = 5>} : (tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?xi32>) -> tensor<?x?x16xf32> loc("layers.0.attn")
    %o = lm.linear %a, @k.weight : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32> loc("layers.0.ffn.up")
    %g = lm.activation %o {kind = gelu} : tensor<?x?x16xf32> loc("layers.0.ffn")
    %f = lm.linear %g, @v.weight : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32> loc("layers.0.ffn.down")
    %l = lm.linear %f, @k.weight : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32> loc("layers.1.attn.k")
    %w = lm.linear %f, @v.weight : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32> loc("layers.1.attn.v")
    %b = lm.attention %f, %l, %w lengths %len {layer = 1, heads = 2, kv_heads = 2, scale = 0.35, mask = #lm.full project = #lm.projection<learned, rank = 20> by @project.k, @project.v} : (tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?xi32>) -> tensor<?x?x16xf32> loc("layers.1.attn")
    %pooled = lm.pool %b, %len {kind = mean} : (tensor<?x?x16xf32>, tensor<?xi32>) -> tensor<?x16xf32> loc("pool")
    return %pooled : tensor<?x16xf32>
  }
}
