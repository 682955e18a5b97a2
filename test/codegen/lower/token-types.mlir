// An encoder with token types beside its ids and two results: its types are looked up by a step of their own.
// RUN: lmopt-opt %s --lm-lower-to-cpu=target-cpu=x86-64-v3 | FileCheck %s

// CHECK: func.func @encode(
// CHECK: call @rows_embed_w0x2_o0s64(
// CHECK: call @rows_embed_w0x2_add_v1v0x2_
// Both results are read by other steps or come before the last: copies write the caller's memory, without padding.
// CHECK: call @rows_copy_v0x3_i0s64_o1s12(
// CHECK: call @rows_copy_v0x2_i0s64_o1s8(
// CHECK: return

module attributes {lm.config = {architecture = "bert", vocabulary = 4 : i64, max_positions = 40 : i64, task = "token_classification", labels = ["O", "B-X", "I-X"], score_activation = "softmax"}} {
  lm.param @words : tensor<4x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0], [-1.0, 0.5], [0.25, 8.0]]>
  lm.param @types : tensor<2x2xf32> = dense<[[0.0, 0.0], [16.0, 32.0]]>
  lm.param @head : tensor<3x2xf32> = dense<[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]>
  func.func @encode(%ids: tensor<?x?xi32>, %n: tensor<?xi32>, %t: tensor<?x?xi32> {lm.input = "token_types"}) -> (tensor<?x?x3xf32>, tensor<?x2xf32> {lm.result = "mean"}) {
    %w = lm.embedding %ids, @words : (tensor<?x?xi32>) -> tensor<?x?x2xf32> loc("words")
    %u = lm.embedding %t, @types : (tensor<?x?xi32>) -> tensor<?x?x2xf32> loc("types")
    %s = lm.add %w, %u : tensor<?x?x2xf32> loc("sum")
    %y = lm.linear %s, @head : (tensor<?x?x2xf32>) -> tensor<?x?x3xf32> loc("head")
    %p = lm.pool %s, %n {kind = mean} : (tensor<?x?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32> loc("mean")
    return %y, %p : tensor<?x?x3xf32>, tensor<?x2xf32>
  }
}
