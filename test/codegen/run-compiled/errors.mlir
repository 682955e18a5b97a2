// What --lm-run-compiled refuses, at the op: what code generation lacks, what cannot be an input or a result of a model, and
// expectations that do not hold. Nothing is skipped.
// RUN: lmopt-opt %s --lm-run-compiled -split-input-file -verify-diagnostics

lm.param @v : tensor<2xf32> = dense<[1.0, 2.0]>
// expected-error@+1 {{result 0 is not as expected: relative difference 2.0}}
func.func @expect_differs() -> tensor<1x1x2xf32> attributes {lm.expect = [dense<[[[2.0, 5.0]]]> : tensor<1x1x2xf32>], lm.tolerance = 1.0e-1 : f64} {
  %x = arith.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
  %y = lm.bias_add %x, @v : tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}

// -----

// What code generation refuses, it refuses here, in its words.
func.func @unknown_op() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  // expected-error@+1 {{code generation: op 'arith.addf' is not supported}}
  %y = arith.addf %x, %x : tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}

// -----

func.func @call() -> tensor<1x1x2xf32> {
  // expected-error@+1 {{code generation: op 'func.call' is not supported; run --inline before}}
  %y = call @inner() : () -> tensor<1x1x2xf32>
  return %y : tensor<1x1x2xf32>
}
func.func private @inner() -> tensor<1x1x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  return %x : tensor<1x1x2xf32>
}

// -----

func.func @interleaved(%cache: !lm.cache) -> tensor<1x1x4xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x4xf32>
  // expected-error@+1 {{code generation: interleaved rope reaches code generation; run the pass lm-normalize-rope before}}
  %y, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 4, layout = interleaved>} : (tensor<1x1x4xf32>, tensor<1x1x4xf32>, tensor<1x1x4xf32>, !lm.cache) -> (tensor<1x1x4xf32>, !lm.cache)
  return %y : tensor<1x1x4xf32>
}

// -----

func.func @codes() -> tensor<1x1x2xui8> {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  %q, %s, %z = lm.quantize_dynamic %x : (tensor<1x1x2xf32>) -> (tensor<1x1x2xui8>, tensor<1x1xf32>, tensor<1x1xi32>)
  // expected-error@+1 {{code generation: a result must be rows of f32; these are codes or bf16 numbers, which only a product reads}}
  return %q : tensor<1x1x2xui8>
}

// -----

func.func @scale() -> tensor<1x1xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  %q, %s, %z = lm.quantize_dynamic %x : (tensor<1x1x2xf32>) -> (tensor<1x1x2xui8>, tensor<1x1xf32>, tensor<1x1xi32>)
  // expected-error@+1 {{code generation: an operand is neither an activation nor the result of a supported op}}
  return %s : tensor<1x1xf32>
}

// -----

// What has no place in a step of tokens.
func.func @codes_as_input() -> tensor<1x1x1xf32> {
  // expected-error@+1 {{code generation: a constant must be rows or vectors of f32, token ids or lengths}}
  %q = arith.constant dense<1> : tensor<1x1x2xui8>
  %s = arith.constant dense<1.0> : tensor<1x1xf32>
  %z = arith.constant dense<0> : tensor<1x1xi32>
  %y = lm.quantized_linear %q, %s, %z, @w : (tensor<1x1x2xui8>, tensor<1x1xf32>, tensor<1x1xi32>) -> tensor<1x1x1xf32>
  return %y : tensor<1x1x1xf32>
}
lm.param @w : !lm.int8<1x2> = #lm.quantize_rows<dense<1.0> : tensor<1x2xf32>>

// -----

func.func @two_lengths() -> tensor<1x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x3x2xf32>
  %n = arith.constant dense<3> : tensor<1xi32>
  // expected-error@+1 {{code generation: token ids, lengths and rows of one step belong to the same sequences; expected one tensor of ids, one of lengths, and rows of one batch and length}}
  %m = arith.constant dense<2> : tensor<1xi32>
  %y = lm.attention %x, %x, %x lengths %n {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.full} : (tensor<1x3x2xf32>, tensor<1x3x2xf32>, tensor<1x3x2xf32>, tensor<1xi32>) -> tensor<1x3x2xf32>
  %p = lm.pool %y, %m {kind = mean} : (tensor<1x3x2xf32>, tensor<1xi32>) -> tensor<1x2xf32>
  return %p : tensor<1x2xf32>
}

// -----

lm.param @w : tensor<3x2xf32> = dense<1.0>
func.func @embedding_id() -> tensor<1x1x2xf32> {
  %ids = arith.constant dense<3> : tensor<1x1xi32>
  // expected-error@+1 {{expected token ids from 0 to 2, but found 3}}
  %x = lm.embedding %ids, @w : (tensor<1x1xi32>) -> tensor<1x1x2xf32>
  return %x : tensor<1x1x2xf32>
}

