// Each numbered constraint of the plan dialect, violated.
// RUN: lmopt-opt %s --split-input-file --verify-diagnostics

plan.program @p(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64} {
  // expected-error @+1 {{C1: expected 1 values yielded, but found 0}}
  %0 = plan.step rows tokens() : () -> !plan.rows<tokens, 16 x f32> {
    plan.yield
  }
  plan.return %0 as ["logits"] : !plan.rows<tokens, 16 x f32>
}

// -----

lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @p(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64} {
  // expected-error @+1 {{C1: expected values yielded that stand for '!plan.rows<tokens, 24 x f32>', but found 'tensor<?x?x16xf32>'}}
  %0 = plan.step rows tokens() : () -> !plan.rows<tokens, 24 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.return %0 as ["logits"] : !plan.rows<tokens, 24 x f32>
}

// -----

lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @p(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64} {
  // expected-error @+1 {{C2: expected a kernel, but found 'lm.embedding'}}
  %0 = plan.step kernel tokens() : () -> !plan.rows<tokens, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.return %0 as ["logits"] : !plan.rows<tokens, 16 x f32>
}

// -----

lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @p(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64} {
  // expected-error @+1 {{C3: expected rows of tokens, but found '!plan.rows<outputs, 16 x f32>'}}
  %0 = plan.step rows tokens() : () -> !plan.rows<outputs, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.return %0 as ["logits"] : !plan.rows<outputs, 16 x f32>
}

// -----

lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @p(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64} {
  // expected-error @+1 {{C4: expected 1 places, but found 0}}
  %0 = plan.step rows tokens() places [] : () -> !plan.rows<tokens, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.return %0 as ["logits"] : !plan.rows<tokens, 16 x f32>
}

// -----

plan.program @p(%rows: !plan.rows<tokens, 16 x f32>) attributes {max_positions = 8 : i64} {
  // expected-error @+1 {{C5: expected operands that are results of steps or of chains}}
  %0 = plan.step rows outputs(%rows) : (!plan.rows<tokens, 16 x f32>) -> !plan.rows<outputs, 16 x f32> {
  ^bb0(%x: tensor<?x?x16xf32>):
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.return %0 as ["logits"] : !plan.rows<outputs, 16 x f32>
}

// -----

lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @p(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64} {
  // expected-error @+1 {{C6: expected packed weights, but found @t}}
  %0 = plan.step rows tokens() weights [@t] : () -> !plan.rows<tokens, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.return %0 as ["logits"] : !plan.rows<tokens, 16 x f32>
}

// -----

// expected-error @+1 {{C1: expected the body to end with plan.return}}
plan.program @p(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64} {
  plan.wait
}

// -----

// expected-error @+1 {{C1: expected to return results of steps}}
plan.program @p(%rows: !plan.rows<tokens, 16 x f32>) attributes {max_positions = 8 : i64} {
  plan.return %rows as ["logits"] : !plan.rows<tokens, 16 x f32>
}

// -----

lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @p(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64, max_rows = 8 : i64} {
  // expected-error @+1 {{C2: expected share and places in a scheduled program}}
  %0 = plan.step rows tokens() : () -> !plan.rows<tokens, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.return %0 as ["logits"] : !plan.rows<tokens, 16 x f32>
}

// -----

lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @p(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64, max_rows = 8 : i64, arena_bytes = 511 : i64} {
  // expected-error @+1 {{C3: expected rows inside the 511 bytes of the arena, but found #plan.place<arena at 0, 8 x 64>}}
  %0 = plan.step rows tokens() share rows places [#plan.place<arena at 0, 8 x 64>] : () -> !plan.rows<tokens, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.return %0 as ["logits"] : !plan.rows<tokens, 16 x f32>
}

// -----

lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @p(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64} {
  // expected-error @+1 {{expected steps only, but found 'arith.constant'}}
  %0 = plan.chain block = 128 -> !plan.rows<tokens, 16 x f32> {
    %1 = plan.step rows tokens() : () -> !plan.rows<tokens, 16 x f32> {
      %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
      plan.yield %x : tensor<?x?x16xf32>
    }
    %c = arith.constant 1 : i32
    plan.yield %1 : !plan.rows<tokens, 16 x f32>
  }
  plan.return %0 as ["logits"] : !plan.rows<tokens, 16 x f32>
}

// -----

lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @p(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64} {
  %0 = plan.step rows tokens() : () -> !plan.rows<tokens, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  // expected-error @+1 {{C1: expected 1 names, but found 0}}
  plan.return %0 as [] : !plan.rows<tokens, 16 x f32>
}

// -----

lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @p(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64} {
  %0 = plan.step rows tokens() : () -> !plan.rows<tokens, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  // expected-error @+1 {{C1: expected results that differ, with names that differ, but found "a" and "b"}}
  plan.return %0, %0 as ["a", "b"] : !plan.rows<tokens, 16 x f32>, !plan.rows<tokens, 16 x f32>
}
