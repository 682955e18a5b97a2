// Where rows of wanted outputs begin, and copies that bring a result there.
// RUN: lmopt-opt %s --split-input-file --plan-form-steps | FileCheck %s

// A decoder without an op that mixes rows: all that reads ids is done for all tokens, and a copy gathers.
// CHECK-LABEL: plan.program @forward
// CHECK: plan.step rows tokens()
// CHECK: %[[ALL:.*]] = plan.step kernel tokens
// CHECK: %[[COPY:.*]] = plan.step rows outputs(%[[ALL]])
// CHECK-NEXT: ^bb0(%[[X:.*]]: tensor<?x?x16xf32>)
// CHECK-NEXT: plan.yield %[[X]]
// CHECK: plan.return %[[COPY]]
module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    %y = lm.linear %x, @w : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32>
    return %y, %cache : tensor<?x?x16xf32>, !lm.cache
  }
  lm.param @w : tensor<16x16xf32> = dense<0.5>
}

// -----

// Positions are added behind the last attention: they are those of all tokens, so the step stays with all of them.
// CHECK-LABEL: plan.program @forward
// CHECK: lm.attend
// CHECK: %[[ALL:.*]] = plan.step rows tokens
// CHECK: lm.add_positions
// CHECK: %[[COPY:.*]] = plan.step rows outputs(%[[ALL]])
module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  lm.param @p : tensor<12x16xf32> = dense<0.5>
  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    %a, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 2, kv_heads = 2, scale = 0.35, mask = #lm.causal} : (tensor<?x?x16xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>, !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache)
    %y = lm.add_positions %a, @p : tensor<?x?x16xf32>
    return %y, %c : tensor<?x?x16xf32>, !lm.cache
  }
}

// -----

// Vectors of whole sequences.
// CHECK-LABEL: plan.program @encode
// CHECK: plan.step rows tokens()
// CHECK: %[[P:.*]] = plan.step kernel segments(%{{.*}}) : (!plan.rows<tokens, 16 x f32>) -> !plan.rows<segments, 16 x f32>
// CHECK: %[[N:.*]] = plan.step rows segments(%[[P]])
// CHECK: plan.return %[[N]]
module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {
  lm.param @t : tensor<8x16xf32> = dense<0.5>
  func.func @encode(%ids: tensor<?x?xi32>, %len: tensor<?xi32>) -> tensor<?x16xf32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    %p = lm.pool %x, %len {kind = mean} : (tensor<?x?x16xf32>, tensor<?xi32>) -> tensor<?x16xf32>
    %n = lm.l2_normalize %p : tensor<?x16xf32>
    return %n : tensor<?x16xf32>
  }
}