// -----

lm.param @w : tensor<3x2xf32> = dense<1.0>
func.func @one_id_two_rows() -> tensor<1x2x2xf32> {
  %ids = arith.constant dense<1> : tensor<1x2xi32>
  // expected-error@+1 {{code generation: token 1 stands for rows that differ; use an id once}}
  %z = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]]]> : tensor<1x2x2xf32>
  %x = lm.embedding %ids, @w : (tensor<1x2xi32>) -> tensor<1x2x2xf32>
  %y = lm.add %x, %z : tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}

// -----

// A cache is that of one sequence: each step of it appends to a layer once, and steps are made alike.
func.func @layer_twice(%cache: !lm.cache) -> tensor<1x1x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  %y, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, !lm.cache) -> (tensor<1x1x2xf32>, !lm.cache)
  // expected-error@+1 {{code generation: layer 0 attends twice before one result; give them numbers}}
  %z, %d = lm.attention %y, %x, %x, %c {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, !lm.cache) -> (tensor<1x1x2xf32>, !lm.cache)
  return %z : tensor<1x1x2xf32>
}

// -----

func.func @two_caches(%cache: !lm.cache, %other: !lm.cache) -> tensor<1x1x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  %y, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, !lm.cache) -> (tensor<1x1x2xf32>, !lm.cache)
  // expected-error@+1 {{code generation: a result that needs two caches is not supported}}
  %z, %d = lm.attention %y, %x, %x, %other {layer = 1, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, !lm.cache) -> (tensor<1x1x2xf32>, !lm.cache)
  return %z : tensor<1x1x2xf32>
}

// -----

func.func @pooled_cache(%cache: !lm.cache) -> tensor<1x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  %n = arith.constant dense<1> : tensor<1xi32>
  %y, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, !lm.cache) -> (tensor<1x1x2xf32>, !lm.cache)
  %p = lm.pool %y, %n {kind = mean} : (tensor<1x1x2xf32>, tensor<1xi32>) -> tensor<1x2xf32>
  // expected-error@+1 {{code generation: a result that needs a cache has no place for lengths, pooling or vectors}}
  return %p : tensor<1x2xf32>
}

// -----

func.func @step_without_result(%cache: !lm.cache) -> tensor<1x1x2xf32> {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  // expected-error@+1 {{code generation: its cache is read by a later step; expected that step to be made of the same ops and its rows here to be a result, too}}
  %y, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, !lm.cache) -> (tensor<1x1x2xf32>, !lm.cache)
  %z, %d = lm.attention %x, %x, %x, %c {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, !lm.cache) -> (tensor<1x1x2xf32>, !lm.cache)
  return %z : tensor<1x1x2xf32>
}

// -----

func.func @steps_differ(%cache: !lm.cache) -> (tensor<1x1x2xf32>, tensor<1x1x2xf32>) {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  // expected-error@+1 {{code generation: its cache is read by a later step}}
  %y, %c = lm.attention %x, %x, %x, %cache {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, !lm.cache) -> (tensor<1x1x2xf32>, !lm.cache)
  %z, %d = lm.attention %x, %x, %x, %c {layer = 0, heads = 1, kv_heads = 1, scale = 2.0, mask = #lm.causal} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, !lm.cache) -> (tensor<1x1x2xf32>, !lm.cache)
  return %y, %z : tensor<1x1x2xf32>, tensor<1x1x2xf32>
}

// -----

// What the runtime refuses.
lm.param @w : tensor<3x2xf32> = dense<1.0>
// expected-error@+1 {{the compiled code does not run: lmopt_session_prefill_rows: the context is full: 0 of 3 positions are taken and 4 more are asked for}}
func.func @add_positions_long() -> tensor<?x?x2xf32> {
  %ids = arith.constant dense<0> : tensor<1x4xi32>
  %x = lm.embedding %ids, @w : (tensor<1x4xi32>) -> tensor<?x?x2xf32>
  %y = lm.add_positions %x, @w : tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}

// -----

// Weights are read as ever.
// expected-error@+1 {{no-such-file.gguf: cannot be opened: No such file or directory}}
lm.param @w : tensor<4x4xf32> = #lm.gguf<"no-such-file.gguf", "t", f32>
func.func @missing_file() -> tensor<1x1x4xf32> {
  %ids = arith.constant dense<0> : tensor<1x1xi32>
  %x = lm.embedding %ids, @w : (tensor<1x1xi32>) -> tensor<1x1x4xf32>
  return %x : tensor<1x1x4xf32>
}
