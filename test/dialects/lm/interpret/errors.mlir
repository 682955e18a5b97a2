// What the interpreter refuses, at the op, and expectations that do not hold.
// RUN: lmopt-opt %s --lm-interpret -split-input-file -verify-diagnostics

// expected-error@+1 {{result 0 is not as expected: relative difference 5.0}}
func.func @expect_differs() -> tensor<1x1x2xf32> attributes {lm.expect = [dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>], lm.tolerance = 0.1 : f64} {
  %x = arith.constant dense<[[[2.0, 2.0]]]> : tensor<1x1x2xf32>
  return %x : tensor<1x1x2xf32>
}

// -----

// expected-error@+1 {{result 0 is not as expected: shape or integers differ}}
func.func @expect_shape() -> tensor<1x1x2xf32> attributes {lm.expect = [dense<1.0> : tensor<2xf32>]} {
  %x = arith.constant dense<[[[2.0, 2.0]]]> : tensor<1x1x2xf32>
  return %x : tensor<1x1x2xf32>
}

// -----

// expected-error@+1 {{lm.expect has 2 values for 1 tensor results}}
func.func @expect_count() -> tensor<1xi32> attributes {lm.expect = [dense<1> : tensor<1xi32>, dense<1> : tensor<1xi32>]} {
  %x = arith.constant dense<1> : tensor<1xi32>
  return %x : tensor<1xi32>
}

// -----

// expected-error@+1 {{result 0 is not as expected: relative difference nan > tolerance 1.0}}
func.func @expect_nan() -> tensor<1x1x1xf32> attributes {lm.expect = [dense<1.0> : tensor<1x1x1xf32>], lm.tolerance = 1.0 : f64} {
  %x = arith.constant dense<0x7FC00000> : tensor<1x1x1xf32>
  return %x : tensor<1x1x1xf32>
}

// -----

// Numbers behind do not make up for it, and it is no number that is expected here.
// expected-error@+1 {{result 0 is not as expected: relative difference nan > tolerance 1.0}}
func.func @expect_nan_first() -> tensor<1x1x3xf32> attributes {lm.expect = [dense<[[[0x7FC00000, 1.0, 1.0]]]> : tensor<1x1x3xf32>], lm.tolerance = 1.0 : f64} {
  %x = arith.constant dense<[[[0x7FC00000, 0x7FC00000, 1.0]]]> : tensor<1x1x3xf32>
  return %x : tensor<1x1x3xf32>
}

// -----

