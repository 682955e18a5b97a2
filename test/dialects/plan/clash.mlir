// Two threads that clash (C4): what is missing is a wait, not to be found by looking at one step alone.
// RUN: lmopt-opt %s --split-input-file --verify-diagnostics

// Rows of tokens are dealt out in the same way in both steps: no wait is needed.
lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @same_rows(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64, max_rows = 8 : i64, arena_bytes = 1024 : i64} {
  %0 = plan.step rows tokens() share rows places [#plan.place<arena at 0, 8 x 64>] : () -> !plan.rows<tokens, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  %1 = plan.step rows tokens(%0) share rows places [#plan.place<arena at 512, 8 x 64>] : (!plan.rows<tokens, 16 x f32>) -> !plan.rows<tokens, 16 x f32> {
  ^bb0(%x: tensor<?x?x16xf32>):
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.return %1 as ["logits"] : !plan.rows<tokens, 16 x f32>
}

// -----

// Rows of wanted outputs are other threads' rows of tokens.
lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @gathered(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64, max_rows = 8 : i64, arena_bytes = 1024 : i64} {
  %0 = plan.step rows tokens() share rows places [#plan.place<arena at 0, 8 x 64>] : () -> !plan.rows<tokens, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32> loc("embed")
    plan.yield %x : tensor<?x?x16xf32>
  }
  // expected-error @+1 {{C4: expected plan.wait between this step and 'embed', which another thread may still be writing}}
  %1 = plan.step rows outputs(%0) share rows places [#plan.place<arena at 512, 8 x 64>] : (!plan.rows<tokens, 16 x f32>) -> !plan.rows<outputs, 16 x f32> {
  ^bb0(%x: tensor<?x?x16xf32>):
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.return %1 as ["logits"] : !plan.rows<outputs, 16 x f32>
}

// -----

// The same with a wait.
lm.param @t : tensor<8x16xf32> = dense<0.5>
plan.program @waits(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64, max_rows = 8 : i64, arena_bytes = 1024 : i64} {
  %0 = plan.step rows tokens() share rows places [#plan.place<arena at 0, 8 x 64>] : () -> !plan.rows<tokens, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.wait
  %1 = plan.step rows outputs(%0) share rows places [#plan.place<arena at 512, 8 x 64>] : (!plan.rows<tokens, 16 x f32>) -> !plan.rows<outputs, 16 x f32> {
  ^bb0(%x: tensor<?x?x16xf32>):
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.return %1 as ["logits"] : !plan.rows<outputs, 16 x f32>
}

// -----

// Memory that is used again while another thread may still read what was there.
lm.param @t : tensor<8x16xf32> = dense<0.5>
lm.param @w : tensor<16x16xf32> = dense<0.5>
plan.program @reused(%ids: tensor<?x?xi32>) attributes {max_positions = 8 : i64, max_rows = 8 : i64, arena_bytes = 1024 : i64} {
  %0 = plan.step rows tokens() share rows places [#plan.place<arena at 0, 8 x 64>] : () -> !plan.rows<tokens, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.wait
  %1 = plan.step kernel tokens(%0) share panels places [#plan.place<arena at 512, 8 x 64>] : (!plan.rows<tokens, 16 x f32>) -> !plan.rows<tokens, 16 x f32> {
  ^bb0(%x: tensor<?x?x16xf32>):
    %y = lm.linear %x, @w : (tensor<?x?x16xf32>) -> tensor<?x?x16xf32> loc("q")
    plan.yield %y : tensor<?x?x16xf32>
  }
  // expected-error @+1 {{C4: expected plan.wait between this step and 'q', which another thread may still be reading}}
  %2 = plan.step rows tokens() share rows places [#plan.place<arena at 0, 8 x 64>] : () -> !plan.rows<tokens, 16 x f32> {
    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>
    plan.yield %x : tensor<?x?x16xf32>
  }
  plan.return %2 as ["logits"] : !plan.rows<tokens, 16 x f32>
}