// expected-error@+1 {{result 0 is not as expected: relative difference nan > tolerance 1.0}}
func.func @expect_nan_missing() -> tensor<1x1x2xf32> attributes {lm.expect = [dense<[[[0x7FC00000, 1.0]]]> : tensor<1x1x2xf32>], lm.tolerance = 1.0 : f64} {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  return %x : tensor<1x1x2xf32>
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
func.func @add_positions_long() -> tensor<?x?x2xf32> {
  %ids = arith.constant dense<0> : tensor<1x4xi32>
  %y = call @inner(%ids) : (tensor<1x4xi32>) -> tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}
func.func private @inner(%ids: tensor<1x4xi32>) -> tensor<?x?x2xf32> {
  %x = lm.embedding %ids, @w : (tensor<1x4xi32>) -> tensor<?x?x2xf32>
  // expected-error@+1 {{expected a sequence of at most 3 positions, but found 4}}
  %y = lm.add_positions %x, @w : tensor<?x?x2xf32>
  return %y : tensor<?x?x2xf32>
}

// -----

func.func @endless() -> tensor<1xi32> {
  // expected-error@+1 {{cannot call @endless: it does not exist or calls nest deeper than 64}}
  %y = call @endless() : () -> tensor<1xi32>
  return %y : tensor<1xi32>
}

// -----

func.func @unknown_op() -> tensor<1xi32> {
  %x = arith.constant dense<1> : tensor<1xi32>
  // expected-error@+1 {{the interpreter does not know 'arith.addi'}}
  %y = arith.addi %x, %x : tensor<1xi32>
  return %y : tensor<1xi32>
}

// -----

func.func @huge_constant() -> tensor<1000000x1000000xf32> {
  // expected-error@+1 {{expected a dense constant of f32, i32, ui8 or si8 with at most 2^28 numbers}}
  %x = arith.constant dense<1.0> : tensor<1000000x1000000xf32>
  return %x : tensor<1000000x1000000xf32>
}

// -----

// expected-error@+1 {{weight @w: expected 1 to 2^28 inline numbers, but found 1000000000000; keep larger weights in a file}}
lm.param @w : tensor<1000000x1000000xf32> = dense<1.0>
func.func @huge_weight() -> tensor<1x1x1000000xf32> {
  %ids = arith.constant dense<0> : tensor<1x1xi32>
  %x = lm.embedding %ids, @w : (tensor<1x1xi32>) -> tensor<1x1x1000000xf32>
  return %x : tensor<1x1x1000000xf32>
}

// -----

// expected-error@+1 {{no-such-file.gguf: cannot be opened: No such file or directory}}
lm.param @w : tensor<4x4xf32> = #lm.gguf<"no-such-file.gguf", "t", f32>
func.func @missing_file() -> tensor<1x1x4xf32> {
  %ids = arith.constant dense<0> : tensor<1x1xi32>
  %x = lm.embedding %ids, @w : (tensor<1x1xi32>) -> tensor<1x1x4xf32>
  return %x : tensor<1x1x4xf32>
}

// -----

// expected-error@+1 {{weight @w: row 1 holds a number that is not finite; it cannot be quantized}}
lm.param @w : !lm.int8<2x2> = #lm.quantize_rows<dense<[[1.0, 2.0], [0x7F800000, 1.0]]> : tensor<2x2xf32>>
func.func @quantize_infinity() -> tensor<1x1x2xf32> {
  %ids = arith.constant dense<0> : tensor<1x1xi32>
  %x = lm.embedding %ids, @w : (tensor<1x1xi32>) -> tensor<1x1x2xf32>
  return %x : tensor<1x1x2xf32>
}

// -----

lm.param @w : tensor<3x2xf32> = dense<1.0>
func.func @batches(%c: !lm.cache) -> !lm.cache {
  %x = arith.constant dense<1.0> : tensor<1x1x2xf32>
  %xx = arith.constant dense<1.0> : tensor<2x1x2xf32>
  %y, %c1 = lm.attention %x, %x, %x, %c {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<1x1x2xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>, !lm.cache) -> (tensor<1x1x2xf32>, !lm.cache)
  // expected-error@+1 {{the cache of layer 0 was filled by another batch size or width; a cache belongs to one model and one batch}}
  %z, %c2 = lm.attention %xx, %xx, %xx, %c1 {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal} : (tensor<2x1x2xf32>, tensor<2x1x2xf32>, tensor<2x1x2xf32>, !lm.cache) -> (tensor<2x1x2xf32>, !lm.cache)
  return %c2 : !lm.cache
}

// -----

lm.param @w : tensor<3x2xf32> = dense<1.0>
func.func @operands_disagree() -> tensor<?x2xf32> {
  %ids = arith.constant dense<0> : tensor<1x1xi32>
  %len = arith.constant dense<1> : tensor<2xi32>
  %x = lm.embedding %ids, @w : (tensor<1x1xi32>) -> tensor<?x?x2xf32>
  // expected-error@+1 {{the operands disagree about batch or sequence at run time}}
  %y = lm.pool %x, %len {kind = mean} : (tensor<?x?x2xf32>, tensor<2xi32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// expected-error@+1 {{weight @w: row 1 holds a number that is not finite or beyond what an f16 scale reaches; it cannot be quantized in groups}}
lm.param @w : !lm.grouped<2x4, bits = 4, group = 2, min> = #lm.quantize_groups<dense<[[1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 0x7FC00000, 1.0]]> : tensor<2x4xf32>, bits = 4, group = 2, min>
func.func @quantize_groups_nan() -> tensor<1x1x4xf32> {
  %ids = arith.constant dense<0> : tensor<1x1xi32>
  %x = lm.embedding %ids, @w : (tensor<1x1xi32>) -> tensor<1x1x4xf32>
  return %x : tensor<1x1x4xf32>
}

// -----

// expected-error@+1 {{weight @w: row 0 holds a number that is not finite or beyond what an f16 scale reaches}}
lm.param @w : !lm.grouped<1x2, bits = 4, group = 2, min> = #lm.quantize_groups<dense<[[-65520.0, 1.0]]> : tensor<1x2xf32>, bits = 4, group = 2, min>
func.func @quantize_groups_beyond_f16() -> tensor<1x1x2xf32> {
  %ids = arith.constant dense<0> : tensor<1x1xi32>
  %x = lm.embedding %ids, @w : (tensor<1x1xi32>) -> tensor<1x1x2xf32>
  return %x : tensor<1x1x2xf32>
}

// -----

// A sequence that grows beyond its original length is another one from its first token on.
func.func @longrope_grows(%cache0: !lm.cache) -> (tensor<1x2x4xf32>, tensor<1x3x4xf32>) {
  %x = arith.constant dense<1.0> : tensor<1x2x4xf32>
  %more = arith.constant dense<1.0> : tensor<1x3x4xf32>
  %y, %cache1 = lm.attention %x, %x, %x, %cache0 {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 2, layout = half, scaling = #lm.rope_scaling<longrope, factor = 4.0, original_positions = 4, short_factors = [1.0], long_factors = [2.0]>>} : (tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>, !lm.cache) -> (tensor<1x2x4xf32>, !lm.cache)
  // expected-error@+1 {{the keys in the cache of layer 0 are turned for another length of the sequence than 5: the model's angles depend on it; run the whole sequence again}}
  %z, %cache2 = lm.attention %more, %more, %more, %cache1 {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 2, layout = half, scaling = #lm.rope_scaling<longrope, factor = 4.0, original_positions = 4, short_factors = [1.0], long_factors = [2.0]>>} : (tensor<1x3x4xf32>, tensor<1x3x4xf32>, tensor<1x3x4xf32>, !lm.cache) -> (tensor<1x3x4xf32>, !lm.cache)
  return %y, %z : tensor<1x2x4xf32>, tensor<1x3x4xf32>
}

// -----

// A sequence that grows beyond its original length is another one from its first token on.
func.func @dynamic_grows(%cache0: !lm.cache) -> (tensor<1x2x4xf32>, tensor<1x3x4xf32>) {
  %x = arith.constant dense<1.0> : tensor<1x2x4xf32>
  %more = arith.constant dense<1.0> : tensor<1x3x4xf32>
  %y, %cache1 = lm.attention %x, %x, %x, %cache0 {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half, scaling = #lm.rope_scaling<dynamic, factor = 2.0, original_positions = 4>>} : (tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>, !lm.cache) -> (tensor<1x2x4xf32>, !lm.cache)
  // expected-error@+1 {{the keys in the cache of layer 0 are turned for another length of the sequence than 5: the model's angles depend on it; run the whole sequence again}}
  %z, %cache2 = lm.attention %more, %more, %more, %cache1 {layer = 0, heads = 1, kv_heads = 1, scale = 1.0, mask = #lm.causal, rope = #lm.rope<base = 1.0e4, dims = 4, layout = half, scaling = #lm.rope_scaling<dynamic, factor = 2.0, original_positions = 4>>} : (tensor<1x3x4xf32>, tensor<1x3x4xf32>, tensor<1x3x4xf32>, !lm.cache) -> (tensor<1x3x4xf32>, !lm.cache)
  return %y, %z : tensor<1x2x4xf32>, tensor<1x3x4xf32>
}
